package drift

import (
	"debug/elf"
	"strings"
)

// move applies a copy to one side's state. It returns false when the instruction is an event: a load or a store outside the frame, or
// a computation.
func (w *walk) move(side int, in inst, st *state) bool {
	m := &st[side]
	if in.kind == kindLEA {
		o := w.resolve(side, in.src[0], st)
		v, ok := w.addressOf(in.src[0], o)
		if ok {
			w.use(side, in.src[0], st)
			m.put(in.dst[0], put(v))
		}
		return ok
	}
	if in.store {
		to := w.resolve(side, in.src[0], st)
		if to.slot == noLoc {
			return false
		}
		from := w.resolve(side, in.src[1], st)
		w.use(side, in.src[1], st)
		w.set(side, to.slot, int64(in.src[0].size), from.v, st)
		w.wrote(side, from.v, to.slot, in.src[1].kind == argImm)
		return true
	}
	src := in.src[0]
	o := w.resolve(side, src, st)
	v := o.v
	if src.kind == argMem {
		var ok bool
		if v, ok = w.load(side, in, o); !ok {
			return false
		}
	}
	w.use(side, src, st)
	m.put(in.dst[0], put(v))
	return true
}

// addressOf is the value of an LEA that computes nothing.
func (w *walk) addressOf(a arg, o operand) (value, bool) {
	switch {
	case o.index != none:
		return value{}, false
	case o.base.kind == valFrame, o.base.kind == valAddr:
		return o.base, true
	}
	return o.base, a.index == noLoc && a.disp == 0
}

// load is the value of a load that the register allocator or the linker may have put there: of a word in the frame, of an entry of the global
// offset table, of a constant.
func (w *walk) load(side int, in inst, o operand) (value, bool) {
	s := w.space(side)
	switch {
	case in.signed || o.index != none:
		return value{}, false
	case o.slot != noLoc:
		return o.v, true
	case o.base.kind != valAddr || o.disp != 0:
		return value{}, false
	}
	p := w.placeOf(side, o.base)
	if p.name != "" {
		return value{}, false
	}
	literal := w.c.unit == 4 && p.addr >= w.fn[side].addr && p.addr < w.fn[side].addr+w.fn[side].size
	switch {
	case literal && o.size == 4:
		v, err := s.file.ReadWord(p.addr)
		if side == 0 && s.file.Type == elf.ET_EXEC && s.mapped(v) { // rather an address than a number
			return w.address(side, place{addr: v}), err == nil
		}
		return value{valConst, int64(v)}, err == nil
	case o.size == s.file.PtrSize() && s.inGOT(p.addr):
		if to, ok := s.pointer(p.addr); ok {
			return w.address(side, to), true
		}
	case in.dst[0] >= floatLoc && o.size <= 8 && (literal || s.readOnly(p.addr)):
		return value{valData, o.base.n | int64(o.size)<<32}, true
	}
	return value{}, false
}

// use notes that a register's value was taken.
func (w *walk) use(side int, a arg, st *state) {
	mark := func(l loc) {
		if i, ok := st[side].find(l); ok {
			st[side][i].fresh = false
		}
	}
	switch a.kind {
	case argReg:
		mark(a.reg)
	case argMem:
		if a.base != noLoc {
			mark(a.base)
		}
		if a.index != noLoc {
			mark(a.index)
		}
	}
}

// fold applies a sum of an address and a number: -dynlink makes one of what is a single address otherwise.
func (w *walk) fold(side int, in inst, st *state) bool {
	if !strings.HasPrefix(in.op, "ADD") && in.op != "SUB" || strings.Contains(in.op, ".") || len(in.src) != 2 || len(in.dst) == 0 || in.dst[0] == flagsLoc || in.store {
		return false
	}
	var v [2]value
	for i, a := range in.src {
		if a.kind == argMem {
			return false
		}
		v[i] = w.resolve(side, a, st).v
		if w.c.unit == 4 && a.kind == argReg && a.reg == armPC {
			v[i] = w.address(side, place{addr: in.addr + 8})
		}
	}
	if v[0].kind == valConst && in.op != "SUB" {
		v[0], v[1] = v[1], v[0]
	}
	by := v[1].n
	if in.op == "SUB" {
		by = -by
	}
	if v[1].kind != valConst || v[0].kind != valAddr && v[0].kind != valFrame {
		return false
	}
	if v[0].kind == valAddr {
		v[0] = w.offset(side, v[0], by)
	} else {
		v[0].n += by
	}
	for _, a := range in.src {
		w.use(side, a, st)
	}
	st[side].put(in.dst[0], put(v[0]))
	return true
}
