package elfdiff

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"
)

// slotAt is how many bytes from here on belong to a slot that both files relocate, 0 if they are no such slot.
func (c *comparison) slotAt(a, b uint64) int {
	s, ok := c.ra.covering(a, c.a.word)
	if !ok {
		return 0
	}
	t, ok := c.rb.covering(b, c.b.word)
	if !ok || t.off-b != s.off-a {
		return 0
	}
	return int(s.off + uint64(c.a.word) - a)
}

// relative32 looks for a 32-bit pc-relative number over the differing byte i that leads to the same place in both files, and returns how
// many bytes from i on it covers. The number counts from its own end, or from up to four bytes behind it (an immediate operand follows).
// To a constant without a symbol it may lead by an instruction that takes its address or reads it.
func (c *comparison) relative32(x, y []byte, i int, q piece, p *pair) int {
	le := binary.LittleEndian
	for k := 0; k < 4; k++ {
		j := i - k
		if j < 0 || j+4 > len(x) {
			continue
		}
		u, v := int32(le.Uint32(x[j:])), int32(le.Uint32(y[j:]))
		if u == v {
			continue
		}
		at, bt := q.a+uint64(j)+uint64(int64(u)), q.b+uint64(j)+uint64(int64(v))
		for _, end := range [...]uint64{4, 5, 8, 6, 0} {
			if c.addrs.same(at+end, bt+end) {
				return 4 - k
			}
		}
		if c.fixed() && c.addrs.same(uint64(uint32(u)), uint64(uint32(v))) {
			return 4 - k
		}
		if n, ok := amd64Operand(x, j); ok && p.sa.exec() && bytes.Equal(x[j-2:j], y[j-2:j]) {
			if m, ok := amd64Operand(y, j); ok && m == n && c.sameContent(at+4, bt+4, n, c.inC(q.a+uint64(j))) {
				return 4 - k
			}
		}
	}
	return 0
}

// fixed reports whether both files are linked to fixed addresses, so that code and data hold addresses without relocations.
func (c *comparison) fixed() bool { return c.a.Type == elf.ET_EXEC && c.b.Type == elf.ET_EXEC }

// shtARMExidx is SHT_ARM_EXIDX, the unwinding index of the ARM ABI.
const shtARMExidx elf.SectionType = 0x70000001

// prel31 follows a word of the unwinding index: 31 bits that count from the word itself.
func (c *comparison) prel31(x, y []byte, i int, q piece) int {
	j := i - int((q.a+uint64(i))&3)
	if j < 0 || j+4 > len(x) {
		return 0
	}
	u, v := int32(c.a.Order.Uint32(x[j:])), int32(c.b.Order.Uint32(y[j:]))
	if (u < 0) != (v < 0) {
		return 0
	}
	if c.addrs.same(uint64(uint32(q.a)+uint32(j)+uint32(u<<1>>1)), uint64(uint32(q.b)+uint32(j)+uint32(v<<1>>1))) {
		return j + 4 - i
	}
	return 0
}

// bases are the addresses that offsets in Go's data count from.
type bases struct {
	types, text, rodata, gofunc, got uint64
}

// bounds are the symbols that bases looks for.
func (im *image) bounds() (out []symbol) {
	for _, y := range im.table() {
		if y.name == "_GLOBAL_OFFSET_TABLE_" || y.name == "go:func.*" || strings.HasPrefix(y.name, "runtime.") && len(y.name) < 16 {
			out = append(out, y)
		}
	}
	return out
}

func (im *image) bases() bases {
	var b bases
	for _, y := range slices.Concat(im.made(), im.bounds()) {
		switch y.name {
		case "runtime.types":
			b.types = y.value
		case "runtime.text":
			b.text = y.value
		case "_GLOBAL_OFFSET_TABLE_":
			b.got = y.value
		case "runtime.rodata":
			b.rodata = y.value
		case "go:func.*":
			b.gofunc = y.value
		}
	}
	if s := im.section(".got"); b.got == 0 && s != nil {
		b.got = s.Addr
	}
	if s := im.section(".data.rel.ro"); b.types == 0 && s != nil {
		b.types = s.Addr
	}
	return b
}

// offset32 looks at the aligned 32-bit number that holds the differing byte: an offset from the types or from the text (abi.NameOff,
// TypeOff, TextOff), or of a function's name in an inlining tree (funcdata), that leads to the same place in both files.
func (c *comparison) offset32(x, y []byte, i int, q piece, p *pair) int {
	j := i - int((q.a+uint64(i))&3)
	if j < 0 || j+4 > len(x) || (q.a+uint64(j))&3 != (q.b+uint64(j))&3 {
		return 0
	}
	u, v := uint64(int64(int32(c.a.Order.Uint32(x[j:])))), uint64(int64(int32(c.b.Order.Uint32(y[j:]))))
	done := j + 4 - i
	if c.fixed() {
		if n := c.address(x, y, i, q); n > 0 {
			return n
		}
	}
	switch {
	case c.baseA.types != 0 && c.addrs.same(c.baseA.types+u, c.baseB.types+v):
		return done
	case c.baseA.text != 0 && c.addrs.same(c.baseA.text+u, c.baseB.text+v):
		return done
	case c.baseA.rodata != 0 && c.addrs.same(c.baseA.rodata+u, c.baseB.rodata+v): // runtime.stackObjectRecord.gcdataoff
		return done
	case c.sameFuncName(u, v):
		return done
	case isModuleData(p, symbolOf(p.ua.key)) && c.tableLength(x, y, i, q):
		return done
	}
	return 0
}

// address follows the aligned word that holds the differing byte as an address.
func (c *comparison) address(x, y []byte, i int, q piece) int {
	w := uint64(c.a.word)
	j := i - int((q.a+uint64(i))&(w-1))
	if j < 0 || j+int(w) > len(x) || (q.a^q.b)&(w-1) != 0 {
		return 0
	}
	if c.addrs.same(c.a.Word(x[j:]), c.b.Word(y[j:])) {
		return j + int(w) - i
	}
	return 0
}

// sameFuncName reports whether two offsets into the names of functions lead to the same name.
func (c *comparison) sameFuncName(u, v uint64) bool {
	if c.pcA == nil || c.pcB == nil || u == 0 || v == 0 || u >= uint64(len(c.pcA.names)) || v >= uint64(len(c.pcB.names)) {
		return false
	}
	if c.pcA.names[u-1] != 0 || c.pcB.names[v-1] != 0 {
		return false
	}
	return c.canonical(cstring(c.pcA.names, u), c.pathA) == c.canonical(cstring(c.pcB.names, v), c.pathB)
}
