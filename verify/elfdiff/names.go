package elfdiff

import (
	"slices"
	"sort"
	"strings"
)

// addrNames finds the symbol that covers an address.
type addrNames struct {
	table []symbol
	made  []symbol
	order []int32 // places in table, or behind it in made, by address
	names map[string]bool
}

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
	n := &addrNames{table: im.table(), made: im.made()}
	for i := range len(n.table) + len(n.made) {
		if y := n.entry(int32(i)); y.defined() && y.size > 0 && nameable(y) {
			n.order = append(n.order, int32(i))
		}
	}
	slices.SortFunc(n.order, func(i, j int32) int {
		x, y := n.entry(i), n.entry(j)
		switch {
		case x.value != y.value:
			return cmp64(x.value, y.value)
		case x.size != y.size:
			return cmp64(y.size, x.size) // the larger first, so that the last one at or before an address is the innermost
		}
		// of two names for one thing, the linker's "local." alias comes first and loses
		if c := boolCmp(strings.HasPrefix(y.name, "local."), strings.HasPrefix(x.name, "local.")); c != 0 {
			return c
		}
		return strings.Compare(x.name, y.name)
	})
	return n
}

func (n *addrNames) entry(i int32) *symbol {
	if int(i) >= len(n.table) {
		return &n.made[int(i)-len(n.table)]
	}
	return &n.table[i]
}

func (n *addrNames) sym(i int) *symbol { return n.entry(n.order[i]) }

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
	if y := n.covering(addr); y != nil {
		return y.name
	}
	return ""
}

// covering is the symbol that at names, nil if there is none.
func (n *addrNames) covering(addr uint64) *symbol {
	i := sort.Search(len(n.order), func(i int) bool { return n.sym(i).value > addr })
	for k := 0; k < 8 && i > 0; k++ {
		i--
		if y := n.sym(i); addr-y.value < y.size {
			return y
		}
	}
	return nil
}

// has reports whether a symbol has that name.
func (n *addrNames) has(name string) bool {
	if n.names == nil {
		n.names = make(map[string]bool, len(n.order))
		for i := range n.order {
			n.names[n.sym(i).name] = true
		}
	}
	return n.names[name]
}

// starts are the places behind addr, counted from it, at which symbols begin within count bytes.
func (n *addrNames) starts(addr uint64, count int) (out []int) {
	i := sort.Search(len(n.order), func(i int) bool { return n.sym(i).value > addr })
	for ; i < len(n.order) && n.sym(i).value-addr < uint64(count); i++ {
		if at := int(n.sym(i).value - addr); len(out) == 0 || out[len(out)-1] != at {
			out = append(out, at)
		}
	}
	return out
}

// fingerprint reports whether any of n bytes from addr belong to a package fingerprint.
func (n *addrNames) fingerprint(addr, count uint64) bool {
	if isFingerprint(n.at(addr)) {
		return true
	}
	i := sort.Search(len(n.order), func(i int) bool { return n.sym(i).value >= addr })
	for ; i < len(n.order) && n.sym(i).value-addr < count; i++ {
		if isFingerprint(n.sym(i).name) {
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
