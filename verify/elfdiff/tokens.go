package elfdiff

import (
	"bytes"
	"sort"
)

// maxToken bounds the bytes of a constant that stand for a pointer to it.
const maxToken = 64

// tokens copies a unit's bytes with what the loader writes replaced by a sum of what it leads to: a symbol, else a constant's bytes. Addresses
// change wherever something moved; tables of them are found again by what they list. It serves only to find what corresponds.
func (im *image) tokens(b []byte, at uint64, r *relocs, names *addrNames) []byte {
	i := sort.Search(len(r.slots), func(i int) bool { return r.slots[i].off >= at })
	if i == len(r.slots) || r.slots[i].off-at >= uint64(len(b)) {
		return b
	}
	out := bytes.Clone(b)
	w := uint64(im.word)
	for ; i < len(r.slots) && r.slots[i].off-at+w <= uint64(len(b)); i++ {
		s := r.slots[i]
		k := s.off - at
		sum := im.token(r, s, names, b[k+w:])
		for n := range w {
			out[k+n] = byte(sum >> (8 * n))
		}
	}
	return out
}

// token is a sum of what one slot leads to; behind are the bytes behind the slot, which begin with the length if it is a string.
func (im *image) token(r *relocs, s slot, names *addrNames, behind []byte) uint64 {
	if s.sym != 0 {
		return sumOf([]byte(r.name(s))) + s.addend
	}
	if n := names.at(s.addend); n != "" {
		return sumOf([]byte(n))
	}
	o := im.sectionAt(s.addend)
	if o == nil {
		return 0
	}
	if !constants(o) {
		return sumOf([]byte(o.Name))
	}
	n := uint64(16)
	if len(behind) >= im.word {
		if l := im.Word(behind); l > 0 && l < maxToken {
			n = l
		}
	}
	c := im.contents(o)
	if s.addend-o.Addr > uint64(len(c)) {
		return 0
	}
	c = c[s.addend-o.Addr:]
	return sumOf(c[:min(n, uint64(len(c)))])
}
