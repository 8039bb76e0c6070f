package drift

import "iter"

// holdings is what the places of one side hold, in the places' order: there are some dozens, which are copied at each branch and compared where
// the ways meet.
type holdings []holding

type holding struct {
	l loc
	entry
}

// find is where a place stands, or would stand.
func (h holdings) find(l loc) (int, bool) {
	lo, hi := 0, len(h)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); h[m].l < l {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo, lo < len(h) && h[lo].l == l
}

// at is what a place holds; ok is false for one that was never written.
func (h holdings) at(l loc) (e entry, ok bool) {
	if i, ok := h.find(l); ok {
		return h[i].entry, true
	}
	return entry{}, false
}

func (h *holdings) put(l loc, e entry) {
	i, ok := h.find(l)
	if !ok {
		*h = append(*h, holding{})
		copy((*h)[i+1:], (*h)[i:])
	}
	(*h)[i] = holding{l, e}
}

func (h *holdings) drop(l loc) {
	if i, ok := h.find(l); ok {
		*h = append((*h)[:i], (*h)[i+1:]...)
	}
}

// all yields the places in their order. None may be added meanwhile.
func (h holdings) all() iter.Seq[loc] {
	return func(yield func(loc) bool) {
		for i := range h {
			if !yield(h[i].l) {
				return
			}
		}
	}
}

// clone copies them.
func (h holdings) clone() holdings {
	const more = 4 // as many are likely to be added
	return append(make(holdings, 0, len(h)+more), h...)
}
