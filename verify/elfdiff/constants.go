package elfdiff

import (
	"bytes"
	"hash/fnv"
	"slices"
	"sort"
)

// maxConstants bounds the constants of one place that are looked for one by one.
const maxConstants = 1 << 16

// span64 is a constant's place: from where something begins to where something else does.
type span64 struct{ lo, hi uint64 }

// constantsIn lists the constants of a file that any of n bytes from addr on belong to.
func constantsIn(limits []uint64, addr, n uint64) (out []span64, ok bool) {
	if n == 0 {
		return nil, true
	}
	i := sort.Search(len(limits), func(i int) bool { return limits[i] > addr }) - 1
	for ; i >= 0 && i+1 < len(limits) && limits[i] < addr+n; i++ {
		if out = append(out, span64{limits[i], limits[i+1]}); len(out) > maxConstants {
			return nil, false
		}
	}
	return out, len(out) > 0
}

// constantIndex finds the constants of a section by their contents.
type constantIndex map[uint64]span64

func sumOf(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

func (im *image) constantIndex(s *section, limits []uint64) constantIndex {
	if x := im.constantsOf[s]; x != nil {
		return x
	}
	x := constantIndex{}
	b := im.contents(s)
	for i := sort.Search(len(limits), func(i int) bool { return limits[i] >= s.Addr }); i+1 < len(limits) && limits[i+1] <= s.Addr+uint64(len(b)); i++ {
		p := span64{limits[i], limits[i+1]}
		x[sumOf(b[p.lo-s.Addr:p.hi-s.Addr])] = p
	}
	if im.constantsOf == nil {
		im.constantsOf = map[*section]constantIndex{}
	}
	im.constantsOf[s] = x
	return x
}

// bytesOf are a constant's bytes, nil if they do not lie in the section.
func (im *image) bytesOf(s *section, p span64) []byte {
	b := im.contents(s)
	if p.lo < s.Addr || p.hi > s.Addr+uint64(len(b)) {
		return nil
	}
	return b[p.lo-s.Addr : p.hi-s.Addr]
}

// missing lists those of im's constants around a place that the other file has nowhere in its section.
func missing(im *image, s *section, list []span64, other *image, o *section, x constantIndex) (out []span64) {
	for _, p := range list {
		b := im.bytesOf(s, p)
		q, ok := x[sumOf(b)]
		if b == nil || !ok || !bytes.Equal(b, other.bytesOf(o, q)) {
			out = append(out, p)
		}
	}
	return out
}

// noteConstants notes of a place among unnamed constants those that only one of the files has: where one has more of them, or others, the rest
// lies elsewhere. It reports false if the place is no such one.
func (c *comparison) noteConstants(e Evidence, p *pair) bool {
	var la, lb []span64
	okA, okB := true, true
	na, nb := e.span[0], e.span[1]
	if na == 0 && nb == 0 {
		return false
	}
	if na > 0 {
		la, okA = constantsIn(c.limitsA(), p.sa.Addr+uint64(e.OffsetA), uint64(na))
	}
	if nb > 0 {
		lb, okB = constantsIn(c.limitsB(), p.sb.Addr+uint64(e.OffsetB), uint64(nb))
	}
	if !okA || !okB {
		return false
	}
	named := func(n *addrNames) func(span64) bool { return func(s span64) bool { return n.at(s.lo) != "" } }
	if slices.ContainsFunc(la, named(c.nameA())) || slices.ContainsFunc(lb, named(c.nameB())) {
		return false
	}
	for _, s := range la {
		if !c.onlyBytes(s.lo, c.a.bytesOf(p.sa, s)) {
			return false
		}
	}
	la = missing(c.a, p.sa, la, c.b, p.sb, c.b.constantIndex(p.sb, c.limitsB()))
	lb = missing(c.b, p.sb, lb, c.a, p.sa, c.a.constantIndex(p.sa, c.limitsA()))
	if len(la) > 0 && slices.EqualFunc(la, lb, func(x, y span64) bool { return x.hi-x.lo == y.hi-y.lo }) {
		return false // one for one: the place itself says more
	}
	left := e.Bytes
	for i := range max(len(la), len(lb)) {
		f := Evidence{Verdict: e.Verdict, Section: e.Section, OffsetA: -1, OffsetB: -1}
		var x, y []byte
		if i < len(la) {
			if !c.said(0, la[i]) {
				x = c.a.bytesOf(p.sa, la[i])
				f.OffsetA, f.A = int64(la[i].lo-p.sa.Addr), excerpt(x)
			}
		}
		if i < len(lb) {
			if !c.said(1, lb[i]) {
				y = c.b.bytesOf(p.sb, lb[i])
				f.OffsetB, f.B = int64(lb[i].lo-p.sb.Addr), excerpt(y)
			}
		}
		if f.OffsetA < 0 && f.OffsetB < 0 {
			continue
		}
		f.Bytes = int64(max(len(x), len(y)))
		if len(x) == len(y) {
			f.Bytes = countDiffering(x, y)
		}
		left -= f.Bytes
		c.out.add(f, p.sa.tallyFlags())
	}
	c.out.addMoved(e.Section, left, p.sa.tallyFlags())
	return true
}

// said reports whether a constant of a side was noted before, and notes that it was.
func (c *comparison) said(side int, p span64) bool {
	if c.saidOf[side] == nil {
		c.saidOf[side] = map[uint64]bool{}
	}
	was := c.saidOf[side][p.lo]
	c.saidOf[side][p.lo] = true
	return was
}
