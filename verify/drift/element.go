package drift

import (
	"slices"
	"strings"
)

// takeElement are the beginnings of the names of the runtime's functions that are given the address of a channel's element or a map's key. Such a
// constant may have no size (struct{}), and then the bytes at its address are those of whatever the linker put behind it.
var takeElement = []string{"runtime.chansend1", "runtime.selectnbsend", "runtime.mapaccess", "runtime.mapassign", "runtime.mapdelete"}

func takesElement(callee string) bool {
	return slices.ContainsFunc(takeElement, func(prefix string) bool { return strings.HasPrefix(callee, prefix) })
}

// sameElement compares what sameContent could not, by a size that either file's .symtab knows: of one type, both have the same.
func (c *comparison) sameElement(a, b uint64) answer {
	size := c.host.sizeAt(a, c.element)
	if size == 0 {
		size = c.plugin.sizeAt(b, c.element)
	}
	if size == 0 || size > maxString {
		return maybe
	}
	return c.sameBytes(a, b, int(size))
}

// sizeAt is the size that .symtab gives a constant which belongs to the package of a function: to the code that hands it over, that is, and not to
// the neighbour of a constant without a size. 0 if there is none, as in a stripped file.
func (s *space) sizeAt(addr uint64, function string) uint64 {
	if s.constants == nil {
		s.constants = map[uint64][]symbol{}
		n := 0
		for sym, err := range s.file.Symbols() {
			if err != nil || n == maxSymbols {
				break
			}
			if strings.Contains(sym.Name, "..stmp_") && sym.Size > 0 {
				s.constants[sym.Value] = append(s.constants[sym.Value], symbol{sym.Name, entrySymbol{addr: sym.Value, size: sym.Size}})
				n++
			}
		}
	}
	for _, sym := range s.constants[addr] {
		if pkg, _, _ := strings.Cut(sym.name, "..stmp_"); strings.HasPrefix(function, pkg+".") {
			return sym.size
		}
	}
	return 0
}
