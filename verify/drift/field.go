package drift

// field is a word in memory outside the frame: at an offset from a value of the host's.
type field struct {
	base value
	disp int64
}

// at names a field.
func (w *walk) at(f field) loc {
	l, ok := w.beside[f]
	if !ok {
		l = fieldLoc + loc(len(w.beside))
		w.beside[f] = l
	}
	return l
}

// fields remembers what a store puts into memory outside the frame, for the words beside it: what a string's length and an interface's type stand for
// is known by them.
func (w *walk) fields(a, b doing, st *state) {
	if !a.store || len(a.args) != 2 || len(b.args) != 2 || !a.args[0].mem || a.args[0].slot != noLoc || a.args[0].index != none || a.args[1].mem || b.args[1].mem {
		return
	}
	l := w.at(field{a.args[0].base, a.args[0].disp})
	st[0].put(l, entry{v: a.args[1].v})
	st[1].put(l, entry{v: b.args[1].v})
}

// stores compares a constant's address that is stored, by the words that were stored beside it. It reports whether that tells.
func (w *walk) stores(a, b doing, st *state) bool {
	if !a.store || len(a.args) != 2 || len(b.args) != 2 || !a.args[0].mem || a.args[0].slot != noLoc || a.args[0].index != none || a.args[1].mem || b.args[1].mem {
		return false
	}
	x, y := a.args[1].v, b.args[1].v
	if x.kind != valAddr || y.kind != valAddr || w.equal(x, y) != maybe {
		return false
	}
	m, word := a.args[0], w.c.dec.linkSize()
	n, t := w.at(field{m.base, m.disp + word}), w.at(field{m.base, m.disp - word})
	if length := st.get(0, n); length == st.get(1, n) && length.kind == valConst && length.n > 0 && length.n <= maxString {
		switch w.sameText(x, y, length.n) {
		case yes:
			return true
		case no:
			if w.doubt == "" {
				panic(differs{w.quoted(x, y, length.n)})
			}
		}
	}
	return w.boxed(st.get(0, t), st.get(1, t), x, y) == yes
}
