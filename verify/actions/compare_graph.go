package actions

// compareGraphs adds what the graphs show: actions whose contents differ although their action IDs, which are hashes over their
// inputs, are equal. alone says that there are no logs, so that actions whose inputs differ are taken from here, too.
func (c *comparison) compareGraphs(a, b *Graph, alone bool) {
	if alone {
		c.pairGraphs(a, b)
	}
	for _, p := range c.pairs {
		x, y := a.find(p.name), b.find(c.nameInB(p.name))
		if x == nil || y == nil {
			continue
		}
		if x.actionID != y.actionID {
			if alone && len(p.refs) == 0 {
				p.own, p.blamed = []valuePair{{Unnamed, &x.actionID, &y.actionID}}, true
			}
			continue
		}
		if alone {
			p.refs = nil
		}
		if s, t := x.content(), y.content(); s != t && x.actionID != "" && p.output == nil {
			p.output, p.blamed = &valuePair{Output, &s, &t}, true
		}
	}
}

// pairGraphs makes the pairs of actions that both graphs have, in an order in which they can be done, with the dependencies of which
// the contents differ as references.
func (c *comparison) pairGraphs(a, b *Graph) {
	for name := range b.index {
		if _, ok := a.index[name]; !ok {
			c.out.OnlyB = append(c.out.OnlyB, name)
		}
	}
	depth := a.depths()
	for name, i := range a.index {
		if _, ok := b.index[name]; !ok {
			c.out.OnlyA = append(c.out.OnlyA, name)
			continue
		}
		if a.find(name) == nil || b.find(name) == nil { // several of one name
			continue
		}
		p := &pair{name: name, depth: depth[i]}
		for _, d := range a.nodes[i].deps {
			n := &a.nodes[d]
			m := b.find(n.mode + " " + n.pkg)
			if m == nil || n.buildID == "" {
				continue
			}
			if s, t := n.content(), m.content(); s != t {
				p.refs = append(p.refs, valuePair{n.pkg, &s, &t})
			}
		}
		c.pairs = append(c.pairs, p)
		c.at[name] = p
	}
	sortPairs(c.pairs)
}

// depths are the lengths of the longest chains of dependencies below each action; those of a circle, which no build has, are as
// long as the graph.
func (g *Graph) depths() []int {
	waits, depth := make([]int, len(g.nodes)), make([]int, len(g.nodes))
	users := make([][]int, len(g.nodes))
	var ready []int
	for i, n := range g.nodes {
		waits[i] = len(n.deps)
		for _, d := range n.deps {
			users[d] = append(users[d], i)
		}
		if len(n.deps) == 0 {
			ready = append(ready, i)
		}
	}
	for k := 0; k < len(ready); k++ {
		for _, u := range users[ready[k]] {
			depth[u] = max(depth[u], depth[ready[k]]+1)
			if waits[u]--; waits[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
	for i, w := range waits {
		if w > 0 {
			depth[i] = len(g.nodes)
		}
	}
	return depth
}
