package drift

// takes are the registers in which a function of the plugin takes arguments; known is false when that cannot be told. Where the function asks for
// more stack it saves exactly these; one that never does is followed until each register was written.
func (c *comparison) takes(fn *function) (regs []loc, known bool) {
	if t, ok := c.taken[fn.addr]; ok {
		return t.regs, t.known
	}
	l, err := c.listed(fn)
	if err == nil {
		w := &walk{c: c, fn: [2]*function{fn, fn}, list: [2]*listing{nil, l}}
		if regs, known = w.saved(1); !known {
			regs, known = w.read()
		}
	}
	if c.taken == nil {
		c.taken = map[uint64]taken{}
	}
	c.taken[fn.addr] = taken{regs, known}
	return regs, known
}

type taken struct {
	regs  []loc
	known bool
}

// saved are the registers that the function saves before it asks for more stack.
func (w *walk) saved(side int) ([]loc, bool) {
	pc := w.fn[side].addr
	for range 16 {
		in := w.inst(side, pc)
		switch in.kind {
		case kindCond:
			if !w.morestack(side, in.target) {
				return nil, false
			}
			var out []loc
			for at := in.target; ; {
				s := w.inst(side, at)
				if s.kind == kindCall {
					return out, true
				}
				if s.store && s.src[1].kind == argReg {
					out = append(out, s.src[1].reg)
				}
				if at = s.next; s.kind == kindJump {
					at = s.target
				}
			}
		case kindNop, kindMove, kindLEA, kindOp:
			pc = in.next
		default:
			return nil, false
		}
	}
	return nil, false
}

// maxRead bounds the instructions that read follows.
const maxRead = 1 << 11

// read are the registers that the function reads before it writes them, on any way.
func (w *walk) read() ([]loc, bool) {
	var live uint64
	seen := map[uint64]uint64{} // what was written on all ways to an instruction
	type point struct{ pc, written uint64 }
	queue := []point{{w.fn[1].addr, 0}}
	for n := 0; len(queue) > 0; n++ {
		p := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if old, ok := seen[p.pc]; ok {
			if p.written&old == old {
				continue
			}
			p.written &= old
		}
		seen[p.pc] = p.written
		in := w.inst(1, p.pc)
		if n > maxRead || in.kind == kindBad || in.kind == kindTable || in.kind == kindCall || in.kind == kindJump && w.leaves(1, in.target) {
			return nil, false
		}
		for _, a := range in.src {
			regs := []loc{a.reg}
			switch a.kind {
			case argReg:
			case argMem:
				regs = []loc{a.base, a.index}
			default:
				continue
			}
			for _, r := range regs {
				if r >= 0 && r < 64 && p.written>>uint(r)&1 == 0 {
					live |= 1 << uint(r)
				}
			}
		}
		for _, r := range in.dst {
			if r >= 0 && r < 64 {
				p.written |= 1 << uint(r)
			}
		}
		switch in.kind {
		case kindRet, kindStop:
		case kindJump:
			queue = append(queue, point{in.target, p.written})
		case kindCond:
			queue = append(queue, point{in.target, p.written}, point{in.next, p.written})
		default:
			queue = append(queue, point{in.next, p.written})
		}
	}
	var out []loc
	for _, r := range w.c.dec.results() {
		if live>>uint(r)&1 == 1 {
			out = append(out, r)
		}
	}
	return out, true
}
