package elfdiff

import (
	"debug/elf"
	"strconv"
)

// made are symbols for what Go's module data shows. The line table gets its true size, for the linker gives it none. If one of
// the two files has no .symtab, both get the local symbols that the comparison needs.
func (im *image) made() []symbol {
	if im.madeDone {
		return im.madeSyms
	}
	im.madeDone = true
	add := func(name string, addr, size uint64, t elf.SymType) {
		if s := im.sectionAt(addr); addr != 0 && s != nil && size <= s.Size-(addr-s.Addr) {
			im.madeSyms = append(im.madeSyms, symbol{name: name, value: addr, size: size, shndx: uint16(s.Index), info: uint8(t)})
		}
	}
	if addr, size, err := im.PclntabRange(); err == nil {
		if n := im.pclntabSize(addr, size); n > 0 {
			add(pclntabSymbol, addr, n, elf.STT_OBJECT)
		}
	}
	if !im.makeAll || im.synthetic {
		return im.madeSyms
	}
	l, err := im.Layout()
	if err != nil {
		return im.madeSyms
	}
	add(findFuncTab, l.FindFuncTab, 0, elf.STT_OBJECT)
	add("runtime.text", l.Text, 0, elf.STT_FUNC)
	add("runtime.types", l.Types, 0, elf.STT_OBJECT)
	add("runtime.rodata", l.Rodata, 0, elf.STT_OBJECT)
	add("go:func.*", l.Gofunc, 0, elf.STT_OBJECT)
	m, err := im.Plugin()
	if err != nil {
		return im.madeSyms
	}
	w := uint64(im.word)
	add("local.moduledata", m.Start, m.Field+3*w-m.Start, elf.STT_OBJECT)
	add("go:link.thispluginpath", m.PathAddr, uint64(len(m.Path)), elf.STT_OBJECT)
	add("go:link.pkghashes", m.Array, modulehashWords*w*uint64(len(m.Packages)), elf.STT_OBJECT)
	for i, p := range m.Packages {
		add("go:link.pkgname."+strconv.Itoa(i), p.NameAddr, uint64(len(p.Name)), elf.STT_OBJECT)
		add("go:link.pkglinkhash."+strconv.Itoa(i), p.HashAddr, uint64(len(p.Hash)), elf.STT_OBJECT)
	}
	return im.madeSyms
}

// pclntabSymbol is the linker's symbol at the beginning of the line table.
const pclntabSymbol = "runtime.pclntab"

// modulehashWords is the size of runtime.modulehash in words.
const modulehashWords = 5

// pclntabSize is the length of the line table without what its section holds behind it, 0 if the table cannot be read.
func (im *image) pclntabSize(addr, size uint64) uint64 {
	s := im.sectionAt(addr)
	if s == nil {
		return 0
	}
	b := im.contents(s)
	lo := addr - s.Addr
	if lo >= uint64(len(b)) {
		return 0
	}
	t := readPclntab(b[lo:min(uint64(len(b)), lo+size)], im.Order, im.word)
	if t == nil {
		return 0
	}
	return t.size()
}

// packageAt is the package whose fingerprint lies at an address of the plugin, "" if none does.
func (im *image) packageAt(addr uint64) string {
	if im.hashAt == nil {
		im.hashAt = map[uint64]string{}
		if m, err := im.Plugin(); err == nil {
			for _, p := range m.Packages {
				im.hashAt[p.HashAddr] = p.Name
			}
		}
	}
	for k := range uint64(8) {
		if p, ok := im.hashAt[addr-k]; ok {
			return p
		}
	}
	return ""
}
