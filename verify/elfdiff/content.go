package elfdiff

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"sort"
	"strings"
)

// Go's strings and constants lie in .rodata without symbols, sorted by length and content, so that one more of them moves others past each
// other. What refers to one is the same in both files if it leads to the same content. How far a content reaches follows from what else
// begins behind it: other references, symbols, the end of the section. A load says itself how much it reads.

// maxContent bounds what is compared behind one reference, in bytes.
const maxContent = 1 << 20

// constants reports whether a section holds only bytes: loaded, neither written nor executed, and not zeroed memory.
func constants(s *section) bool {
	return s != nil && s.Type == elf.SHT_PROGBITS && s.Flags&(elf.SHF_ALLOC|elf.SHF_WRITE|elf.SHF_EXECINSTR|elf.SHF_TLS) == elf.SHF_ALLOC && s.Name == ".rodata"
}

// limits are the places at which something begins in a file's constants, sorted.
func (im *image) limits(r *relocs, names *addrNames) []uint64 {
	if im.limitsDone {
		return im.limitList
	}
	im.limitsDone = true
	var out []uint64
	add := func(addr uint64) {
		if constants(im.sectionAt(addr)) {
			out = append(out, addr)
		}
	}
	for _, s := range im.secs {
		switch {
		case constants(s):
			out = append(out, s.Addr, s.Addr+s.Size)
		case s.exec() && s.alloc() && !isLinkage(s.Name):
			kept := s.loaded
			switch b := im.contents(s); im.Machine {
			case elf.EM_X86_64:
				leas(b, s.Addr, add)
			case elf.EM_ARM:
				armAddresses(b, s.Addr, add)
			}
			if !kept {
				im.release(s)
			}
		}
	}
	for _, x := range r.slots {
		if x.sym == 0 {
			add(x.addend)
		}
	}
	for i := range names.order {
		y := names.sym(i)
		add(y.value)
		add(y.value + y.size)
	}
	slices.Sort(out)
	im.limitList = slices.Compact(out)
	return im.limitList
}

// leas calls found with the address that each `lea rel32(%rip), reg` makes.
func leas(b []byte, at uint64, found func(uint64)) {
	for i := 1; i+6 <= len(b); i++ {
		k := bytes.IndexByte(b[i:len(b)-5], 0x8d)
		if k < 0 {
			return
		}
		if i += k; b[i+1]&0xc7 == 5 && b[i-1]&0xfb == rexW {
			found(at + uint64(i) + 6 + uint64(int64(int32(binary.LittleEndian.Uint32(b[i+2:])))))
		}
	}
}

// armAddresses calls found with the addresses that `add rD, pc, rX` and the like make of a literal.
func armAddresses(b []byte, at uint64, found func(uint64)) {
	le := binary.LittleEndian
	for i := 0; i+4 <= len(b); i += 4 {
		w := le.Uint32(b[i:])
		if w&0x0f7f0000 != 0x051f0000 { // ldr rX, [pc, #+-imm12]
			continue
		}
		imm := int(w & 0xfff)
		if w&(1<<23) == 0 {
			imm = -imm
		}
		lit := i + 8 + imm
		if lit < 0 || lit+4 > len(b) {
			continue
		}
		r := w >> 12 & 15
		for n, j := 0, i+4; n < 16 && j+4 <= len(b); n, j = n+1, j+4 {
			if u := le.Uint32(b[j:]); addsPC(u, r) {
				found(uint64(uint32(at) + uint32(j) + 8 + le.Uint32(b[lit:])))
				break
			}
		}
	}
}

// reach is how many bytes lie between an address and the next place at which something begins.
func reach(limits []uint64, addr uint64) uint64 {
	i := sort.Search(len(limits), func(i int) bool { return limits[i] > addr })
	if i == len(limits) {
		return 0
	}
	return limits[i] - addr
}

// limitsA and limitsB are the limits of both files.
func (c *comparison) limitsA() []uint64 { return c.a.limits(c.ra, c.nameA()) }
func (c *comparison) limitsB() []uint64 { return c.b.limits(c.rb, c.nameB()) }

// sameContent reports whether a in A and b in B lead to the same constant: n bytes, or if n is 0 as many as it may have in either. Of what C may
// refer to, whose strings may share their ends, the string counts to its zero.
func (c *comparison) sameContent(a, b, n uint64, inC bool) bool {
	s, o := c.a.sectionAt(a), c.b.sectionAt(b)
	if !constants(s) || !constants(o) || s.key != o.key || c.nameA().at(a) != "" || c.nameB().at(b) != "" {
		return false
	}
	x, y := c.a.contents(s), c.b.contents(o)
	if a-s.Addr > uint64(len(x)) || b-o.Addr > uint64(len(y)) {
		return false
	}
	x, y = x[a-s.Addr:], y[b-o.Addr:]
	if n == 0 {
		if n = max(reach(c.limitsA(), a), reach(c.limitsB(), b)); n == 0 || n > maxContent {
			return false
		}
		if k := bytes.IndexByte(x, 0); inC {
			n = max(n, uint64(k+1))
		}
	}
	if n > uint64(min(len(x), len(y))) {
		return false
	}
	return bytes.Equal(x[:n], y[:n]) && c.onlyBytes(a, x[:n])
}

// inC reports whether what an address of A belongs to may be C's: it has no name, or one without the dot or colon that Go's have.
func (c *comparison) inC(addr uint64) bool { return !strings.ContainsAny(c.nameA().at(addr), ".:") }

// onlyBytes reports whether no address stands among bytes of A: neither one that the loader writes nor, in a file that is linked to a fixed
// address, one that the linker wrote.
func (c *comparison) onlyBytes(addr uint64, b []byte) bool {
	i := sort.Search(len(c.ra.slots), func(i int) bool { return c.ra.slots[i].off >= addr })
	if i < len(c.ra.slots) && c.ra.slots[i].off < addr+uint64(len(b)) {
		return false
	}
	if c.a.Type != elf.ET_EXEC {
		return true
	}
	w := uint64(c.a.word)
	for k := -addr & (w - 1); k+w <= uint64(len(b)); k += w {
		if v := c.a.Word(b[k:]); v != 0 && c.a.sectionAt(v) != nil {
			return false
		}
	}
	return true
}

// rexW is the prefix of 64-bit operands (bit 2, REX.R, chooses the register).
const rexW = 0x48

// amd64Operand says what the instruction whose rel32 is at x[j:] does with what it leads to: how many bytes it reads, 0 if it takes the address.
// ok is false for all but lea and what reads floating-point constants and vectors: shorter opcodes are too easily seen in other bytes.
func amd64Operand(x []byte, j int) (width uint64, ok bool) {
	if j < 3 || x[j-1]&0xc7 != 5 {
		return 0, false
	}
	if x[j-2] == 0x8d {
		return 0, x[j-3]&0xfb == rexW
	}
	if x[j-3] != 0x0f || j < 4 {
		return 0, false
	}
	p := x[j-4] // the prefix stands before 0f or before its REX
	if p&0xf0 == 0x40 && j >= 5 {
		p = x[j-5]
	}
	switch op := x[j-2]; {
	case op == 0x10 || op == 0x28 || op == 0x6f || op >= 0x51 && op <= 0x5f || op == 0xef || op == 0x2e || op == 0x2f:
		switch {
		case p == 0xf2:
			return 8, true
		case p == 0xf3 && op != 0x6f:
			return 4, true
		}
		return 16, true
	}
	return 0, false
}
