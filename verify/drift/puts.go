package drift

import "fmt"

// written is a number or an address that a function puts into its frame. The register allocator never spills those, for they are quicker made
// anew, so they are variables whose address is taken, or what several ways have put into one register.
type written struct {
	v     value
	slot  loc
	plain bool // the instruction holds the number, which no spill does
}

// wrote notes such a store.
func (w *walk) wrote(side int, v value, to loc, plain bool) {
	if v.kind == valAddr || v.kind == valData || v.kind == valConst && v.n != 0 { // what is cleared, and how, depends on the frame
		w.puts[side] = append(w.puts[side], written{v, to, plain})
	}
}

// compareWritten compares what both sides put into their frames since the last event, wherever in them. What only one side puts there may be a
// spill after all.
func (w *walk) compareWritten() {
	x, y := w.puts[0], w.puts[1]
	w.puts[0], w.puts[1] = x[:0], y[:0]
	if len(x) == 0 || len(y) == 0 || len(x) > maxWritten || len(y) > maxWritten {
		return
	}
	var gone [maxWritten]bool
	left := -1
	for i := range x {
		found := false
		for j := range y {
			if !gone[j] && w.sameWritten(x, y, i, j) == yes {
				gone[j], found = true, true
				break
			}
		}
		if !found && left < 0 {
			left = i
		}
	}
	if left < 0 {
		return
	}
	first := -1
	for j := range y {
		switch {
		case gone[j]:
		case w.sameWritten(x, y, left, j) != no:
			return
		case first < 0:
			first = j
		}
	}
	if first < 0 {
		return
	}
	a, b := x[left], y[first]
	if len(x) == len(y) && w.doubt == "" {
		n := w.lengthAfter(x, a.slot)
		switch {
		case a.plain && b.plain:
			panic(differs{"puts " + w.show(1, b.v) + " instead of " + w.show(0, a.v) + " into a local variable"})
		case a.v.kind == valAddr && n > 0 && n == w.lengthAfter(y, b.slot) && w.sameText(a.v, b.v, n) == no:
			panic(differs{w.quoted(a.v, b.v, n)})
		}
	}
	w.undecided("%s or %s is put into a local variable", w.show(0, a.v), w.show(1, b.v))
}

// maxWritten bounds the stores between two events that are compared.
const maxWritten = 256

// sameWritten compares two of them. A number that is put behind an address is a string's length.
func (w *walk) sameWritten(x, y []written, i, j int) answer {
	a, b := x[i], y[j]
	if a.v.kind != b.v.kind && (w.c.unit == 1 || a.v.kind == valData || b.v.kind == valData) {
		return no
	}
	if a.v.kind == valAddr && b.v.kind == valAddr {
		if n := w.lengthAfter(x, a.slot); n > 0 && n == w.lengthAfter(y, b.slot) {
			if same := w.sameText(a.v, b.v, n); same != maybe {
				return same
			}
		}
	}
	same := w.equal(a.v, b.v)
	if same == maybe && a.v.kind == valAddr && b.v.kind == valAddr && (w.placeOf(0, a.v).addr|w.placeOf(1, b.v).addr)%8 == 0 { // a number in an interface: its first word tells
		return w.sameData(a.v, b.v, w.c.host.file.PtrSize())
	}
	return same
}

// lengthAfter is the number in the word behind a slot, 0 when none was put there.
func (w *walk) lengthAfter(list []written, slot loc) int64 {
	for _, p := range list {
		if p.slot == slot+loc(w.c.dec.linkSize()) && p.v.kind == valConst && p.v.n <= maxString {
			return p.v.n
		}
	}
	return 0
}

// quoted says that a string of a known length is another.
func (w *walk) quoted(x, y value, n int64) string {
	show := int(min(n, 40))
	return fmt.Sprintf("%q instead of %q", w.c.plugin.bytesAt(w.placeOf(1, y).addr, show), w.c.host.bytesAt(w.placeOf(0, x).addr, show))
}

// sameData compares constants of a known size that have no name.
func (w *walk) sameData(x, y value, size int) answer {
	if size <= 0 || !w.nameless(x, y) {
		return maybe
	}
	return w.c.sameWords(w.placeOf(0, x).addr, w.placeOf(1, y).addr, uint64(size), 1)
}

// nameless reports whether two addresses lead to constants without a symbol.
func (w *walk) nameless(x, y value) bool {
	if x.kind != valAddr || y.kind != valAddr {
		return false
	}
	a, b := w.placeOf(0, x), w.placeOf(1, y)
	h, p := w.c.host, w.c.plugin
	return a.name == "" && b.name == "" && a.addr != 0 && b.addr != 0 && h.functions.at(a.addr) == nil && p.functions.at(b.addr) == nil &&
		len(h.symbols.covering(a.addr)) == 0 && len(p.symbols.covering(b.addr)) == 0 && h.constant(a.addr) && p.constant(b.addr)
}

// sameText compares strings of a known length; maybe when the addresses may not be strings'.
func (w *walk) sameText(x, y value, n int64) answer {
	if !w.nameless(x, y) {
		return maybe
	}
	a, b := w.placeOf(0, x).addr, w.placeOf(1, y).addr
	if !w.c.host.readOnly(a) || !w.c.plugin.readOnly(b) {
		return maybe
	}
	return w.c.sameBytes(a, b, int(n))
}
