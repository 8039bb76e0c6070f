package drift

import (
	"fmt"
	"strings"
)

// doing is an instruction of one side with its operands, in the form in which both sides are compared.
type doing struct {
	op       string
	args     []operand
	dst      []loc
	commutes bool
	store    bool
}

// event compares what both sides do next and gives the addresses after it. done is set where the ways end, part or meet.
func (w *walk) event(x, y inst, st *state) (next [2]uint64, done bool) {
	kx, ky := w.kindOf(0, x), w.kindOf(1, y)
	if kx != ky {
		panic(differs{fmt.Sprintf("%s instead of %s", does(y, ky), does(x, kx))})
	}
	next = [2]uint64{x.next, y.next}
	switch kx {
	case kindStop:
		return next, true
	case kindRet:
		w.returns(st)
		return next, true
	case kindCond:
		w.values([]operand{w.resolve(0, x.src[0], st)}, []operand{w.resolve(1, y.src[0], st)}, "a condition", false)
		w.part(x, y, st)
		return next, true
	case kindCall, kindJump:
		goesOn := w.call(x, y, st)
		return next, !goesOn || kx == kindJump
	case kindTable:
		w.table(x, y, st)
		return next, true
	}
	a, b := w.doing(0, x, st), w.doing(1, y, st)
	w.vector = w.vector || w.c.unit == 1 && a.op[0] == 'V'
	if strings.HasPrefix(a.op, "ADD") && a.op == b.op && len(a.dst) != len(b.dst) { // an LEA, which leaves the flags alone
		a.dst, b.dst = a.dst[:1], b.dst[:1]
		st[0].put(flagsLoc, entry{v: value{valClass, w.class()}})
		st[1].put(flagsLoc, entry{v: value{valClass, w.class()}})
	}
	if a.op != b.op && w.c.unit == 4 && encodes[a.op] && encodes[b.op] && constant(a) && constant(b) && len(a.dst) == len(b.dst) {
		w.undecided("%s instead of %s", b.op, a.op)
		return next, true // one may be half of a constant
	}
	if a.op != b.op || len(a.args) != len(b.args) || len(a.dst) != len(b.dst) {
		if a.op != "" && b.op != "" && (a.op[0] == 'V' || b.op[0] == 'V') && w.c.unit == 1 { // assembly, by a decoder that is new to them
			w.undecided("%s instead of %s", b.op, a.op)
			return next, true
		}
		panic(differs{fmt.Sprintf("%s instead of %s", strings.TrimSpace(b.op), strings.TrimSpace(a.op))})
	}
	if w.stores(a, b, st) {
		w.values(a.args[:1], b.args[:1], a.op, false)
	} else {
		w.values(a.args, b.args, a.op, a.commutes)
	}
	w.fields(a, b, st)
	w.aliases(a, st)
	for side, in := range []inst{x, y} {
		for _, s := range in.src {
			w.use(side, s, st)
		}
	}
	for i := range a.dst {
		v := value{valClass, w.class()}
		st[0].put(a.dst[i], put(v))
		st[1].put(b.dst[i], put(v))
		if a.dst[i] == flagsLoc {
			st.both(flagsLoc, entry{v: v})
		}
	}
	if a.store {
		w.stored(a, b, st)
	}
	return next, false
}

// encodes are the operations that arm's assembler takes for one another, to have a constant that the instruction can hold.
var encodes = map[string]bool{"ADD": true, "SUB": true, "AND": true, "BIC": true, "BFC": true}

// constant reports whether an operand is a number.
func constant(d doing) bool {
	for _, a := range d.args {
		if !a.mem && (a.v.kind == valConst || a.v.kind == valAddr) { // a number may have been taken for an address
			return true
		}
	}
	return false
}

// stored notes what an event overwrites in the frame.
func (w *walk) stored(a, b doing, st *state) {
	v := value{valClass, w.class()}
	for side, d := range []doing{a, b} {
		if len(d.args) > 0 && d.args[0].slot != noLoc {
			w.set(side, d.args[0].slot, int64(d.args[0].size), v, st)
		}
	}
}

// aliases compares the variables on the stack where an event may read or write them through an address.
func (w *walk) aliases(a doing, st *state) {
	for i, o := range a.args {
		if o.mem && o.slot == noLoc && o.base.kind != valAddr || !o.mem && o.v.kind == valFrame {
			w.observed(st, a.store && i == 0 || !o.mem)
			return
		}
	}
}

// kindOf is an instruction's kind here: a jump out of the function is a call, moves that were not applied are events.
func (w *walk) kindOf(side int, in inst) kind {
	if in.kind == kindMove || in.kind == kindLEA {
		return kindOp
	}
	return in.kind
}

func does(in inst, k kind) string {
	switch k {
	case kindCall:
		return "a call"
	case kindCond:
		return "a branch"
	case kindRet:
		return "a return"
	case kindStop:
		return "the end"
	case kindTable, kindJump:
		return "a jump"
	}
	return strings.TrimSpace(in.op)
}

