package drift

import (
	"slices"
	"strings"
)

// after is the value in the register after regs[i].
func (w *walk) after(regs []loc, i int, st *state) value {
	if i+1 == len(regs) {
		return none
	}
	return st.get(0, regs[i+1])
}

// arguments compares what was put where arguments are, for this call: of a function that is known, what it takes; else what nothing else
// used. bytes is what the callee takes and returns on the stack.
func (w *walk) arguments(callee uint64, bytes int32, st *state) {
	regs := w.c.dec.results()
	if f := w.c.plugin.functions.byAddr(callee); f != nil && len(regs) > 0 {
		if takes, known := w.c.takes(f); known {
			for _, r := range takes {
				if i := slices.Index(regs, r); i >= 0 {
					w.pointed(w.reg(0, r, st), w.reg(1, r, st), st)
					if i > 0 && w.boxed(w.reg(0, regs[i-1], st), w.reg(1, regs[i-1], st), w.reg(0, r, st), w.reg(1, r, st)) == yes {
						continue
					}
					w.given(w.reg(0, r, st), w.reg(1, r, st), w.after(regs, i, st), "an argument of "+f.name)
				}
			}
			w.stacked(bytes, st)
			return
		}
	}
	if f := w.c.plugin.functions.byAddr(callee); f == nil || len(regs) > 0 {
		w.registers(st, w.c.inOrder(0), "an argument of a call")
	}
	w.stacked(bytes, st)
}

// stacked compares the arguments that lie on the stack, in words above the return address.
func (w *walk) stacked(bytes int32, st *state) {
	word := w.c.dec.linkSize()
	link := word * w.c.outLink()
	end := w.out
	if bytes > 0 {
		end = link + int64(bytes)
	}
	for off := link; off < end; off += word {
		l, m := w.slotAt(0, off), w.slotAt(1, off)
		x, y := w.held(0, l, word, st), w.held(1, m, word, st)
		if w.equal(x, y) == yes {
			continue
		}
		a, aok := st[0].at(l)
		b, bok := st[1].at(m)
		n := none
		if off+word < end {
			n = w.held(0, w.slotAt(0, off+word), word, st)
		}
		switch {
		case off > link && w.boxed(w.held(0, w.slotAt(0, off-word), word, st), w.held(1, w.slotAt(1, off-word), word, st), x, y) == yes:
		case aok && bok && a.fresh && b.fresh:
			w.given(x, y, n, "an argument")
		case w.sameString(x, y, n):
		default:
			w.undecided("an argument (%s, %s)", w.show(0, x), w.show(1, y))
		}
	}
}

// sameString reports whether two addresses are of the same string, whose length stands behind.
func (w *walk) sameString(x, y, length value) bool {
	return length.kind == valConst && length.n > 0 && length.n <= maxString && w.sameText(x, y, length.n) == yes
}

// given compares two values that are handed over. A number in the next word is a string's length.
func (w *walk) given(x, y, length value, what string) {
	if length.kind == valConst && length.n > 0 && length.n <= maxString && x.kind == valAddr && y.kind == valAddr {
		switch w.sameText(x, y, length.n) {
		case yes:
			return
		case no:
			if w.doubt == "" {
				panic(differs{w.quoted(x, y, length.n)})
			}
		}
	}
	w.demand(x, y, what)
}

// keeps are the registers that a function of the runtime writes, of those that have a calling convention of their own.
func (w *walk) keeps(name string) ([]loc, bool) {
	amd := w.c.unit == 1
	switch {
	case strings.HasPrefix(name, "runtime.gcWriteBarrier") && amd:
		return []loc{11, flagsLoc}, true
	case strings.HasPrefix(name, "runtime.gcWriteBarrier"):
		return []loc{8, flagsLoc}, true
	case name == "runtime.udiv" && !amd:
		return []loc{0, 1, 2, 3, 12, armLR, flagsLoc}, true
	case strings.HasPrefix(name, "runtime.duffzero") && amd, strings.HasPrefix(name, "runtime.duffcopy") && amd:
		return []loc{rDI, rSI, floatLoc, flagsLoc}, true
	case strings.HasPrefix(name, "runtime.duffzero"), strings.HasPrefix(name, "runtime.duffcopy"):
		return []loc{0, 1, 2, flagsLoc}, true
	}
	return nil, false
}
