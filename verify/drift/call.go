package drift

import (
	"fmt"
	"slices"
	"strings"
)

// call compares two calls: whom, and with what. It reports whether the callee returns.
func (w *walk) call(x, y inst, st *state) bool {
	f, fx := w.callee(0, x, st)
	g, fy := w.callee(1, y, st)
	name, bytes, entry := "", int32(0), uint64(0)
	switch {
	case fx && fy:
		a, b := w.placeOf(0, f), w.placeOf(1, g)
		if p := w.space(0).functions.at(a.addr); p != nil && a.name == "" {
			name, bytes, entry = p.name, p.args, b.addr
		}
		if f != g {
			if w.c.samePlace(a, b) == no && !w.pruned(a, b) {
				panic(differs{fmt.Sprintf("calls %s instead of %s", w.show(1, g), w.show(0, f))})
			}
			if !w.pruned(a, b) {
				w.undecided("it calls %s or %s", w.show(0, f), w.show(1, g))
			}
		}
	case fx || fy:
		w.undecided("a call of a function and of a value")
	default:
		w.values([]operand{w.resolve(0, x.src[0], st)}, []operand{w.resolve(1, y.src[0], st)}, "a call", false)
	}
	w.special(name, g, fy, st)
	if _, own := w.keeps(name); !own && !strings.HasPrefix(name, "runtime.panic") { // whose operands were compared to get there
		if takesElement(name) {
			w.c.element = w.fn[0].name
		}
		w.arguments(entry, bytes, st)
		w.c.element = ""
	}
	if _, own := w.keeps(name); !own || strings.HasPrefix(name, "runtime.duff") {
		w.observed(st, true)
	}
	return w.called(name, entry, st)
}

// special compares the arguments of functions of the runtime that have a calling convention of their own. A write barrier of Go 1.20 is named after the
// register of the value, of which each side has its own.
func (w *walk) special(name string, plugin value, known bool, st *state) {
	if _, own := w.keeps(name); !own || !known {
		return
	}
	amd := w.c.unit == 1
	var regs []loc
	switch barrier, is := strings.CutPrefix(name, "runtime.gcWriteBarrier"); {
	case is && strings.ContainsAny(barrier, "12345678") && !strings.HasPrefix(barrier, "R"): // the number of words that it makes room for
		return
	case is && amd:
		other, _ := strings.CutPrefix(w.space(1).nameOf(w.placeOf(1, plugin)), "runtime.gcWriteBarrier")
		w.demand(w.reg(0, rDI, st), w.reg(1, rDI, st), "a write barrier")
		w.demand(w.reg(0, barrierReg[barrier], st), w.reg(1, barrierReg[other], st), "a write barrier")
		return
	case is:
		regs = []loc{2, 3}
	case name == "runtime.udiv":
		regs = []loc{0, 1}
	case strings.HasPrefix(name, "runtime.duffzero") && amd:
		regs = []loc{rDI}
	case strings.HasPrefix(name, "runtime.duffcopy") && amd:
		regs = []loc{rDI, rSI}
	case strings.HasPrefix(name, "runtime.duffzero"):
		regs = []loc{0, 1}
	default:
		regs = []loc{1, 2}
	}
	for _, r := range regs {
		w.demand(w.reg(0, r, st), w.reg(1, r, st), "a call of "+name)
	}
}

// barrierReg is where Go 1.20's write barriers on amd64 take the value (runtime/asm_amd64.s).
var barrierReg = map[string]loc{"": rAX, "CX": rCX, "DX": rDX, "BX": rBX, "BP": rBP, "SI": rSI, "R8": 8, "R9": 9}

// pruned reports whether two functions are one to the source: one side's linker leaves out the initialisation of a map that nothing uses there
// (cmd/link/internal/ld/deadcode.go), and a write barrier is chosen by register.
func (w *walk) pruned(a, b place) bool {
	x, y := w.space(0).nameOf(a), w.space(1).nameOf(b)
	const barrier = "runtime.gcWriteBarrier" // Go 1.20 has one for each register
	r, ok := strings.CutPrefix(x, barrier)
	if q, also := strings.CutPrefix(y, barrier); ok && also && !strings.ContainsAny(r[:min(len(r), 1)]+q[:min(len(q), 1)], "12345678") {
		return true
	}
	return x == "runtime.mapinitnoop" && strings.Contains(y, ".map.init.") || y == "runtime.mapinitnoop" && strings.Contains(x, ".map.init.")
}

// callee is the function that is called, if it is known.
func (w *walk) callee(side int, in inst, st *state) (value, bool) {
	if in.target != 0 {
		return w.address(side, w.space(side).through(place{addr: in.target})), true
	}
	o := w.resolve(side, in.src[0], st)
	return o.v, !o.mem && o.v.kind == valAddr
}

// noReturn are the beginnings of the names of functions that do not return.
var noReturn = []string{"runtime.panic", "runtime.goPanic", "runtime.gopanic", "runtime.throw", "runtime.fatal", "runtime.goexit", "runtime.block"}

func neverReturns(name string) bool {
	return slices.ContainsFunc(noReturn, func(s string) bool { return strings.HasPrefix(name, s) })
}

