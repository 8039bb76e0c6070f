package abi

import (
	"debug/elf"

	"github.com/plugproof/plugproof/verify/goelf"
)

// blankHead is how much of a table or of code is looked at: linkers begin none with as many zeros.
const blankHead = 64

// blank reports whether the file holds nothing but zeros at an address, where a linker wrote something: objcopy --remove-section leaves the bytes of
// a loaded section as zeros and the headers as they were.
func (o *object) blank(at, n uint64) bool {
	b, err := o.file.ReadAddr(at, n)
	if err != nil || len(b) == 0 {
		return false
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// blankTables says which of the tables that the loader reads holds nothing but zeros; "" when none does.
func (o *object) blankTables() string {
	size := uint64(elf.Sym32Size)
	if o.file.Class == elf.ELFCLASS64 {
		size = elf.Sym64Size
	}
	for _, t := range []struct {
		tag    elf.DynTag
		off, n uint64 // the first symbol is zeros in every file
	}{{elf.DT_SYMTAB, size, size}, {elf.DT_GNU_HASH, 0, 16}, {elf.DT_HASH, 0, 8}} {
		at, ok := o.file.DynValue(t.tag)
		if count, err := o.file.DynSymbolCount(); ok && o.blank(at+t.off, t.n) && (t.tag != elf.DT_SYMTAB || err == nil && count > 1) {
			return t.tag.String()
		}
	}
	return ""
}

// blankCode says which code holds nothing but zeros that runs, and which data that is read, when a plugin is opened; "" when none does.
func (o *object) blankCode(mod *goelf.Module, l goelf.Layout) string {
	if mod.Start == 0 || l.Pclntab == 0 {
		return "the runtime checks the line table first, and where it should be there is none"
	}
	if l.Text < l.EText && o.blank(l.Text, min(l.EText-l.Text, blankHead)) {
		return "its code begins with zeros"
	}
	for _, pkg := range mod.Packages {
		if pkg.Name == "" || pkg.Hash == "" {
			return "the list of its packages, which the runtime compares with the host's, has one without a name or a fingerprint"
		}
	}
	return ""
}
