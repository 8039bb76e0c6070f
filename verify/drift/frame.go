package drift

import (
	"slices"
	"strings"
)

// memory is how a function uses the words of its own frame. Variables whose address is taken, or that are indexed, lie there in one order in host
// and plugin, and each is as large; what the register allocator spills lies between them, and is read and written directly only.
type memory struct {
	taken []int64 // offsets from the stack pointer at which such a variable, or a part of one, begins; sorted
	args  bool    // the address of an argument on the stack is taken
	lost  bool    // the stack pointer is used in a way that is not understood
	small bool    // there are places of less than four bytes
	end   int64   // of the words at the frame's lower end that are only written or only read: what calls take and return
}

// remember fills in how a side's code uses its frame, from pc to where it asks for more stack.
func (w *walk) remember(side int, pc uint64) memory {
	m := memory{}
	var written, read = map[int64]bool{}, map[int64]bool{}
	sp := w.c.dec.sp()
	at := map[int64]bool{}
	take := func(off int64) {
		if off >= w.frame[side] {
			m.args = true
			return
		}
		at[off] = true
	}
	far := map[loc]int64{} // registers with a number
	for _, in := range w.reached(side, pc) {
		if in.kind == kindNop {
			continue
		}
		if w.c.unit == 4 && in.kind == kindMove && len(in.dst) == 1 && len(in.src) == 1 {
			delete(far, in.dst[0])
			if v := w.number32(side, in.src[0]); v >= 0 {
				far[in.dst[0]] = v
			}
		}
		for i, a := range in.src {
			switch {
			case a.kind == argReg && a.reg == sp:
				off := int64(0)
				if in.kind != kindMove {
					if !strings.HasPrefix(in.op, "ADD") {
						continue // what compares addresses leads nowhere
					}
					if len(in.src) != 2 {
						m.lost = true
						continue
					}
					off = in.src[1-i].imm
					if b := in.src[1-i]; b.kind == argReg {
						var ok bool
						if off, ok = far[b.reg]; !ok {
							m.lost = true
						}
					}
				}
				take(off)
			case a.kind != argMem || a.base != sp:
			case a.index != noLoc && far[a.index] > 0:
				a.disp += far[a.index]
				fallthrough
			case a.index == noLoc && in.kind != kindLEA && a.disp < w.frame[side]:
				to := read
				if in.store && i == 0 && in.kind == kindMove {
					to = written
				}
				m.small = m.small || a.size < 4 || a.disp&3 != 0
				for off := a.disp &^ 3; off < a.disp+int64(max(a.size, 1)); off += 4 {
					to[off] = true
				}
			case a.index != noLoc || in.kind == kindLEA:
				take(a.disp)
			}
		}
	}
	for off := range at {
		m.taken = append(m.taken, off)
	}
	slices.Sort(m.taken)
	first := w.frame[side]
	if len(m.taken) > 0 {
		first = m.taken[0]
	}
	for m.end = w.c.dec.linkSize() * w.c.outLink(); m.end < first && written[m.end] != read[m.end]; m.end += 4 {
	}
	return m
}

// reached are the instructions from pc to where the function asks for more stack. On arm, numbers stand between them.
func (w *walk) reached(side int, pc uint64) []inst {
	fn := w.fn[side]
	var out []inst
	if w.c.unit == 1 {
		for pc < fn.addr+fn.size && pc != w.more[side] {
			in := w.inst(side, pc)
			if pc = in.next; in.kind == kindBad {
				pc = in.addr + 1
				continue
			}
			out = append(out, in)
		}
		return out
	}
	seen := map[uint64]bool{w.more[side]: true}
	for queue := []uint64{pc}; len(queue) > 0; {
		pc, queue = queue[len(queue)-1], queue[:len(queue)-1]
		for !seen[pc] && !w.leaves(side, pc) {
			seen[pc] = true
			in := w.inst(side, pc)
			pc = in.addr + 4
			if in.kind == kindBad && in.op == unknown || in.kind == kindRet || in.kind == kindStop {
				break
			}
			out = append(out, in)
			if in.kind == kindCond || in.kind == kindJump {
				queue = append(queue, in.target)
			}
			if in.kind == kindJump || in.kind == kindCall && in.target != 0 && neverReturns(w.space(side).nameOf(place{addr: in.target})) {
				break
			}
		}
	}
	return out
}

// number32 is the number that a move of arm's takes: its own, or a literal. It is negative for all else.
func (w *walk) number32(side int, a arg) int64 {
	switch {
	case a.kind == argImm:
		return int64(uint32(a.imm))
	case a.kind == argMem && a.abs && a.index == noLoc && !w.leaves(side, uint64(a.disp)):
		if v, err := w.space(side).file.ReadWord(uint64(a.disp)); err == nil {
			return int64(v)
		}
	}
	return -1
}

// extent is how many bytes the variable at taken[i] has at most: to the next one, where that is nearer.
func (w *walk) extent(i int) int64 {
	size := int64(1 << 24)
	for side := range 2 {
		end := w.frame[side]
		if t := w.memory[side].taken; i+1 < len(t) {
			end = t[i+1]
		}
		size = min(size, end-w.memory[side].taken[i])
	}
	return size
}

// observed compares what the variables in memory hold where something may read them that is not followed, and takes it that this wrote them if it
// can.
func (w *walk) observed(st *state, writes bool) {
	args := w.memory[0].args || w.memory[1].args
	if len(w.memory[0].taken)+len(w.memory[1].taken) == 0 && !args {
		return
	}
	if !w.alike {
		w.undecided("other variables on the stack")
		return
	}
	first := callerLoc
	if len(w.memory[0].taken) > 0 {
		first = w.slotAt(0, w.memory[0].taken[0])
	}
	var words []loc
	for side := range 2 {
		for l := range st[side].all() {
			if _, both := st[0].find(l); side == 1 && both {
				continue
			}
			if l >= first && l < ownLoc/2 || args && l >= callerLoc/2 && l < fieldLoc {
				words = append(words, l)
			}
		}
	}
	slices.Sort(words)
	for _, l := range words {
		x, y := st.get(0, l), st.get(1, l)
		before := l - loc(w.c.dec.linkSize())
		a, _ := st[0].at(l)
		b, _ := st[1].at(l)
		if a.size != b.size || w.equal(x, y) != yes && w.boxed(st.get(0, before), st.get(1, before), x, y) != yes && !w.sameString(x, y, st.get(0, l+l-before)) {
			w.undecided("%s or %s in a variable on the stack", w.show(0, x), w.show(1, y))
			return
		}
	}
	for _, l := range words {
		if !writes {
			break
		}
		v := value{valClass, w.class()}
		for side := range 2 {
			e, _ := st[side].at(l)
			e.v, e.fresh, e.near = v, false, false
			st[side].put(l, e)
		}
	}
	if writes {
		e := entry{v: value{valClass, w.class()}}
		st.both(epochLoc, e)
		if args {
			st.both(argsLoc, e)
		}
	}
}
