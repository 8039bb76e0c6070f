package actions

import (
	"maps"
	"slices"
	"strings"
)

// Side is what is known of one build; either may be nil.
type Side struct {
	Log   *Log
	Graph *Graph
}

// Compare finds the inputs by which two builds of one thing differ. Where both logs are there they name the inputs; the graphs add
// what no log shows, the contents of what nothing imports: of the linked file. With graphs alone the earliest actions that differ
// are found, and not why.
func Compare(a, b Side) *Attribution {
	c := &comparison{out: &Attribution{Roots: []Root{}, OnlyA: []string{}, OnlyB: []string{}}, at: map[string]*pair{}}
	if a.Log != nil && b.Log != nil {
		c.compareLogs(a.Log, b.Log)
	}
	if a.Graph != nil && b.Graph != nil {
		c.compareGraphs(a.Graph, b.Graph, a.Log == nil || b.Log == nil)
	}
	c.finish()
	return c.out
}

// pair is one action in both builds. Names are those of A.
type pair struct {
	name   string
	a, b   *Action
	depth  int         // longest chain of imports below it
	own    []valuePair // inputs that differ and stand for no other package
	refs   []valuePair // imports and linked packages that differ; key is the package
	output *valuePair  // contents that differ from equal inputs
	blamed bool        // it has a root
}

func (p *pair) differs() bool { return len(p.own)+len(p.refs) > 0 }

// whole reports whether both sides' inputs are all there.
func (p *pair) whole() bool { return p.a == nil || p.a.Whole && p.b.Whole }

type valuePair struct {
	key  string
	a, b *string
}

type comparison struct {
	out   *Attribution
	pairs []*pair          // in an order in which they can be done
	at    map[string]*pair // by name
	mainA string           // import path of the linked package on either side, where they differ
	mainB string
}

func (c *comparison) compareLogs(a, b *Log) {
	c.pairMains(a, b)
	for _, name := range a.Names() {
		p := &pair{name: name, a: a.actions[name], b: b.actions[c.nameInB(name)]}
		if p.b == nil {
			c.out.OnlyA = append(c.out.OnlyA, name)
			continue
		}
		c.pairs = append(c.pairs, p)
		c.at[name] = p
	}
	for _, name := range b.Names() {
		if c.at[c.nameInA(name)] == nil {
			c.out.OnlyB = append(c.out.OnlyB, name)
		}
	}
	c.order()
	for _, p := range c.pairs {
		c.diffInputs(p)
	}
	for _, p := range c.pairs {
		c.blame(p)
	}
}

// pairMains lets the one program of A stand for the one of B under another name: built from file arguments, it is called
// command-line-arguments.
func (c *comparison) pairMains(a, b *Log) {
	x, y := a.links(), b.links()
	if len(x) == 1 && len(y) == 1 && x[0] != y[0] && b.actions[Build+" "+x[0]] == nil && a.actions[Build+" "+y[0]] == nil {
		c.mainA, c.mainB = x[0], y[0]
	}
}

// links are the packages that are linked.
func (l *Log) links() (pkgs []string) {
	for _, a := range l.actions {
		if a.Kind == Link {
			pkgs = append(pkgs, a.Package)
		}
	}
	return pkgs
}

func (c *comparison) nameInB(name string) string { return rename(name, c.mainA, c.mainB) }
func (c *comparison) nameInA(name string) string { return rename(name, c.mainB, c.mainA) }

func rename(name, from, to string) string {
	kind, pkg, _ := strings.Cut(name, " ")
	if from != "" && pkg == from {
		return kind + " " + to
	}
	return name
}

// order sorts pairs so that each comes after what it imports. What imports itself in a circle, which no build does, comes last.
func (c *comparison) order() {
	waits := make(map[*pair]int, len(c.pairs))
	users := make(map[*pair][]*pair, len(c.pairs))
	for _, p := range c.pairs {
		for _, d := range c.dependencies(p) {
			waits[p]++
			users[d] = append(users[d], p)
		}
	}
	var ready []*pair
	for _, p := range c.pairs {
		if waits[p] == 0 {
			ready = append(ready, p)
		}
	}
	for i := 0; i < len(ready); i++ {
		for _, u := range users[ready[i]] {
			u.depth = max(u.depth, ready[i].depth+1)
			if waits[u]--; waits[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
	for _, p := range c.pairs {
		if waits[p] > 0 {
			p.depth = len(c.pairs)
		}
	}
	sortPairs(c.pairs)
}

// dependencies are the pairs that p's inputs refer to, each once.
func (c *comparison) dependencies(p *pair) []*pair {
	var out []*pair
	seen := map[*pair]bool{p: true}
	for _, in := range p.a.Inputs {
		if pkg, ok := in.reference(); ok {
			if d := c.at[Build+" "+pkg]; d != nil && !seen[d] {
				seen[d] = true
				out = append(out, d)
			}
		}
	}
	return out
}

// diffInputs compares the values of each key as sets.
func (c *comparison) diffInputs(p *pair) {
	x, y := p.a.values(c.nameInA, false), p.b.values(c.nameInA, true)
	keys := maps.Clone(x)
	maps.Copy(keys, y)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		va, vb := join(x, k), join(y, k)
		if va != nil && vb != nil && *va == *vb {
			continue
		}
		if pkg, ok := (Input{Key: k}).reference(); ok {
			p.refs = append(p.refs, valuePair{pkg, va, vb})
		} else {
			p.own = append(p.own, valuePair{k, va, vb})
		}
	}
}

// values are an action's inputs by key; packages of B are called as in A.
func (a *Action) values(inA func(string) string, isB bool) map[string][]string {
	out := make(map[string][]string, len(a.Inputs))
	for _, in := range a.Inputs {
		if in.derived() {
			continue
		}
		if pkg, ok := in.reference(); ok && isB {
			in.Key = strings.TrimSuffix(in.Key, pkg) + strings.TrimPrefix(inA(Build+" "+pkg), Build+" ")
		}
		out[in.Key] = append(out[in.Key], in.Value)
	}
	return out
}

// join is a key's values as one, nil if it has none.
func join(m map[string][]string, key string) *string {
	l, ok := m[key]
	if !ok {
		return nil
	}
	slices.Sort(l)
	s := strings.Join(slices.Compact(l), "; ")
	return &s
}

// blame finds out why an action differs. What it imports comes before it, so the reasons for that are known.
func (c *comparison) blame(p *pair) {
	p.blamed = len(p.own) > 0
	var left []valuePair // imports that nothing accounts for
	folded := false
	for _, r := range p.refs {
		d := c.at[Build+" "+r.key]
		switch {
		case r.a == nil || r.b == nil: // another list of imports follows from other sources or flags, here or below
			left = append(left, r)
		case d == nil:
			left = append(left, r)
		case d.differs():
			folded = true
		default:
			if d.output == nil {
				d.output = &valuePair{Output, r.a, r.b}
				d.blamed = true
			}
			folded = true
		}
	}
	folded = folded || slices.ContainsFunc(c.dependencies(p), (*pair).differs)
	if len(left) > 0 && !p.blamed && !folded {
		p.own, p.blamed = left, true
		for i := range p.own {
			p.own[i].key = "import " + p.own[i].key
		}
	}
}
