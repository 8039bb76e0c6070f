package drift

// typeHead are offsets in a type's descriptor (internal/abi.Type), in bytes.
type typeHead struct{ ptrBytes, hash, align, fieldAlign, kind, more uint64 }

func (s *space) typeHead() typeHead {
	if s.file.PtrSize() == 4 {
		return typeHead{4, 8, 13, 14, 15, 32}
	}
	return typeHead{8, 16, 21, 22, 23, 48}
}

// Kinds of types (internal/abi.Kind) of which the descriptor names others, and the last.
const (
	kindArray   = 17
	kindChan    = 18
	kindPointer = 22
	kindSlice   = 23
	kindStruct  = 25
	kindMost    = 26
)

// typeInfo is what the first words of a type's descriptor say.
type typeInfo struct {
	size, ptrBytes uint64
	hash           uint32
	kind           byte
}

// typeAt reads a descriptor. ok is false where there is none, by all that can be seen.
func (s *space) typeAt(addr uint64) (t typeInfo, ok bool) {
	h := s.typeHead()
	if addr%4 != 0 || !s.constant(addr) {
		return t, false
	}
	b := s.bytesAt(addr, int(h.more))
	if uint64(len(b)) != h.more {
		return t, false
	}
	t = typeInfo{s.file.Word(b), s.file.Word(b[h.ptrBytes:]), s.file.Order.Uint32(b[h.hash:]), b[h.kind] & 31}
	align := b[h.align]
	ok = t.kind > 0 && t.kind <= kindMost && t.ptrBytes <= t.size && t.hash != 0 && (align == 1 || align == 2 || align == 4 || align == 8) && align == b[h.fieldAlign] &&
		t.size < 1<<40 && t.size%uint64(align) == 0
	if _, moved := s.slot(addr); moved {
		return t, false
	}
	return t, ok
}

// typeOf finds the type of an interface's first word: the type itself, or that of a table of methods, whose second word it is.
func (s *space) typeOf(addr uint64) (typeInfo, bool) {
	if t, ok := s.typeAt(addr); ok {
		return t, true
	}
	if p, ok := s.pointer(addr + uint64(s.file.PtrSize())); ok && p.name == "" && s.constant(addr) {
		return s.typeAt(p.addr)
	}
	return typeInfo{}, false
}

// maxFields bounds the fields of a struct that are compared.
const maxFields = 1 << 12

// sameType compares two types' descriptors. What a type is called is in its hash; that covers neither the fields of a type that has a name nor their tags.
func (c *comparison) sameType(a, b uint64) answer {
	x, ok := c.host.typeAt(a)
	y, was := c.plugin.typeAt(b)
	switch {
	case !ok || !was:
		return maybe
	case x != y:
		return no
	}
	key := [2]uint64{a, b}
	if known, ok := c.types[key]; ok {
		return known
	}
	if c.types == nil {
		c.types = map[[2]uint64]answer{}
	}
	c.types[key] = yes // for types that lead to themselves
	out := yes
	more, word := c.host.typeHead().more, uint64(c.host.file.PtrSize())
	switch x.kind {
	case kindArray, kindChan, kindPointer, kindSlice:
		out = c.sameElem(a+more, b+more)
	case kindStruct:
		out = c.sameFields(a+more+word, b+more+word)
	}
	c.types[key] = out
	return out
}

// sameElem compares the types that two words lead to.
func (c *comparison) sameElem(a, b uint64) answer {
	p, ok := c.host.pointer(a)
	q, was := c.plugin.pointer(b)
	if !ok || !was || p.name != "" || q.name != "" {
		return yes // of another file, and then by its name
	}
	if same := c.sameType(p.addr, q.addr); same == no {
		return no
	}
	return yes
}

// sameFields compares the fields of two structs, of each a name with its tag, a type and an offset.
func (c *comparison) sameFields(a, b uint64) answer {
	word := uint64(c.host.file.PtrSize())
	n := c.host.number(a + word)
	if n != c.plugin.number(b+word) {
		return no
	}
	p, ok := c.host.pointer(a)
	q, was := c.plugin.pointer(b)
	if !ok || !was || n > maxFields {
		return yes
	}
	for i := range n {
		f, g := p.addr+i*3*word, q.addr+i*3*word
		x, ok := c.host.fieldName(f)
		y, was := c.plugin.fieldName(g)
		if ok && was && x != y || c.host.number(f+2*word) != c.plugin.number(g+2*word) || c.sameElem(f+word, g+word) == no {
			return no
		}
	}
	return yes
}

// fieldName reads the name of a field, and its tag (internal/abi.Name: flags, then each with its length before).
func (s *space) fieldName(addr uint64) (string, bool) {
	p, ok := s.pointer(addr)
	if !ok || p.name != "" {
		return "", false
	}
	b := s.bytesAt(p.addr, 1<<10)
	if len(b) < 2 {
		return "", false
	}
	end := 1
	for part := range 2 {
		if part == 1 && b[0]&2 == 0 {
			break
		}
		n, shift := 0, 0
		for {
			if end >= len(b) || shift > 14 {
				return "", false
			}
			v := b[end]
			end++
			n |= int(v&0x7f) << shift
			if shift += 7; v&0x80 == 0 {
				break
			}
		}
		if end += n; end > len(b) {
			return "", false
		}
	}
	return string(b[:end]), true
}

// boxed compares what two interfaces hold that the compiler made, of types that are known: the words before.
func (w *walk) boxed(tx, ty, x, y value) answer {
	if tx.kind != valAddr || ty.kind != valAddr || !w.nameless(x, y) || w.equal(tx, ty) != yes {
		return maybe
	}
	a, b := w.placeOf(0, tx), w.placeOf(1, ty)
	if a.name != "" || b.name != "" {
		return maybe
	}
	s, ok := w.c.host.typeOf(a.addr)
	t, was := w.c.plugin.typeOf(b.addr)
	if !ok || !was || s.size != t.size || s.size == 0 || s.size > 1<<12 {
		return maybe
	}
	return w.c.sameWords(w.placeOf(0, x).addr, w.placeOf(1, y).addr, s.size, 2)
}
