package elfdiff

import (
	"debug/elf"

	"github.com/plugproof/plugproof/verify/goelf"
)

// compareHashTable: whatever the order of symbols, each that is defined must be found by its name.
func (c *comparison) compareHashTable(x, y *section) {
	if !c.a.hashSound(x) || !c.b.hashSound(y) {
		c.notDerived(x, 0, sizedDiff(c.a.contents(x), c.b.contents(y)), "hash table that does not lead to the symbols")
		return
	}
	c.out.addMoved(x.Name, sizedDiff(c.a.contents(x), c.b.contents(y)), x.tallyFlags())
}

// hashSound reports whether a .hash or .gnu.hash section is what the symbols ask for: every bucket and chain word has its place.
func (im *image) hashSound(s *section) bool {
	dyn := im.readSymbols(im.section(".dynsym"))
	b, o := im.contents(s), im.Order
	if s.Type == elf.SHT_GNU_HASH {
		return im.gnuHashSound(b, dyn)
	}
	if len(b) < 8 {
		return false
	}
	nb, nc := uint64(o.Uint32(b)), uint64(o.Uint32(b[4:]))
	if nb == 0 || nc != uint64(len(dyn)+1) || uint64(len(b)) != 8+4*(nb+nc) {
		return false
	}
	reached := make([]bool, nc)
	for k := range nb {
		i := o.Uint32(b[8+4*k:])
		for ; i != 0; i = o.Uint32(b[8+4*(nb+uint64(i)):]) {
			if uint64(i) >= nc || reached[i] || uint64(goelf.SysVHash(dyn[i-1].name))%nb != k {
				return false
			}
			reached[i] = true
		}
	}
	for i := range dyn {
		if !reached[i+1] && dyn[i].typ() != elf.STT_SECTION && dyn[i].info>>4 != uint8(elf.STB_LOCAL) {
			return false
		}
	}
	return nc == 0 || o.Uint32(b[8+4*nb:]) == 0
}

func (im *image) gnuHashSound(b []byte, dyn []symbol) bool {
	o, w := im.Order, uint64(im.word)
	if len(b) < 16 {
		return false
	}
	nb, base, bloom, shift := uint64(o.Uint32(b)), uint64(o.Uint32(b[4:])), uint64(o.Uint32(b[8:])), o.Uint32(b[12:])
	n := uint64(len(dyn) + 1)
	if nb == 0 || bloom == 0 || bloom&(bloom-1) != 0 || base == 0 || base > n || uint64(len(b)) != 16+w*bloom+4*nb+4*(n-base) {
		return n <= base && uint64(len(b)) >= 16 // no symbol is hashed
	}
	filter := make([]uint64, bloom)
	buckets, chains := b[16+w*bloom:], b[16+w*bloom+4*nb:]
	last := uint64(nb)
	begun := make([]bool, nb)
	for i := base; i < n; i++ {
		h := goelf.GNUHash(dyn[i-1].name)
		filter[uint64(h)/(8*w)&(bloom-1)] |= 1<<(uint64(h)%(8*w)) | 1<<(uint64(h>>(shift&31))%(8*w))
		k := uint64(h) % nb
		if k != last { // the bucket's first symbol
			if begun[k] || uint64(o.Uint32(buckets[4*k:])) != i {
				return false
			}
			begun[k], last = true, k
		}
		end := i+1 == n || uint64(goelf.GNUHash(dyn[i].name))%nb != k
		want := h &^ 1
		if end {
			want |= 1
		}
		if o.Uint32(chains[4*(i-base):]) != want {
			return false
		}
	}
	for k := range nb {
		if !begun[k] && o.Uint32(buckets[4*k:]) != 0 {
			return false
		}
	}
	for i, f := range filter {
		if im.Word(b[16+w*uint64(i):]) != f {
			return false
		}
	}
	return true
}
