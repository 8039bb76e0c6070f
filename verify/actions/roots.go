package actions

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

func sortPairs(pairs []*pair) {
	slices.SortFunc(pairs, func(p, q *pair) int { return cmp.Or(p.depth-q.depth, strings.Compare(p.name, q.name)) })
}

// finish collects the roots, those of one key and values together.
func (c *comparison) finish() {
	c.follow()
	o := c.out
	o.Actions = len(c.pairs)
	slices.Sort(o.OnlyA)
	slices.Sort(o.OnlyB)
	type group struct{ key, a, b string }
	index := map[group]int{}
	for _, p := range c.pairs {
		if !p.blamed {
			if p.differs() {
				o.Cascade++
			}
			continue
		}
		own := p.own
		if p.output != nil {
			own = append(own, *p.output)
		}
		for _, v := range own {
			switch v.key {
			case "dir":
				v.a, v.b = differingDir(v.a, v.b)
			case "CPPFLAGS", "CFLAGS", "CXXFLAGS", "FFLAGS", "LDFLAGS", "gcflags", "gcflags all", "asmflags", "asmflags all", "linkflags", "linkflags all":
				v.a, v.b = differingFlags(v.a, v.b)
			}
			k := group{v.key, show(v.a), show(v.b)}
			if v.key == Output || v.key == Unnamed {
				k.key += "\x00" + p.name // each is its own
			}
			i, ok := index[k]
			if !ok {
				i = len(o.Roots)
				index[k] = i
				o.Roots = append(o.Roots, Root{Key: v.key, A: v.a, B: v.b, Cgo: p.cgo(), Whole: p.whole()})
			}
			o.Roots[i].Actions = append(o.Roots[i].Actions, p.name)
		}
	}
}

// show tells an absent value from an empty one.
func show(v *string) string {
	if v == nil {
		return "\x00"
	}
	return *v
}

// cgo reports whether the package has C in it.
func (p *pair) cgo() bool {
	if p.a == nil {
		return false
	}
	_, x := p.a.Value("CC")
	_, y := p.b.Value("CC")
	return x || y
}

// differingDir takes off two directories what they have in common at their ends, in whole names.
func differingDir(a, b *string) (x, y *string) {
	if a == nil || b == nil {
		return a, b
	}
	s, t := *a, *b
	for {
		i, j := strings.LastIndexByte(s, '/'), strings.LastIndexByte(t, '/')
		if i <= 0 || j <= 0 || s[i:] != t[j:] {
			return &s, &t
		}
		s, t = s[:i], t[:j]
	}
}

// differingFlags takes out of two lists of quoted strings what both have.
func differingFlags(a, b *string) (x, y *string) {
	if a == nil || b == nil {
		return a, b
	}
	p, okA := listOf(*a)
	q, okB := listOf(*b)
	if !okA || !okB {
		return a, b
	}
	s, t := without(p, q), without(q, p)
	if s == t { // another order
		return a, b
	}
	return &s, &t
}

// listOf takes one list of quoted strings apart.
func listOf(s string) (items []string, ok bool) {
	lists, rest := cutLists(s)
	if len(lists) != 1 || rest != "" {
		return nil, false
	}
	for s = s[1:]; s != "]"; {
		q, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, false
		}
		items = append(items, q)
		s = strings.TrimPrefix(s[len(q):], " ")
	}
	return items, true
}

// without is the list of those in p that are not in q, each as often as it is missing.
func without(p, q []string) string {
	have := map[string]int{}
	for _, s := range q {
		have[s]++
	}
	var out []string
	for _, s := range p {
		if have[s]--; have[s] < 0 {
			out = append(out, s)
		}
	}
	return "[" + strings.Join(out, " ") + "]"
}
