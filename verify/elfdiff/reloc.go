package elfdiff

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"sort"
	"strings"
)

// maxRelocs bounds the relocations that are kept, 32 bytes each; rclone has some 600,000.
const maxRelocs = 16 << 20

// slot is a place that the loader writes.
type slot struct {
	off    uint64
	addend uint64 // from the slot itself where the table has none
	typ    uint32
	sym    uint32 // index into dyn, 0 for none
}

// relocs are a file's dynamic relocations, sorted by place.
type relocs struct {
	slots []slot
	dyn   []symbol // .dynsym without its null symbol
	plt   map[uint64]uint64
	bad   bool // the tables could not be read to their end
}

func (im *image) relocs() *relocs {
	r := &relocs{dyn: im.readSymbols(im.section(".dynsym"))}
	for x, err := range im.Relocs() {
		if err != nil || len(r.slots) >= maxRelocs || int64(len(r.slots)) > im.size/8+1<<16 {
			r.bad = true
			break
		}
		s := slot{off: x.Off, addend: uint64(x.Addend), typ: x.Type, sym: x.Sym}
		if !x.Explicit && !im.overwritten(x.Type) {
			s.addend = im.word64(x.Off)
		}
		if im.word == 4 {
			s.addend = uint64(uint32(s.addend))
		}
		r.slots = append(r.slots, s)
	}
	slices.SortFunc(r.slots, func(x, y slot) int { return cmp64(x.off, y.off) })
	return r
}

// overwritten reports whether the loader ignores what stands in a slot of that type: GLOB_DAT and JUMP_SLOT have no addend.
func (im *image) overwritten(typ uint32) bool {
	switch im.Machine {
	case elf.EM_ARM:
		return elf.R_ARM(typ) == elf.R_ARM_GLOB_DAT || elf.R_ARM(typ) == elf.R_ARM_JUMP_SLOT
	case elf.EM_386:
		return elf.R_386(typ) == elf.R_386_GLOB_DAT || elf.R_386(typ) == elf.R_386_JMP_SLOT
	}
	return false
}

// word64 is the word at an address, read from the section that holds it; 0 if none does.
func (im *image) word64(addr uint64) uint64 {
	s := im.sectionAt(addr)
	if s == nil {
		return 0
	}
	b := im.contents(s)
	if o := addr - s.Addr; o+uint64(im.word) <= uint64(len(b)) && o+uint64(im.word) > o {
		return im.Word(b[o:])
	}
	return 0
}

// sectionAt finds the loaded section that covers an address.
func (im *image) sectionAt(addr uint64) *section {
	if s := im.lastHit; s != nil && addr-s.Addr < s.Size {
		return s
	}
	if im.byAddr == nil {
		for _, s := range im.secs {
			if s.alloc() && s.Flags&elf.SHF_TLS == 0 && s.Size > 0 {
				im.byAddr = append(im.byAddr, s)
			}
		}
		slices.SortStableFunc(im.byAddr, func(x, y *section) int { return cmp64(x.Addr, y.Addr) })
	}
	i := sort.Search(len(im.byAddr), func(i int) bool { return im.byAddr[i].Addr > addr }) - 1
	if i < 0 || addr-im.byAddr[i].Addr >= im.byAddr[i].Size {
		return nil
	}
	im.lastHit = im.byAddr[i]
	return im.lastHit
}

func (r *relocs) at(off uint64) (slot, bool) {
	i := sort.Search(len(r.slots), func(i int) bool { return r.slots[i].off >= off })
	if i < len(r.slots) && r.slots[i].off == off {
		return r.slots[i], true
	}
	return slot{}, false
}

// covering finds the slot that an address lies in.
func (r *relocs) covering(addr uint64, word int) (slot, bool) {
	i := sort.Search(len(r.slots), func(i int) bool { return r.slots[i].off > addr }) - 1
	if i >= 0 && addr-r.slots[i].off < uint64(word) {
		return r.slots[i], true
	}
	return slot{}, false
}

func (r *relocs) name(s slot) string {
	if s.sym == 0 || int(s.sym) > len(r.dyn) {
		return ""
	}
	return r.dyn[s.sym-1].name
}

// sameTarget reports whether two relocations lead to the same place.
func (c *comparison) sameTarget(x, y slot) bool {
	if x.typ != y.typ || (x.sym == 0) != (y.sym == 0) {
		return false
	}
	if x.sym == 0 {
		return c.addrs.same(x.addend, y.addend) || c.tlsOffset(x, y) || c.samePointed(x, y)
	}
	return c.canonical(c.ra.name(x), c.pathA) == c.canonical(c.rb.name(y), c.pathB) && x.addend == y.addend
}

// samePointed reports whether two words are pointers to the same constant. The word behind the pointer of a string or slice is its length.
func (c *comparison) samePointed(x, y slot) bool {
	w := uint64(c.a.word)
	if n, ok := c.pointerMask(x.off); ok {
		return n > 0 && c.sameContent(x.addend, y.addend, n, false) || n == 0 && constants(c.a.sectionAt(x.addend)) && constants(c.b.sectionAt(y.addend))
	}
	n := c.a.word64(x.off + w)
	if _, slot := c.ra.at(x.off + w); slot || n == 0 || n > maxContent || n != c.b.word64(y.off+w) {
		return c.sameContent(x.addend, y.addend, 0, c.inC(x.off))
	}
	return c.sameContent(x.addend, y.addend, max(n, min(reach(c.limitsA(), x.addend), reach(c.limitsB(), y.addend))), false)
}

