// Package elftest makes small ELF files for tests: a header, an interpreter and a dynamic section, no code.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Spec says what a file has.
type Spec struct {
	Machine  elf.Machine
	Wide     bool // 64 bits; all files are little-endian
	Flags    uint32
	Interp   string
	Needed   []string
	Soname   string
	Versions []string // needed from the first library
}

// Build returns the file. Everything lies in one segment whose addresses are the offsets.
func (s Spec) Build() []byte {
	le := binary.LittleEndian
	class, ehsize, phsize := elf.ELFCLASS32, 52, 32
	if s.Wide {
		class, ehsize, phsize = elf.ELFCLASS64, 64, 56
	}
	word := func(b []byte, v uint64) []byte {
		if s.Wide {
			return le.AppendUint64(b, v)
		}
		return le.AppendUint32(b, uint32(v))
	}
	start := ehsize + 3*phsize
	body := append([]byte(s.Interp), 0)
	interpLen := len(body)
	strtab := bytes.NewBuffer([]byte{0})
	str := func(v string) uint64 {
		off := strtab.Len()
		strtab.WriteString(v + "\x00")
		return uint64(off)
	}
	var entries [][2]uint64
	for _, n := range s.Needed {
		entries = append(entries, [2]uint64{uint64(elf.DT_NEEDED), str(n)})
	}
	if s.Soname != "" {
		entries = append(entries, [2]uint64{uint64(elf.DT_SONAME), str(s.Soname)})
	}
	var need []byte
	if len(s.Versions) > 0 {
		need = le.AppendUint16(need, 1)
		need = le.AppendUint16(need, uint16(len(s.Versions)))
		need = le.AppendUint32(need, uint32(entries[0][1]))
		need = le.AppendUint32(need, 16)
		need = le.AppendUint32(need, 0)
		for i, v := range s.Versions {
			next := uint32(16)
			if i == len(s.Versions)-1 {
				next = 0
			}
			need = le.AppendUint32(need, 0)
			need = le.AppendUint32(need, 0)
			need = le.AppendUint32(need, uint32(str(v)))
			need = le.AppendUint32(need, next)
		}
		entries = append(entries, [2]uint64{uint64(elf.DT_VERNEED), uint64(start + len(body))}, [2]uint64{uint64(elf.DT_VERNEEDNUM), 1})
		body = append(body, need...)
	}
	entries = append(entries, [2]uint64{uint64(elf.DT_STRTAB), uint64(start + len(body))}, [2]uint64{uint64(elf.DT_STRSZ), uint64(strtab.Len())}, [2]uint64{})
	body = append(body, strtab.Bytes()...)
	dynOff := start + len(body)
	for _, e := range entries {
		body = word(word(body, e[0]), e[1])
	}
	dynLen := start + len(body) - dynOff

	out := append([]byte(elf.ELFMAG), byte(class), byte(elf.ELFDATA2LSB), 1)
	out = append(out, make([]byte, 9)...)
	out = le.AppendUint16(out, uint16(elf.ET_DYN))
	out = le.AppendUint16(out, uint16(s.Machine))
	out = le.AppendUint32(out, 1)
	out = word(word(word(out, 0), uint64(ehsize)), 0)
	out = le.AppendUint32(out, s.Flags)
	for _, v := range []int{ehsize, phsize, 3, 0, 0, 0} {
		out = le.AppendUint16(out, uint16(v))
	}
	for _, p := range []struct {
		kind      elf.ProgType
		off, size int
	}{{elf.PT_LOAD, 0, start + len(body)}, {elf.PT_INTERP, start, interpLen}, {elf.PT_DYNAMIC, dynOff, dynLen}} {
		if p.kind == elf.PT_INTERP && s.Interp == "" {
			p.kind = elf.PT_NULL
		}
		out = le.AppendUint32(out, uint32(p.kind))
		if s.Wide {
			out = le.AppendUint32(out, 4)
			for _, v := range []int{p.off, p.off, p.off, p.size, p.size, 8} {
				out = le.AppendUint64(out, uint64(v))
			}
			continue
		}
		for _, v := range []int{p.off, p.off, p.off, p.size, p.size, 4, 4} {
			out = le.AppendUint32(out, uint32(v))
		}
	}
	return append(out, body...)
}

// Musl, Glibc and ARM are the files that tests need most.
var (
	Musl  = Spec{Machine: elf.EM_X86_64, Wide: true, Interp: "/lib/ld-musl-x86_64.so.1", Needed: []string{"libc.so"}}
	Glibc = Spec{Machine: elf.EM_X86_64, Wide: true, Interp: "/lib64/ld-linux-x86-64.so.2", Needed: []string{"libc.so.6"}, Versions: []string{"GLIBC_2.2.5", "GLIBC_2.34"}}
	ARM   = Spec{Machine: elf.EM_ARM, Flags: 0x05000400, Interp: "/lib/ld-musl-armhf.so.1", Needed: []string{"libc.so"}}
)
