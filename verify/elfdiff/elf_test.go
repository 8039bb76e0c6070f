package elfdiff

import (
	"debug/elf"
	"encoding/binary"
)

// testELF writes small ELF files of 64-bit little-endian form.
type testELF struct {
	machine uint16
	secs    []*testSection
	syms    []testSymbol
}

type testSection struct {
	name  string
	typ   elf.SectionType
	flags elf.SectionFlag
	data  []byte
}

type testSymbol struct {
	name string
	sec  string
	off  uint64
	size uint64
}

// newELF is a file with a build ID, a function of 64 bytes, a fingerprint, a string and a line table.
func newELF() *testELF {
	fill := func(n int, seed byte) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = seed + byte(i*7)
		}
		return b
	}
	note := append([]byte{4, 0, 0, 0, 24, 0, 0, 0, 4, 0, 0, 0, 'G', 'o', 0, 0}, "aaaaaa/bbbbbb/cccccc/ddd"...)
	return &testELF{
		machine: uint16(elf.EM_X86_64),
		secs: []*testSection{
			{".note.go.buildid", elf.SHT_NOTE, elf.SHF_ALLOC, note},
			{".text", elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_EXECINSTR, fill(64, 3)},
			{".rodata", elf.SHT_PROGBITS, elf.SHF_ALLOC, fill(64, 90)},
			{".comment", elf.SHT_PROGBITS, 0, []byte("GCC: (made up) 1.2.3")},
			{".debug_line", elf.SHT_PROGBITS, 0, fill(40, 200)},
		},
		syms: []testSymbol{
			{"main.a", ".text", 0, 32}, {"main.b", ".text", 32, 32},
			{"go:link.pkghashbytes.main", ".rodata", 0, 8}, {"main.text", ".rodata", 8, 40},
		},
	}
}

func (e *testELF) sec(name string) *testSection {
	for _, s := range e.secs {
		if s.name == name {
			return s
		}
	}
	panic("no section " + name)
}

func (e *testELF) grow(name string, n int) {
	s := e.sec(name)
	s.data = append(s.data, make([]byte, n)...)
}

func (e *testELF) drop(name string) {
	for i, s := range e.secs {
		if s.name == name {
			e.secs = append(e.secs[:i:i], e.secs[i+1:]...)
			return
		}
	}
}

func (e *testELF) rename(from, to string) {
	for i := range e.syms {
		if e.syms[i].name == from {
			e.syms[i].name = to
		}
	}
}

// bytes lays the file out: header, one PT_LOAD over everything allocated, sections, section headers. Addresses are file offsets.
func (e *testELF) bytes() []byte {
	le := binary.LittleEndian
	out := make([]byte, 64+56)
	type placed struct {
		*testSection
		off uint64
	}
	var ps []placed
	index := map[string]int{}
	loadEnd := uint64(0)
	for i, s := range e.secs {
		for len(out)%16 != 0 {
			out = append(out, 0)
		}
		ps = append(ps, placed{s, uint64(len(out))})
		index[s.name] = i + 1
		out = append(out, s.data...)
		if s.flags&elf.SHF_ALLOC != 0 {
			loadEnd = uint64(len(out))
		}
	}
	strs, syms := []byte{0}, make([]byte, 24)
	for _, y := range e.syms {
		ent := make([]byte, 24)
		le.PutUint32(ent, uint32(len(strs)))
		ent[4] = 0x11 // global object
		i := index[y.sec]
		le.PutUint16(ent[6:], uint16(i))
		le.PutUint64(ent[8:], ps[i-1].off+y.off)
		le.PutUint64(ent[16:], y.size)
		syms = append(syms, ent...)
		strs = append(append(strs, y.name...), 0)
	}
	for len(out)%16 != 0 {
		out = append(out, 0)
	}
	ps = append(ps, placed{&testSection{".symtab", elf.SHT_SYMTAB, 0, syms}, uint64(len(out))})
	out = append(out, syms...)
	ps = append(ps, placed{&testSection{".strtab", elf.SHT_STRTAB, 0, strs}, uint64(len(out))})
	out = append(out, strs...)
	shstr := []byte{0}
	nameOff := []uint32{}
	ps = append(ps, placed{&testSection{".shstrtab", elf.SHT_STRTAB, 0, nil}, uint64(len(out))})
	for _, p := range ps {
		nameOff = append(nameOff, uint32(len(shstr)))
		shstr = append(append(shstr, p.name...), 0)
	}
	ps[len(ps)-1].testSection.data = shstr
	out = append(out, shstr...)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	shoff := len(out)
	out = append(out, make([]byte, 64)...)
	for i, p := range ps {
		h := make([]byte, 64)
		le.PutUint32(h, nameOff[i])
		le.PutUint32(h[4:], uint32(p.typ))
		le.PutUint64(h[8:], uint64(p.flags))
		if p.flags&elf.SHF_ALLOC != 0 {
			le.PutUint64(h[16:], p.off)
		}
		le.PutUint64(h[24:], p.off)
		le.PutUint64(h[32:], uint64(len(p.data)))
		if p.typ == elf.SHT_SYMTAB {
			le.PutUint32(h[40:], uint32(i+2))
			le.PutUint64(h[56:], 24)
		}
		le.PutUint64(h[48:], 1)
		out = append(out, h...)
	}
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[16:], uint16(elf.ET_DYN))
	le.PutUint16(out[18:], e.machine)
	le.PutUint32(out[20:], 1)
	le.PutUint64(out[32:], 64)
	le.PutUint64(out[40:], uint64(shoff))
	le.PutUint16(out[52:], 64)
	le.PutUint16(out[54:], 56)
	le.PutUint16(out[56:], 1)
	le.PutUint16(out[58:], 64)
	le.PutUint16(out[60:], uint16(len(ps)+1))
	le.PutUint16(out[62:], uint16(len(ps)))
	p := out[64:]
	le.PutUint32(p, uint32(elf.PT_LOAD))
	le.PutUint32(p[4:], 5)
	le.PutUint64(p[32:], loadEnd)
	le.PutUint64(p[40:], loadEnd)
	return out
}