// called applies what is known after a call: results are the same on both sides, all else in registers is gone.
func (w *walk) called(name string, callee uint64, st *state) bool {
	if neverReturns(name) {
		return false
	}
	regs, keeps := w.keeps(name)
	gives := ^uint64(0)
	if !keeps {
		if f := w.c.plugin.functions.byAddr(callee); f != nil && len(w.c.dec.results()) > 0 {
			gives = w.c.gives(f, maxDepth)
		}
		w.overwritten(st)
		for r := range fpFlags + 1 {
			if r != w.c.dec.g() && r != w.c.dec.sp() {
				regs = append(regs, r)
			}
		}
	}
	for _, r := range regs {
		v := value{valClass, w.class()}
		e := entry{v: v, gone: gives>>uint(r)&1 == 0}
		st.both(r, e)
	}
	return true
}

// overwritten forgets what lies where arguments and results of calls are: no variable of the function does.
func (w *walk) overwritten(st *state) {
	word := w.c.dec.linkSize()
	off := word * w.c.outLink()
	for ; off < 1<<16; off += word {
		a, aok := st[0].at(w.slotAt(0, off))
		b, bok := st[1].at(w.slotAt(1, off))
		if off >= w.out && !(aok && bok && a.fresh && b.fresh && len(w.c.dec.results()) == 0) {
			break
		}
		e := entry{v: value{valClass, w.class()}, size: word}
		st[0].put(w.slotAt(0, off), e)
		st[1].put(w.slotAt(1, off), e)
	}
	w.out = max(w.out, off)
}

// returns compares results: in registers, and on the stack beyond the frame.
func (w *walk) returns(st *state) {
	if len(w.c.dec.results()) > 0 {
		w.registers(st, w.c.gives(w.fn[1], maxDepth), "a result")
	}
	var words []loc
	for side := range 2 {
		for l := range st[side].all() {
			if _, both := st[0].find(l); l >= callerLoc/2 && l < fieldLoc && !(side == 1 && both) {
				words = append(words, l)
			}
		}
	}
	slices.Sort(words)
	for _, l := range words {
		a, aok := st[0].at(l)
		b, bok := st[1].at(l)
		x, y := st.get(0, l), st.get(1, l)
		n := st.get(0, l+loc(w.c.dec.linkSize()))
		switch {
		case w.equal(x, y) == yes && a.size == b.size:
		case w.boxed(st.get(0, l-loc(w.c.dec.linkSize())), st.get(1, l-loc(w.c.dec.linkSize())), x, y) == yes:
		case aok && bok:
			w.given(x, y, n, "a result")
		case aok && a.v.kind == valContent && a.v.n < int64(fpFlags), bok && b.v.kind == valContent && b.v.n < int64(fpFlags): // an argument that is kept
		default:
			w.undecided("a result")
		}
	}
}

// maxTargets bounds the entries of a jump table.
const maxTargets = 1 << 12

// table follows a jump through a table of addresses.
func (w *walk) table(x, y inst, st *state) {
	a, b := w.resolve(0, x.src[0], st), w.resolve(1, y.src[0], st)
	if !a.mem || !b.mem || a.base.kind != valAddr || b.base.kind != valAddr || a.slot != noLoc || b.slot != noLoc {
		w.undecided("a jump to a computed address")
		return
	}
	w.demand(a.index, b.index, "a jump")
	p, q := w.placeOf(0, a.base).addr, w.placeOf(1, b.base).addr
	ptr := uint64(w.c.host.file.PtrSize())
	for i := range uint64(maxTargets) {
		s, ok := w.c.host.pointer(p + i*ptr)
		t, was := w.c.plugin.pointer(q + i*ptr)
		if !ok || !was || w.leaves(0, s.addr) || w.leaves(1, t.addr) {
			if i == 0 {
				w.undecided("a jump through a table that was not found")
			}
			return
		}
		w.arrive([2]uint64{s.addr, t.addr}, st.clone())
	}
}

// maxPointed bounds the words behind an argument that are compared.
const maxPointed = 16

// pointed compares the numbers that were put behind an address in the frame. The first word belongs to the variable for certain, for others
// it is likely only.
func (w *walk) pointed(x, y value, st *state) {
	if x.kind != valFrame || y.kind != valFrame {
		return
	}
	ptr := int64(w.space(0).file.PtrSize())
	for k := int64(0); k < maxPointed; k++ {
		a, ok := st[0].at(w.slotAt(0, x.n+k*ptr))
		b, was := st[1].at(w.slotAt(1, y.n+k*ptr))
		if !ok || !was {
			return
		}
		if a.v.kind != valConst && a.v.kind != valAddr || a.v.kind != b.v.kind || w.equal(a.v, b.v) != no {
			continue
		}
		if k == 0 {
			panic(differs{"puts " + w.show(1, b.v) + " instead of " + w.show(0, a.v) + " where a pointer leads"})
		}
		w.undecided("%s or %s is put where a pointer may lead", w.show(0, a.v), w.show(1, b.v))
		return
	}
}
