package drift

import (
	"fmt"
	"slices"
)

// operand is an argument with what is known of it.
type operand struct {
	mem         bool
	v           value // what a register or a number is; of memory in the frame, its content
	slot        loc   // memory in the frame, else noLoc
	base, index value
	scale, disp int64
	size        int
}

// none stands for a base or an index that is not there.
var none = value{valConst, 0}

// slotAt names the word at an offset from the stack pointer. The same word of the same variable has one name on both sides, and so has what calls
// take and return; what else is there is a side's own.
func (w *walk) slotAt(side int, off int64) loc {
	if off < -1<<22 || off > 1<<22 {
		return noLoc
	}
	if off >= w.frame[side] {
		return callerLoc + loc(off-w.frame[side])
	}
	own := ownLoc + loc(side)<<24 + loc(off)
	if !w.alike {
		if off >= 0 && off < w.out {
			return frameLoc + loc(off)
		}
		return own
	}
	x, y := w.memory[0].taken, w.memory[1].taken
	i, ok := slices.BinarySearch(w.memory[side].taken, off)
	if !ok {
		i--
	}
	switch {
	case i < 0 && off >= 0 && off < w.out:
		return frameLoc + loc(off)
	case i < 0:
		return own
	case side == 0 && off-x[i] < w.extent(i):
		return frameLoc + loc(off)
	case side == 1 && off-y[i] < w.extent(i):
		return frameLoc + loc(x[i]+off-y[i])
	}
	return own
}

// resolve finds out what an argument is. What is read of memory in the frame is its content.
func (w *walk) resolve(side int, a arg, st *state) operand {
	switch a.kind {
	case argReg:
		if a.reg == w.c.dec.sp() {
			return operand{v: value{valFrame, 0}, slot: noLoc}
		}
		return operand{v: w.reg(side, a.reg, st), slot: noLoc}
	case argImm:
		return operand{v: value{valConst, a.imm}, slot: noLoc}
	case argG:
		return operand{v: value{valContent, int64(w.c.dec.g())}, slot: noLoc}
	}
	o := operand{mem: true, slot: noLoc, base: none, index: none, scale: a.scale, disp: a.disp, size: a.size}
	if a.index != noLoc {
		if o.index = w.reg(side, a.index, st); o.index.kind == valConst { // far offsets take a register
			o.disp += o.index.n * a.scale
			if w.c.unit == 4 {
				o.disp = int64(int32(o.disp))
			}
			o.index = none
		}
	}
	if o.index == none {
		o.scale = 0
	}
	switch {
	case a.abs && o.index == none:
		o.base, o.disp = w.address(side, place{addr: w.space(side).wrap(uint64(o.disp))}), 0
	case a.base == w.c.dec.sp():
		o.base = value{valFrame, 0}
	case a.base != noLoc:
		o.base = w.reg(side, a.base, st)
	}
	switch {
	case o.base.kind == valFrame:
		o.base.n, o.disp = o.base.n+o.disp, 0
		if o.index == none {
			o.slot = w.slotAt(side, o.base.n)
			o.v = none
			if o.slot != noLoc {
				o.v = w.held(side, o.slot, int64(o.size), st)
			}
		}
	case o.base.kind == valAddr && o.disp != 0:
		o.base, o.disp = w.offset(side, o.base, o.disp), 0
	}
	return o
}

func (w *walk) reg(side int, r loc, st *state) value {
	if r == w.c.dec.zero() {
		return value{valConst, 0}
	}
	return st.get(side, r)
}

// maxPlaces bounds the places of one function that are compared with each new one.
const maxPlaces = 1 << 12

// address numbers a place, with the number of the other side's place that means the same.
func (w *walk) address(side int, p place) value {
	if n, ok := w.number[side][p]; ok {
		return value{valAddr, n}
	}
	other := 1 - side
	for i, q := range w.places[other] {
		if i > maxPlaces {
			break
		}
		if q == (place{}) || w.places[side][i] != (place{}) {
			continue
		}
		a, b := p, q
		if side == 1 {
			a, b = q, p
		}
		if w.c.samePlace(a, b) == yes {
			w.places[side][i] = p
			w.number[side][p] = int64(i)
			return value{valAddr, int64(i)}
		}
	}
	n := len(w.places[side])
	w.places[side], w.places[other] = append(w.places[side], p), append(w.places[other], place{})
	w.number[side][p] = int64(n)
	return value{valAddr, int64(n)}
}

func (w *walk) offset(side int, v value, by int64) value {
	p := w.places[side][v.n]
	p.addr = w.space(side).wrap(p.addr + uint64(by))
	return w.address(side, p)
}

// equal compares two values.
func (w *walk) equal(x, y value) answer {
	if x.kind == valAddr && y.kind == valConst && w.c.unit == 4 { // a number that was taken for an address
		if w.placeOf(0, x).addr == uint64(y.n) {
			return yes
		}
		return maybe
	}
	if x.kind != y.kind {
		return maybe
	}
	if x.kind == valFrame || x.kind == valContent {
		return w.sameVariable(x, y)
	}
	if x == y {
		return yes
	}
	switch x.kind {
	case valConst:
		return no
	case valAddr:
		a, b := w.placeOf(0, x), w.placeOf(1, y)
		if a == (place{}) || b == (place{}) {
			return no
		}
		return w.c.samePlace(a, b)
	case valData:
		return w.c.sameBytes(w.placeOf(0, x).addr, w.placeOf(1, y).addr, int(x.n>>32))
	}
	return maybe
}

func (w *walk) placeOf(side int, v value) place { return w.places[side][v.n&(1<<32-1)] }

// sameVariable compares addresses in the frame, or what was there at first.
func (w *walk) sameVariable(x, y value) answer {
	if x.kind == valFrame {
		if x.n == 0 && y.n == 0 {
			return yes // the stack pointer
		}
		if x.n = int64(w.slotAt(0, x.n)); x.n != int64(w.slotAt(1, y.n)) {
			return maybe
		}
		return yes
	}
	if x.n == y.n {
		return yes
	}
	return maybe
}

// show writes a value of one side for people.
func (w *walk) show(side int, v value) string {
	switch v.kind {
	case valConst:
		return fmt.Sprint(v.n)
	case valAddr:
		p := w.placeOf(side, v)
		if s := w.space(side).nameOf(p); s != "" {
			return s
		}
		if b := w.space(side).bytesAt(p.addr, 16); len(b) > 0 && w.space(side).readOnly(p.addr) {
			return fmt.Sprintf("%q...", b)
		}
		return fmt.Sprintf("what is at %#x", p.addr)
	case valFrame:
		return "a local variable's address"
	}
	return "a value"
}
