package elfdiff

import (
	"slices"
	"sort"
	"strings"
)

// addrNames finds the symbol that covers an address.
type addrNames struct{ syms []symbol }

// table returns .symtab's symbols, else .dynsym's.
func (im *image) table() []symbol {
	if s := im.section(".symtab"); s != nil {
		if y := im.readSymbols(s); len(y) > 0 {
			return y
		}
	}
	return im.readSymbols(im.section(".dynsym"))
}

func newAddrNames(im *image) *addrNames {
	var keep []symbol
	for _, y := range byName(im.table()) {
		if y.defined() && y.size > 0 {
			keep = append(keep, y)
		}
	}
	slices.SortFunc(keep, func(x, y symbol) int {
		switch {
		case x.value < y.value:
			return -1
		case x.value > y.value:
			return 1
		case x.size > y.size:
			return -1 // the larger first, so that the last one at or before an address is the innermost
		case x.size < y.size:
			return 1
		}
		// of two names for one thing, the linker's "local." alias comes first and loses
		if c := boolCmp(strings.HasPrefix(y.name, "local."), strings.HasPrefix(x.name, "local.")); c != 0 {
			return c
		}
		return strings.Compare(x.name, y.name)
	})
	return &addrNames{keep}
}

func boolCmp(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// at is the name of the innermost symbol that covers addr, "" if none does. It looks back over a few enclosed symbols only.
func (n *addrNames) at(addr uint64) string {
	i := sort.Search(len(n.syms), func(i int) bool { return n.syms[i].value > addr })
	for k := 0; k < 8 && i > 0; k++ {
		i--
		if y := n.syms[i]; addr-y.value < y.size {
			return y.name
		}
	}
	return ""
}

// fingerprint reports whether any of n bytes from addr belong to a package fingerprint.
func (n *addrNames) fingerprint(addr, count uint64) bool {
	if isFingerprint(n.at(addr)) {
		return true
	}
	i := sort.Search(len(n.syms), func(i int) bool { return n.syms[i].value >= addr })
	for ; i < len(n.syms) && n.syms[i].value-addr < count; i++ {
		if isFingerprint(n.syms[i].name) {
			return true
		}
	}
	return false
}

func (c *comparison) nameA() *addrNames {
	if c.namesA == nil {
		c.namesA = newAddrNames(c.a)
	}
	return c.namesA
}

func (c *comparison) nameB() *addrNames {
	if c.namesB == nil {
		c.namesB = newAddrNames(c.b)
	}
	return c.namesB
}
