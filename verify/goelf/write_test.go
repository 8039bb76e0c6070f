package goelf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// fake describes a small plugin that write lays out: what the Go linker puts into the dynamic tables and nothing else.
type fake struct {
	machine elf.Machine
	class   elf.Class
	rela    bool
	gnuHash bool
	relr    bool // RELATIVE relocations in DT_RELR, addends in the slots
	path    string
	pkgs    []Package
	size    uint64 // of runtime.firstmoduledata
	extra   int    // words between pluginpath and pkghashes, which no release has
}

// fakes has one plugin per machine and table form.
func fakes() map[string]fake {
	pkgs := []Package{{Name: "internal/goarch", Hash: "01234567"}, {Name: "runtime", Hash: "abcdefgh"}, {Name: "example.test/x/shared", Hash: "\x00\xff\x10\x20\x30\x40\x50\x60"}, {Name: "example.test/x", Hash: "ZYXWVUTS"}}
	f := fake{path: "example.test/x", pkgs: pkgs, size: 592}
	out := map[string]fake{}
	add := func(name string, m elf.Machine, c elf.Class, rela, gnu, relr bool) {
		g := f
		g.machine, g.class, g.rela, g.gnuHash, g.relr = m, c, rela, gnu, relr
		out[name] = g
	}
	add("amd64", elf.EM_X86_64, elf.ELFCLASS64, true, true, false)
	add("amd64 sysv hash", elf.EM_X86_64, elf.ELFCLASS64, true, false, false)
	add("arm", elf.EM_ARM, elf.ELFCLASS32, false, true, false)
	add("arm64 relr", elf.EM_AARCH64, elf.ELFCLASS64, true, true, true)
	add("386", elf.EM_386, elf.ELFCLASS32, false, false, false)
	add("riscv64", elf.EM_RISCV, elf.ELFCLASS64, true, true, false)
	return out
}

// writer lays a file out front to back; offsets and addresses are the same number.
type writer struct {
	fake
	b    bytes.Buffer
	w    int
	strs bytes.Buffer
	syms []Symbol
	rels []Reloc
}

func (w *writer) word(v uint64) {
	if w.w == 8 {
		binary.Write(&w.b, binary.LittleEndian, v)
	} else {
		binary.Write(&w.b, binary.LittleEndian, uint32(v))
	}
}

func (w *writer) u32(v ...uint32) { binary.Write(&w.b, binary.LittleEndian, v) }
func (w *writer) u16(v ...uint16) { binary.Write(&w.b, binary.LittleEndian, v) }

func (w *writer) align() uint64 {
	for w.b.Len()%16 != 0 {
		w.b.WriteByte(0)
	}
	return uint64(w.b.Len())
}

// pointer writes a word that a RELATIVE relocation fills.
func (w *writer) pointer(to uint64) {
	at := uint64(w.b.Len())
	w.rels = append(w.rels, Reloc{Off: at, Type: relativeTypes[w.machine], Addend: int64(to), Explicit: w.rela && !w.relr})
	if w.rela && !w.relr {
		to = 0
	}
	w.word(to)
}

func (w *writer) str(s string) uint64 {
	at := uint64(w.b.Len())
	w.b.WriteString(s)
	return at
}

func (w *writer) name(s string) uint32 {
	at := uint32(w.strs.Len())
	w.strs.WriteString(s + "\x00")
	return at
}

func (w *writer) addSym(name string, value, size uint64) uint32 {
	w.syms = append(w.syms, Symbol{Name: name, Value: value, Size: size, Section: 1, Info: byte(elf.STB_GLOBAL)<<4 | byte(elf.STT_OBJECT)})
	return uint32(len(w.syms) - 1)
}

// write makes the file. It has no section headers.
func (f fake) write() []byte {
	w := &writer{fake: f, w: 8}
	if f.class == elf.ELFCLASS32 {
		w.w = 4
	}
	ehsize, phsize := 64, 56
	if w.w == 4 {
		ehsize, phsize = 52, 32
	}
	w.b.Write(make([]byte, ehsize+2*phsize))
	w.name("")
	w.syms = make([]Symbol, 1)
	w.align()

	// Strings, fingerprints and the slice of packages.
	at := map[string]uint64{}
	var hashSyms []uint32
	for _, p := range f.pkgs {
		at["n"+p.Name], at["h"+p.Name] = w.str(p.Name), w.str(p.Hash)
	}
	path := w.str(f.path)
	pcln := w.align()
	w.b.Write([]byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, byte(w.w)})
	for _, v := range []uint64{0, 1, 0, 80, 80, 80, 93, 93} {
		w.word(v)
	}
	w.b.Write(make([]byte, int(pcln)+80-w.b.Len()))
	w.b.WriteString("runtime/x.go\x00")
	for _, p := range f.pkgs {
		bytesAt := at["h"+p.Name]
		w.addSym(pkgHashBytesPrefix+p.Name, bytesAt, 8)
		s := w.align()
		w.pointer(bytesAt)
		w.word(8)
		hashSyms = append(hashSyms, w.addSym(pkgHashPrefix+p.Name, s, uint64(2*w.w)))
	}
	slice := w.align()
	for i, p := range f.pkgs {
		w.pointer(at["n"+p.Name])
		w.word(uint64(len(p.Name)))
		w.pointer(at["h"+p.Name])
		w.word(8)
		w.rels = append(w.rels, Reloc{Off: uint64(w.b.Len()), Type: 2, Sym: hashSyms[i], Explicit: w.rela})
		w.word(0)
	}
	md := w.align()
	w.addSym("runtime.firstmoduledata", md, f.size)
	w.pointer(pcln)
	for range 53 - f.extra {
		w.word(0)
	}
	w.pointer(path)
	w.word(uint64(len(f.path)))
	for range f.extra {
		w.word(0)
	}
	w.pointer(slice)
	w.word(uint64(len(f.pkgs)))
	w.word(uint64(len(f.pkgs)))
	w.b.Write(make([]byte, 160))
	return w.finish(ehsize, phsize)
}

