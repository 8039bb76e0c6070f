package elfdiff

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
)

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
