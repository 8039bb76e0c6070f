package elfdiff

import (
	"bytes"
	"debug/elf"
	"slices"
	"strings"
)

// symbol is one entry of .symtab or .dynsym.
type symbol struct {
	name  string
	value uint64
	size  uint64
	shndx uint16
	info  uint8
	other uint8
}

func (s *symbol) typ() elf.SymType { return elf.SymType(s.info & 15) }

// defined reports whether the symbol lies in a section of this file.
func (s *symbol) defined() bool { return s.shndx != 0 && s.shndx < uint16(elf.SHN_LORESERVE) }

// readSymbols reads a symbol table section once; callers must not change it. Entries beyond maxSymbols and a torn last entry are left out.
func (im *image) readSymbols(s *section) []symbol {
	if s == nil || int64(s.Link) >= int64(len(im.secs)) {
		return nil
	}
	if l, ok := im.symCache[s]; ok {
		return l
	}
	b, ent := im.contents(s), 24
	if im.word == 4 {
		ent = 16
	}
	n := min(len(b)/ent, maxSymbols)
	if n < 2 {
		return nil
	}
	names := string(im.contents(im.secs[s.Link])) // one string, of which the names are parts
	syms := make([]symbol, 0, n-1)
	budget := 8*len(names) + 1<<20 // bytes of names; a hostile table may repeat a long one
	o := im.Order
	for i := 1; i < n; i++ {
		e := b[i*ent:]
		var y symbol
		y.name = stringAt(names, o.Uint32(e))
		if budget -= len(y.name); budget < 0 {
			y.name = ""
		}
		if im.word == 8 {
			y.info, y.other, y.shndx = e[4], e[5], o.Uint16(e[6:])
			y.value, y.size = o.Uint64(e[8:]), o.Uint64(e[16:])
		} else {
			y.value, y.size = uint64(o.Uint32(e[4:])), uint64(o.Uint32(e[8:]))
			y.info, y.other, y.shndx = e[12], e[13], o.Uint16(e[14:])
		}
		syms = append(syms, y)
	}
	if im.symCache == nil {
		im.symCache = map[*section][]symbol{}
	}
	im.symCache[s] = syms
	im.release(s)
	im.release(im.secs[s.Link])
	return syms
}

func stringAt(s string, off uint32) string {
	if uint64(off) >= uint64(len(s)) {
		return ""
	}
	s = s[off:]
	if len(s) > maxName {
		s = s[:maxName]
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return ""
}

// nameable reports whether a symbol can be compared by name: no file, section or mapping symbol ("$a", "$d" on arm).
func nameable(y *symbol) bool {
	t := y.typ()
	return y.name != "" && t != elf.STT_FILE && t != elf.STT_SECTION && y.name[0] != '$'
}

// byName copies what can be compared by name.
func byName(syms []symbol) []symbol {
	keep := make([]symbol, 0, len(syms))
	for i := range syms {
		if nameable(&syms[i]) {
			keep = append(keep, syms[i])
		}
	}
	return keep
}

// sameNames reports whether two tables have the same names in the same order.
func sameNames(x, y []symbol) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i].name != y[i].name {
			return false
		}
	}
	return true
}

// sortByName sorts by name and address, and drops "local.X" where the table has X, too: the Go linker writes such an alias for each
// symbol that it exports from a plugin.
func sortByName(syms []symbol) []symbol {
	slices.SortFunc(syms, func(x, y symbol) int {
		if c := strings.Compare(x.name, y.name); c != 0 {
			return c
		}
		return cmp64(x.value, y.value)
	})
	return dropAliases(syms)
}

func dropAliases(syms []symbol) []symbol {
	has := make(map[string]bool, len(syms)/2)
	for _, y := range syms {
		if _, alias := strings.CutPrefix(y.name, "local."); !alias {
			has[y.name] = true
		}
	}
	out := syms[:0]
	for _, y := range syms {
		if name, alias := strings.CutPrefix(y.name, "local."); alias && has[name] {
			continue
		}
		out = append(out, y)
	}
	return out
}

// cstring is the zero-terminated string at off, "" if there is none.
func cstring(b []byte, off uint64) string {
	if off >= uint64(len(b)) {
		return ""
	}
	b = b[off:]
	if len(b) > maxName {
		b = b[:maxName]
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i])
	}
	return ""
}
