package elfdiff

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/plugproof/plugproof/verify/goelf"
)

// What linkers derive from the rest may differ when something moved. It raises nothing as long as it is what the rest asks for, which is
// checked here: a table that is not is as grave as what reads it.

// notDerived notes n bytes of a section that do not follow from what is compared elsewhere.
func (c *comparison) notDerived(s *section, off int64, n int64, what string) {
	c.out.add(Evidence{Verdict: sectionClass(s.Name, s.alloc(), s.exec()), Section: s.Name, Structure: what, OffsetA: off, OffsetB: off, Bytes: n}, s.tallyFlags())
}

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

// compareLinkage compares .got, .plt and their like: entries are matched by target, and each entry must be of the one form that
// linkers write. In place stands what the loader overwrites, or an address that leads to the same place.
func (c *comparison) compareLinkage(x, y *section) {
	dx, dy := c.a.contents(x), c.b.contents(y)
	total := sizedDiff(dx, dy)
	if x.exec() {
		if p, q := c.a.stubForms(dx), c.b.stubForms(dy); !slices.Equal(p, q) {
			c.notDerived(x, 0, total, "PLT entries of another form")
			return
		}
		if !c.sameStubs() || !c.a.lazySound(x) || !c.b.lazySound(y) {
			c.notDerived(x, 0, total, "PLT entries that lead elsewhere")
			return
		}
		c.out.addMoved(x.Name, total, x.tallyFlags())
		return
	}
	w := c.a.word
	for i := 0; i+w <= len(dx); i += w {
		at := x.Addr + uint64(i)
		b, ok := c.addrs.to(at)
		if !ok || b < y.Addr || b-y.Addr+uint64(w) > uint64(len(dy)) {
			continue // compareSlots has noted it
		}
		u, v := c.a.Word(dx[i:]), c.b.Word(dy[b-y.Addr:])
		if u != v && !c.addrs.same(u, v) && !c.inPlace(at, b, u, v) {
			c.notDerived(x, int64(i), int64(w), "word of a GOT")
			total = max(0, total-int64(w))
		}
	}
	c.out.addMoved(x.Name, total, x.tallyFlags())
}

// inPlace reports whether the words at two corresponding slots are what linkers leave there: the addend, an address inside the PLT, or
// nothing.
func (c *comparison) inPlace(a, b, u, v uint64) bool {
	ok := func(r *relocs, im *image, at, v uint64) bool {
		s, found := r.at(at)
		if !found {
			return false
		}
		if v == 0 || v == s.addend {
			return true
		}
		o := im.sectionAt(v)
		return o != nil && isLinkage(o.Name) && o.exec()
	}
	return ok(c.ra, c.a, a, u) && ok(c.rb, c.b, b, v)
}