func (w *writer) finish(ehsize, phsize int) []byte {
	dyn := map[elf.DynTag]uint64{}
	w.rels = append([]Reloc{}, w.rels...)
	var relatives []uint64
	relAt := w.align()
	for _, r := range w.rels {
		if w.relr && r.Sym == 0 {
			relatives = append(relatives, r.Off)
			continue
		}
		w.word(r.Off)
		if w.w == 8 {
			w.word(uint64(r.Sym)<<32 | uint64(r.Type))
		} else {
			w.word(uint64(r.Sym)<<8 | uint64(r.Type))
		}
		if w.rela {
			w.word(uint64(r.Addend))
		}
	}
	n := uint64(w.b.Len()) - relAt
	if w.rela {
		dyn[elf.DT_RELA], dyn[elf.DT_RELASZ] = relAt, n
	} else {
		dyn[elf.DT_REL], dyn[elf.DT_RELSZ] = relAt, n
	}
	if w.relr { // an address and bitmaps of the words after it
		relrAt := w.align()
		for i := 0; i < len(relatives); {
			base := relatives[i]
			w.word(base)
			var bits uint64
			for i++; i < len(relatives) && relatives[i]-base <= 63*8; i++ {
				bits |= 1 << ((relatives[i]-base)/8 - 1)
			}
			w.word(bits<<1 | 1)
		}
		dyn[dtRelr], dyn[dtRelrSz] = relrAt, uint64(w.b.Len())-relrAt
	}
	w.hash(dyn)
	symAt := w.align()
	for _, s := range w.syms {
		name := w.name(s.Name)
		if w.w == 8 {
			w.u32(name)
			w.b.Write([]byte{s.Info, 0})
			w.u16(uint16(s.Section))
			w.word(s.Value)
			w.word(s.Size)
		} else {
			w.u32(name, uint32(s.Value), uint32(s.Size))
			w.b.Write([]byte{s.Info, 0})
			w.u16(uint16(s.Section))
		}
	}
	soname := w.name("libfake.so")
	strAt := w.align()
	w.b.Write(w.strs.Bytes())
	dyn[elf.DT_SYMTAB], dyn[elf.DT_STRTAB], dyn[elf.DT_STRSZ], dyn[elf.DT_SONAME] = symAt, strAt, uint64(w.strs.Len()), uint64(soname)
	dynAt := w.align()
	for tag := elf.DynTag(0); tag < 1<<8; tag++ {
		if v, ok := dyn[tag]; ok {
			w.word(uint64(tag))
			w.word(v)
		}
	}
	if v, ok := dyn[elf.DT_GNU_HASH]; ok {
		w.word(uint64(elf.DT_GNU_HASH))
		w.word(v)
	}
	w.word(0)
	w.word(0)
	return w.headers(ehsize, phsize, dynAt)
}

// hash writes DT_HASH, or DT_GNU_HASH with one bucket and symbols in the order in which they stand.
func (w *writer) hash(dyn map[elf.DynTag]uint64) {
	at := w.align()
	if !w.gnuHash {
		dyn[elf.DT_HASH] = at
		n := uint32(len(w.syms))
		w.u32(1, n, 1)
		for i := range n {
			if i == 0 || i == n-1 {
				w.u32(0)
			} else {
				w.u32(i + 1)
			}
		}
		return
	}
	dyn[elf.DT_GNU_HASH] = at
	w.u32(1, 1, 1, 6)
	w.word(^uint64(0))
	w.u32(1)
	for i, s := range w.syms[1:] {
		h := GNUHash(s.Name) &^ 1
		if i == len(w.syms)-2 {
			h |= 1
		}
		w.u32(h)
	}
}

func (w *writer) headers(ehsize, phsize int, dynAt uint64) []byte {
	size := uint64(w.b.Len())
	body := w.b.Bytes()
	w.b = bytes.Buffer{}
	data := []byte{0x7f, 'E', 'L', 'F', byte(w.class), 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	w.b.Write(data)
	w.u16(uint16(elf.ET_DYN), uint16(w.machine))
	w.u32(1)
	w.word(0)
	w.word(uint64(ehsize))
	w.word(0)
	w.u32(0)
	w.u16(uint16(ehsize), uint16(phsize), 2, 0, 0, 0)
	for _, p := range []struct {
		t        elf.ProgType
		off, len uint64
	}{{elf.PT_LOAD, 0, size}, {elf.PT_DYNAMIC, dynAt, size - dynAt}} {
		if w.w == 8 {
			w.u32(uint32(p.t), 6)
			for _, v := range []uint64{p.off, p.off, p.off, p.len, p.len, 16} {
				w.word(v)
			}
		} else {
			w.u32(uint32(p.t), uint32(p.off), uint32(p.off), uint32(p.off), uint32(p.len), uint32(p.len), 6, 16)
		}
	}
	copy(body, w.b.Bytes())
	return body
}
