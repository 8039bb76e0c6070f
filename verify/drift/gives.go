package drift

import "math/bits"

// maxDepth bounds the calls that are followed to find out in how many registers a function returns.
const maxDepth = 4

// gives are the registers in which a function of the plugin may return something, one bit for each. What nothing wrote on some way to a return, or what
// was gone after a call on it, is no result, and neither are those behind it: results take registers in order.
func (c *comparison) gives(fn *function, depth int) uint64 {
	all := c.inOrder(0)
	if depth == 0 || fn == nil || fn.size > 1<<16 {
		return all
	}
	if g, ok := c.given[fn.addr]; ok {
		return g
	}
	if c.given == nil {
		c.given = map[uint64]uint64{}
	}
	c.given[fn.addr] = all // for those that call themselves
	l, err := c.listed(fn)
	if err != nil {
		return all
	}
	w := &walk{c: c, fn: [2]*function{fn, fn}, list: [2]*listing{nil, l}}
	out := w.returned(depth)
	if depth == maxDepth || out != all {
		c.given[fn.addr] = out
	} else {
		delete(c.given, fn.addr)
	}
	return out
}

// inOrder are the registers of results, without those that are gone and what is behind them.
func (c *comparison) inOrder(gone uint64) (out uint64) {
	ints, floats := false, false
	for _, r := range c.dec.results() {
		stop := &ints
		if r >= floatLoc {
			stop = &floats
		}
		if *stop = *stop || gone>>uint(r)&1 == 1; !*stop {
			out |= 1 << uint(r)
		}
	}
	return out
}

// absent are the registers that hold nothing when a side's function begins, where that can be told: those that it does not save before it asks for
// more stack.
func (w *walk) absent(side int) uint64 {
	saved, known := w.saved(side)
	if !known {
		return 0
	}
	out := w.c.inOrder(0)
	for _, r := range saved {
		out &^= 1 << uint(r)
	}
	return out
}

// returned follows a function of the plugin to its returns.
func (w *walk) returned(depth int) uint64 {
	all := w.c.inOrder(0)
	out := all
	seen := map[uint64]uint64{}
	type point struct{ pc, gone uint64 }
	queue := []point{{w.fn[1].addr, w.absent(1)}}
	for n := 0; len(queue) > 0; n++ {
		p := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if old, ok := seen[p.pc]; ok {
			if p.gone|old == old {
				continue
			}
			p.gone |= old
		}
		seen[p.pc] = p.gone
		in := w.inst(1, p.pc)
		if n > maxRead || in.kind == kindBad || in.kind == kindTable {
			return all
		}
		for _, r := range in.dst {
			if r >= 0 && r < 64 {
				p.gone &^= 1 << uint(r)
			}
		}
		switch {
		case in.kind == kindStop:
		case in.kind == kindRet:
			out &= w.c.inOrder(p.gone)
		case in.kind == kindJump && w.leaves(1, in.target):
			out &= w.c.gives(w.c.plugin.functions.byAddr(in.target), depth-1)
		case in.kind == kindJump:
			queue = append(queue, point{in.target, p.gone})
		case in.kind == kindCall:
			f := w.c.plugin.functions.byAddr(in.target)
			if f != nil && neverReturns(f.name) {
				break
			}
			if f != nil {
				if _, own := w.keeps(f.name); own {
					queue = append(queue, point{in.next, p.gone})
					break
				}
			}
			queue = append(queue, point{in.next, all &^ w.c.gives(f, depth-1)})
		case in.kind == kindCond:
			if !w.morestack(1, in.target) {
				queue = append(queue, point{in.target, p.gone})
			}
			queue = append(queue, point{in.next, p.gone})
		default:
			queue = append(queue, point{in.next, p.gone})
		}
		if bits.OnesCount64(out) == 0 {
			return 0
		}
	}
	return out
}

// registers compares what is in the registers where a function returns, or calls what is not known: of those that may hold something on both sides.
func (w *walk) registers(st *state, among uint64, what string) {
	regs := w.c.dec.results()
	ints, floats := false, false
	for i, r := range regs {
		stop := &ints
		if r >= floatLoc {
			stop = &floats
		}
		a, _ := st[0].at(r)
		b, _ := st[1].at(r)
		if *stop = *stop || a.gone || b.gone || among>>uint(r)&1 == 0; *stop {
			continue
		}
		w.pointed(st.get(0, r), st.get(1, r), st)
		switch x, y := st.get(0, r), st.get(1, r); {
		case w.equal(x, y) == yes:
		case i > 0 && w.boxed(st.get(0, regs[i-1]), st.get(1, regs[i-1]), x, y) == yes:
		case a.fresh && b.fresh && a.near && b.near:
			w.given(x, y, w.after(regs, i, st), what)
		case w.sameString(x, y, w.after(regs, i, st)):
		default:
			w.undecided("%s (%s, %s)", what, w.show(0, x), w.show(1, y))
		}
	}
}