// stubForms are the entries of a PLT without the operands that follow from their places, sorted.
func (im *image) stubForms(b []byte) []string {
	b = bytes.Clone(b)
	var out []string
	switch im.Machine {
	case elf.EM_X86_64:
		for i := 0; i < len(b); i += 8 {
			e := b[i:min(i+8, len(b))]
			for j := 0; j+2 <= len(e); j++ { // jmp *rel(%rip), push rel(%rip), push imm32, jmp rel32
				n := 0
				switch {
				case e[j] == 0xff && (e[j+1] == 0x25 || e[j+1] == 0x35):
					n = 2
				case (e[j] == 0x68 || e[j] == 0xe9) && (i+j)%16 >= 6:
					n = 1
				default:
					continue
				}
				clear(b[i+j+n : min(i+j+n+4, len(b))])
				j += n + 3
			}
			out = append(out, fmt.Sprintf("%x", e))
		}
	case elf.EM_ARM:
		for i := 0; i+4 <= len(b); i += 4 {
			w := binary.LittleEndian.Uint32(b[i:])
			switch {
			case w>>12 == 0xe28fc || w>>12 == 0xe28cc || w>>12 == 0xe5bcf: // add ip, pc; add ip, ip; ldr pc, [ip]!
				w &^= 0xfff
			case i == 16: // .plt's own distance to the GOT
				w = 0
			}
			out = append(out, fmt.Sprintf("%x", w))
		}
	default:
		out = append(out, string(b))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sameStubs reports whether the PLT entries of both files lead to corresponding slots, as many to each.
func (c *comparison) sameStubs() bool {
	count := map[uint64]int{}
	for _, p := range c.a.stubs() {
		if c.a.firstStub(p) {
			continue
		}
		b, ok := c.addrs.to(p.got)
		if !ok {
			return false
		}
		count[b]++
	}
	for _, p := range c.b.stubs() {
		if !c.b.firstStub(p) {
			count[p.got]--
		}
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// firstStub reports whether a stub is the entry that the others jump to for lazy binding; its slot has no relocation.
func (im *image) firstStub(p stub) bool {
	s := im.section(".plt")
	return s != nil && p.addr == s.Addr
}

// lazySound reports whether the second halves of amd64's PLT entries are what lazy binding asks for: the entry's number, and a jump to the
// section's beginning, where the first entry uses the GOT's second and third word.
func (im *image) lazySound(s *section) bool {
	b := im.contents(s)
	if im.Machine != elf.EM_X86_64 || s.Name != ".plt" || len(b) < 16 || b[0] != 0xff || b[1] != 0x35 {
		return true
	}
	le := binary.LittleEndian
	rel := func(i int) uint64 { return s.Addr + uint64(i) + 4 + uint64(int64(int32(le.Uint32(b[i:])))) }
	if rel(8) != rel(2)+8 || im.sectionAt(rel(2)) == nil || !isLinkage(im.sectionAt(rel(2)).Name) {
		return false
	}
	for i := 16; i+16 <= len(b); i += 16 {
		if b[i+6] == 0x68 && (le.Uint32(b[i+7:]) != uint32(i/16-1) || b[i+11] != 0xe9 || rel(i+12) != s.Addr) {
			return false
		}
	}
	return true
}

// compareSlots compares what the loader will write into GOT and PLT slots as sets: by type, symbol or place, and addend. A difference
// comes with one in the code that uses the slot, or else is one.
func (c *comparison) compareSlots() {
	mapped := map[uint64]bool{}
	for _, s := range c.ra.slots {
		sec := c.a.sectionAt(s.off)
		if sec == nil || !isLinkage(sec.Name) {
			continue
		}
		b, ok := c.addrs.to(s.off)
		if ok {
			if t, found := c.rb.at(b); found && c.sameTarget(s, t) {
				mapped[b] = true
				continue
			}
		}
		c.relocDiffers(sec, s, slot{}, true, false)
	}
	for _, t := range c.rb.slots {
		if sec := c.b.sectionAt(t.off); sec != nil && isLinkage(sec.Name) && !mapped[t.off] {
			c.relocDiffers(sec, slot{}, t, false, true)
		}
	}
}

// compareDynamic compares .dynamic tag by tag: addresses by where they lead, sizes of tables that are compared themselves by nothing,
// all else by value.
func (c *comparison) compareDynamic(x, y *section) {
	total := sizedDiff(c.a.contents(x), c.b.contents(y))
	var root int64
	if len(c.a.Dynamic) != len(c.b.Dynamic) {
		root = absDiff(len(c.a.Dynamic), len(c.b.Dynamic)) * int64(2*c.a.word)
		c.notDerived(x, 0, root, "entries of .dynamic")
	}
	for i := range min(len(c.a.Dynamic), len(c.b.Dynamic)) {
		p, q := c.a.Dynamic[i], c.b.Dynamic[i]
		if p.Tag == q.Tag && (p.Val == q.Val || c.sameDynamic(p.Tag, p.Val, q.Val)) {
			continue
		}
		root += int64(c.a.word)
		c.notDerived(x, int64(2*i*c.a.word), int64(c.a.word), p.Tag.String())
	}
	tail := func(im *image, s *section) []byte { // behind DT_NULL
		b := im.contents(s)
		return bytes.Trim(b[min(len(b), len(im.Dynamic)*2*im.word):], "\x00")
	}
	if !bytes.Equal(tail(c.a, x), tail(c.b, y)) {
		root++
		c.notDerived(x, int64(len(c.a.Dynamic)*2*c.a.word), 1, "bytes behind DT_NULL")
	}
	c.out.addMoved(x.Name, max(0, total-root), x.tallyFlags())
}

func (c *comparison) sameDynamic(tag elf.DynTag, u, v uint64) bool {
	switch tag {
	case elf.DT_NEEDED, elf.DT_SONAME, elf.DT_RPATH, elf.DT_RUNPATH: // places in .dynstr; compareSegments reads what stands there
		return true
	case elf.DT_STRSZ, elf.DT_RELASZ, elf.DT_RELSZ, elf.DT_PLTRELSZ, elf.DT_RELACOUNT, elf.DT_RELCOUNT, dtRelrSz, elf.DT_VERNEEDNUM, elf.DT_INIT_ARRAYSZ, elf.DT_FINI_ARRAYSZ:
		return c.a.tableSize(tag, u) && c.b.tableSize(tag, v)
	}
	if s, o := c.a.sectionAt(u), c.b.sectionAt(v); s != nil && o != nil && s.key == o.key && u == s.Addr && v == o.Addr {
		return true
	}
	return c.addrs.same(u, v)
}

// tableSize reports whether a size in .dynamic is that of its section.
func (im *image) tableSize(tag elf.DynTag, v uint64) bool {
	is := func(names ...string) bool {
		var sum uint64
		for _, n := range names {
			if s := im.section(n); s != nil {
				if sum += s.Size; s.Size == v {
					return true
				}
			}
		}
		return sum == v
	}
	switch tag {
	case elf.DT_STRSZ:
		return is(".dynstr")
	case elf.DT_RELASZ:
		return is(".rela.dyn", ".rela.plt")
	case elf.DT_RELSZ:
		return is(".rel.dyn", ".rel.plt")
	case elf.DT_PLTRELSZ:
		return is(".rela.plt", ".rel.plt")
	case dtRelrSz:
		return is(".relr.dyn")
	case elf.DT_INIT_ARRAYSZ:
		return is(".init_array")
	case elf.DT_FINI_ARRAYSZ:
		return is(".fini_array")
	case elf.DT_RELACOUNT, elf.DT_RELCOUNT, elf.DT_VERNEEDNUM: // hints, checked against the tables that are compared
		return v <= uint64(im.size)/8
	}
	return false
}

// dtRelrSz is DT_RELRSZ, the size of the table of packed relative relocations.
const dtRelrSz elf.DynTag = 35