// pointerMask is how many bytes the bitmap has that a slot of A points to if the slot is a type's GCData; ok is false if it is not. One bit stands
// for each word of abi.Type.PtrBytes, the type's second word. A type without pointers has none, wherever it points.
func (c *comparison) pointerMask(slot uint64) (n uint64, ok bool) {
	y := c.nameA().covering(slot)
	w := uint64(c.a.word)
	if y == nil || !strings.HasPrefix(y.name, "type:") || slot-y.value != 3*w+8 { // behind Size_, PtrBytes, 8 bytes, Equal
		return 0, false
	}
	return min((c.a.word64(y.value+w)/w+7)/8, maxContent), true
}

// tlsOffset: a thread-local offset within the module is a number, not an address.
func (c *comparison) tlsOffset(x, y slot) bool {
	tls := c.a.Machine == elf.EM_X86_64 && elf.R_X86_64(x.typ) == elf.R_X86_64_TPOFF64 || c.a.Machine == elf.EM_ARM && elf.R_ARM(x.typ) == elf.R_ARM_TLS_TPOFF32
	return tls && x.addend == y.addend
}

// linkage maps GOT slots of one canonical target, and PLT entries of one symbol, onto each other.
func (c *comparison) linkage() {
	type target struct {
		typ    uint32
		name   string
		addend uint64
	}
	canonical := func(r *relocs, path string, s slot, to func(uint64) (uint64, bool)) (target, bool) {
		if s.sym != 0 {
			return target{s.typ, c.canonical(r.name(s), path), s.addend}, true
		}
		t, ok := to(s.addend)
		return target{s.typ, "", t}, ok
	}
	inB := map[target]uint64{}
	id := func(x uint64) (uint64, bool) { return x, true }
	for _, s := range c.rb.slots {
		if o := c.b.sectionAt(s.off); o != nil && isLinkage(o.Name) {
			if t, ok := canonical(c.rb, c.pathB, s, id); ok {
				inB[t] = s.off
			}
		}
	}
	var got []piece
	for _, s := range c.ra.slots {
		if o := c.a.sectionAt(s.off); o != nil && isLinkage(o.Name) {
			if t, ok := canonical(c.ra, c.pathA, s, c.addrs.to); ok {
				if b, ok := inB[t]; ok {
					got = append(got, piece{s.off, b, uint64(c.a.word)})
				}
			}
		}
	}
	gotAt := make(map[uint64]uint64, len(got))
	for _, p := range got {
		c.addrs.add(p.a, p.b, p.n)
		gotAt[p.a] = p.b
	}
	stubB := map[uint64]stub{}
	for _, p := range c.b.stubs() {
		stubB[p.got] = p
	}
	for _, p := range c.a.stubs() {
		if g, ok := gotAt[p.got]; ok {
			if q, ok := stubB[g]; ok {
				c.addrs.add(p.addr, q.addr, min(p.size, q.size))
			}
		}
	}
	c.beginnings()
	c.addrs.sort()
}

// beginnings lets the first bytes of linkage sections correspond, as far as no slot or entry lies there: _GLOBAL_OFFSET_TABLE_ and the
// PLT's own code, which unwinding tables refer to.
func (c *comparison) beginnings() {
	taken := map[uint64]bool{}
	for _, p := range c.addrs.pieces {
		taken[p.a] = true
	}
	for _, s := range c.a.secs {
		o := c.b.section(s.Name)
		if !isLinkage(s.Name) || o == nil {
			continue
		}
		n := uint64(0)
		for n < min(s.Size, o.Size, 32) && !taken[s.Addr+n] {
			n += 4
		}
		c.addrs.add(s.Addr, o.Addr, n)
	}
}

// stub is an entry of a PLT: code that jumps through a GOT slot.
type stub struct{ addr, size, got uint64 }

// stubs decodes the PLT sections. amd64: ff 25 rel32. arm: add ip,pc,#; add ip,ip,#; ldr pc,[ip,#]! (AAELF32, lazy or not).
func (im *image) stubs() []stub {
	var out []stub
	for _, s := range im.secs {
		size := uint64(16)
		switch s.Name {
		case ".plt", ".plt.sec":
		case ".plt.got":
			size = 8
		default:
			continue
		}
		b := im.contents(s)
		le := binary.LittleEndian
		switch im.Machine {
		case elf.EM_X86_64:
			for i := 0; i+6 <= len(b); i++ {
				if b[i] == 0xff && b[i+1] == 0x25 {
					pc := s.Addr + uint64(i)
					out = append(out, stub{pc &^ (size - 1), size, pc + 6 + uint64(int64(int32(le.Uint32(b[i+2:]))))})
					i += 5
				}
			}
		case elf.EM_ARM:
			for i := 0; i+12 <= len(b); i += 4 {
				u, v, w := le.Uint32(b[i:]), le.Uint32(b[i+4:]), le.Uint32(b[i+8:])
				if u>>12 == 0xe28fc && v>>12 == 0xe28cc && w>>12 == 0xe5bcf {
					pc := s.Addr + uint64(i)
					out = append(out, stub{pc, 12, uint64(uint32(pc) + 8 + armImmediate(u) + armImmediate(v) + w&0xfff)})
					i += 8
				}
			}
		}
	}
	return out
}

// armImmediate is a data-processing instruction's constant: 8 bits rotated right by twice 4 bits.
func armImmediate(insn uint32) uint32 {
	v, r := insn&0xff, insn>>8&15*2
	return v>>r | v<<(32-r)
}