// doing brings an instruction into the form of comparison: an LEA is a sum.
func (w *walk) doing(side int, in inst, st *state) doing {
	d := doing{op: in.op, dst: in.dst, commutes: in.commutes, store: in.store}
	if in.kind == kindLEA {
		m := in.src[0]
		part := func(r loc) operand {
			if r == noLoc {
				return operand{v: none, slot: noLoc}
			}
			return w.resolve(side, regArg(r), st)
		}
		base, index := part(m.base), part(m.index)
		if base.v.kind == valFrame { // of which the offset is a part
			base.v.n, m.disp = base.v.n+m.disp, 0
		}
		number := func(n int64) operand { return operand{v: value{valConst, n}, slot: noLoc} }
		switch {
		case m.index == noLoc:
			d.op, d.args = "ADD"+in.op[3:], []operand{base, number(m.disp)}
		case m.scale == 1 && m.disp == 0:
			d.op, d.args = "ADD"+in.op[3:], []operand{base, index}
		default:
			d.args = []operand{base, index, number(m.scale), number(m.disp)}
		}
		d.commutes = m.index == noLoc || m.scale == 1
		return d
	}
	for _, a := range in.src {
		d.args = append(d.args, w.resolve(side, a, st))
	}
	return d
}

// values compares operands in order.
func (w *walk) values(a, b []operand, op string, commutes bool) {
	if commutes && len(a) >= 2 && !a[0].mem && !a[1].mem && !b[0].mem && !b[1].mem {
		if w.equal(a[0].v, b[0].v) != yes && w.equal(a[0].v, b[1].v) == yes && w.equal(a[1].v, b[0].v) == yes {
			b = append([]operand{b[1], b[0]}, b[2:]...)
		}
	}
	for i := range a {
		w.operands(a[i], b[i], op)
	}
}

// copied is the length in bytes of a constant that an operation takes from memory, where that is certain: amd64's copies of 16 bytes at once, and
// operations on one floating-point number.
func copied(op string, size int) int {
	for _, name := range []string{"ADD", "SUB", "MUL", "DIV", "SQRT", "UCOMI", "COMI"} {
		switch {
		case strings.HasPrefix(op, name+"SD"):
			return 8
		case strings.HasPrefix(op, name+"SS"):
			return 4
		}
	}
	if size == 16 {
		return size
	}
	return 0
}

func (w *walk) operands(a, b operand, op string) {
	if a.mem != b.mem {
		w.undecided("memory and a register in %s", strings.TrimSpace(op))
		return
	}
	if !a.mem {
		w.demand(a.v, b.v, op)
		return
	}
	if (a.slot == noLoc) != (b.slot == noLoc) || a.size != b.size {
		w.undecided("other memory in %s", strings.TrimSpace(op))
		return
	}
	if a.slot != noLoc {
		if w.equal(a.v, b.v) != yes && w.sameVariable(a.base, b.base) != yes {
			w.undecided("other variables in %s", strings.TrimSpace(op))
		}
		return
	}
	if n := copied(op, a.size); n > 0 && a.disp == 0 && b.disp == 0 && a.index == none && b.index == none {
		switch w.sameData(a.base, b.base, n) {
		case yes:
			return
		case no:
			w.undecided("other constants in %s", strings.TrimSpace(op))
			return
		}
	}
	base, index := w.demand(a.base, b.base, op), w.demand(a.index, b.index, op)
	if base && index && (a.scale != b.scale || a.disp != b.disp) {
		panic(differs{fmt.Sprintf("the offset %d instead of %d in %s", b.disp, a.disp, strings.TrimSpace(op))})
	}
}

// demand ends the walk when two values differ for certain, and reports whether they are equal for certain.
func (w *walk) demand(x, y value, op string) bool {
	switch w.equal(x, y) {
	case yes:
		return true
	case no:
		if w.doubt == "" { // else the ways may have come apart before
			panic(differs{fmt.Sprintf("%s instead of %s", w.show(1, y), w.show(0, x))})
		}
	case maybe:
		w.undecided("the operands of %s (%s, %s)", strings.TrimSpace(op), w.show(0, x), w.show(1, y))
	}
	return false
}

// part follows both ways from a conditional jump, whichever of them falls through.
func (w *walk) part(x, y inst, st *state) {
	a, b := [2]uint64{x.target, y.target}, [2]uint64{x.next, y.next}
	switch {
	case x.cond == y.cond:
	case w.c.dec.inverse(x.cond) == y.cond:
		a, b = [2]uint64{x.target, y.next}, [2]uint64{x.next, y.target}
	default:
		panic(differs{fmt.Sprintf("branch %s instead of %s", y.cond, x.cond)})
	}
	w.arrive(a, st.clone())
	w.arrive(b, st)
}
