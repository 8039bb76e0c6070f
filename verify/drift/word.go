package drift

// piece names a part of a value, or a value made of two.
type piece struct {
	v, and   value
	off, len int64
}

// made is the value of a piece: the same class each time.
func (w *walk) made(p piece) value {
	v, ok := w.pieces[p]
	if !ok {
		v = value{valClass, w.class()}
		w.pieces[p] = v
		if p.and != (value{}) { // of which the parts are known again
			w.pieces[piece{v: v, len: p.off}] = p.v
			w.pieces[piece{v: v, off: p.off, len: p.len - p.off}] = p.and
		}
	}
	return v
}

// partOf is what stands in some bytes of a value that is size bytes long.
func (w *walk) partOf(side int, v value, off, n, size int64) value {
	switch {
	case off == 0 && n == size || v == none:
		return v
	case v.kind == valConst && size <= 8:
		u := uint64(v.n) >> (8 * off)
		if n < 8 {
			u &= 1<<(8*n) - 1
		}
		return value{valConst, int64(u)}
	}
	return w.made(piece{v: w.named(side, v), off: off, len: n})
}

// set puts a value of size bytes into a place of one side's frame.
func (w *walk) set(side int, l loc, size int64, v value, st *state) {
	m := &st[side]
	word := w.c.dec.linkSize()
	size = max(size, 1)
	step := loc(4)
	if w.memory[side].small {
		step = 1
	}
	for k := l - loc(word) + step; k < l+loc(size); k += step {
		e, ok := m.at(k)
		if !ok || int64(k)+e.size <= int64(l) {
			continue
		}
		m.drop(k)
		if k < l {
			m.put(k, entry{v: w.partOf(side, e.v, 0, int64(l-k), e.size), size: int64(l - k)})
		}
		if over := int64(k) + e.size - int64(l) - size; over > 0 {
			m.put(l+loc(size), entry{v: w.partOf(side, e.v, e.size-over, over, e.size), size: over})
		}
	}
	if size <= word {
		e := put(v)
		e.size = size
		m.put(l, e)
		return
	}
	last := value{}
	for off := int64(0); off < size; off += word {
		n := min(word, size-off)
		e := put(w.partOf(side, v, off, n, size))
		e.size = n
		m.put(l+loc(off), e)
		if off == word && size == 2*word {
			w.wholes[[2]value{last, e.v}] = v
		}
		last = e.v
	}
}

// held is what size bytes of one side's frame hold.
func (w *walk) held(side int, l loc, size int64, st *state) value {
	m := st[side]
	word := w.c.dec.linkSize()
	e, ok := m.at(l)
	if size <= 0 || ok && (e.size == size || e.size == 0) {
		return st.get(side, l)
	}
	if ok && e.size > size {
		return w.partOf(side, e.v, 0, size, e.size)
	}
	if !ok {
		for k := l - 1; k > l-loc(word); k-- {
			if e, ok := m.at(k); ok && int64(k)+e.size > int64(l) {
				have := int64(k) + e.size - int64(l)
				v := w.partOf(side, e.v, int64(l-k), min(have, size), e.size)
				if have >= size {
					return v
				}
				return w.joined(side, v, w.held(side, l+loc(have), size-have, st), have, size)
			}
		}
		have := int64(0) // bytes that the function did not write
		for have < size {
			if _, ok := m.at(l + loc(have)); ok {
				break
			}
			have++
		}
		if have == size {
			return st.get(side, l)
		}
		return w.joined(side, w.partOf(side, st.get(side, l), 0, have, size), w.held(side, l+loc(have), size-have, st), have, size)
	}
	return w.joined(side, e.v, w.held(side, l+loc(e.size), size-e.size, st), e.size, size)
}

// joined is the value of bytes of which the first part holds one value and the rest another.
func (w *walk) joined(side int, x, y value, first, size int64) value {
	switch {
	case x == none && y == none:
		return none
	case x.kind == valConst && y.kind == valConst && size <= 8:
		mask := uint64(1)<<(8*first) - 1
		return value{valConst, int64(uint64(x.n)&mask | uint64(y.n)<<(8*first))}
	}
	if whole, ok := w.wholes[[2]value{x, y}]; ok {
		return whole
	}
	return w.made(piece{v: w.named(side, x), and: w.named(side, y), off: first, len: size})
}
