package drift

import (
	"bytes"
	"strings"
)

// answer is what can be said of a question about two files.
type answer int

const (
	no answer = iota
	yes
	maybe
)

// samePlace says whether an address of the host's code and one of the plugin's mean the same.
func (c *comparison) samePlace(a, b place) answer {
	if a.name != "" || b.name != "" {
		return c.sameForeign(a, b)
	}
	if f, g := c.host.functions.at(a.addr), c.plugin.functions.at(b.addr); f != nil || g != nil {
		switch {
		case f == nil || g == nil:
			return no
		case f.name == g.name && a.addr-f.addr == b.addr-g.addr:
			return yes
		case callee(f.name) == callee(g.name):
			return maybe
		}
		return no
	}
	if _, ok := c.plugin.typeAt(b.addr); ok {
		if same := c.sameType(a.addr, b.addr); same != maybe {
			return same
		}
	}
	x, y := c.host.symbols.covering(a.addr), c.plugin.symbols.covering(b.addr)
	if len(x) > 0 && len(y) > 0 {
		for _, s := range x {
			for _, t := range y {
				if s.name != t.name || a.addr-s.addr != b.addr-t.addr {
					continue
				}
				if strings.Contains(s.name, "..stmp_") { // numbered, and its content is the code's
					if s.size != t.size {
						return no
					}
					return c.sameWords(s.addr, t.addr, s.size, 3)
				}
				return yes
			}
		}
		if c.mangled(x) && c.mangled(y) {
			return maybe
		}
		return no
	}
	if len(x)+len(y) > 0 {
		return maybe
	}
	if _, ok := c.plugin.slot(b.addr); ok {
		return c.sameObject(a.addr, b.addr)
	}
	if _, ok := c.plugin.slot(b.addr + uint64(c.plugin.file.PtrSize())); ok {
		return c.sameObject(a.addr, b.addr)
	}
	return c.sameContent(a.addr, b.addr)
}

// sameWords compares data with pointers in it, which lead to the same places.
func (c *comparison) sameWords(a, b, size uint64, depth int) answer {
	key := [2]uint64{a, b}
	if c.busy[key] {
		return yes
	}
	if c.busy == nil {
		c.busy = map[[2]uint64]bool{}
	}
	c.busy[key] = true
	defer delete(c.busy, key)
	out := yes
	if size > 1<<16 {
		out = maybe
	}
	w := uint64(c.host.file.PtrSize())
	for i := uint64(0); i < min(size, 1<<16); i += w {
		switch c.sameWord(a+i, b+i, size-i, depth) {
		case no:
			return no
		case maybe:
			out = maybe
		}
	}
	return out
}

// sameWord compares one word, or what is left of it before the end.
func (c *comparison) sameWord(a, b, left uint64, depth int) answer {
	w := uint64(c.host.file.PtrSize())
	if _, ok := c.plugin.slot(b); !ok || left < w {
		return c.sameBytes(a, b, int(min(w, left)))
	}
	p, ok := c.host.pointer(a)
	q, was := c.plugin.pointer(b)
	switch {
	case !ok || !was:
		return maybe
	case depth == 0:
		return maybe
	case c.host.functions.at(p.addr) == nil && len(c.host.symbols.covering(p.addr)) == 0 && left >= 2*w: // a string's pointer, before its length
		if n := c.host.number(a + w); n > 0 && n < maxString {
			return c.sameBytes(p.addr, q.addr, int(n))
		}
	}
	return c.samePlace(p, q)
}

// number reads a word that the loader does not touch, 0 if it does.
func (s *space) number(addr uint64) uint64 {
	if _, ok := s.slot(addr); ok {
		return 0
	}
	v, err := s.file.ReadWord(addr)
	if err != nil {
		return 0
	}
	return v
}

// sameObject compares what the compiler made with pointers in it and gave no name in the dynamic symbols: a function's value, a descriptor of a type
// assertion or of a switch by interfaces (internal/abi.TypeAssert, InterfaceSwitch). The size of anything else is not known.
func (c *comparison) sameObject(a, b uint64) answer {
	w := uint64(c.host.file.PtrSize())
	if same := c.sameWord(a, b, w, 1); same != yes {
		return same
	}
	p, ok := c.host.pointer(a)
	if !ok || p.name != "" {
		return maybe
	}
	if c.host.functions.at(p.addr) != nil {
		return yes
	}
	if c.host.readOnly(p.addr) {
		return maybe
	}
	size := 3 * w
	if n := c.host.number(a + w); n > 0 && n < maxCases {
		size = (2 + n) * w
	}
	return c.sameWords(a, b, size, 1)
}

// maxCases bounds the cases of a switch by interfaces.
const maxCases = 1 << 10

// mangled: names that hold a hash over cgo's input or number things of the compiler's own making may change without a meaning.
func (c *comparison) mangled(list []symbol) bool {
	for _, s := range list {
		if strings.Contains(s.name, "..stmp_") || strings.Contains(s.name, "_cgo_") {
			return true
		}
	}
	return false
}

// callee is a function's name without what the linker adds to the names of its trampolines.
func callee(name string) string {
	if i := strings.LastIndex(name, "-tramp"); i > 0 {
		name = name[:i]
		if i := strings.LastIndexByte(name, '+'); i > 0 {
			name = name[:i]
		}
	}
	return name
}

// sameForeign compares where at least one side names a symbol of another file.
func (c *comparison) sameForeign(a, b place) answer {
	x, y := c.host.nameOf(a), c.plugin.nameOf(b)
	if x == "" || y == "" {
		return maybe
	}
	if x == y {
		return yes
	}
	return no
}

func (s *space) nameOf(p place) string {
	if p.name != "" {
		return p.name
	}
	if f := s.functions.at(p.addr); f != nil && f.addr == p.addr {
		return f.name
	}
	for _, sym := range s.symbols.covering(p.addr) {
		if sym.addr == p.addr {
			return sym.name
		}
	}
	return ""
}

// maxString bounds the bytes that are compared where a length is not known.
const maxString = 4096

// sameContent compares read-only bytes without a symbol, which are strings and constants of which the length is not known.
func (c *comparison) sameContent(a, b uint64) answer {
	if !c.host.readOnly(a) && !c.plugin.readOnly(b) || !c.host.mapped(a) || !c.plugin.mapped(b) {
		return maybe
	}
	x, y := c.host.bytesAt(a, maxString), c.plugin.bytesAt(b, maxString)
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	if n == min(len(x), len(y)) && n > 0 {
		return yes
	}
	if c.element != "" {
		return c.sameElement(a, b)
	}
	if n == 0 {
		return no
	}
	return maybe
}

// bytesAt reads up to n bytes at addr.
func (s *space) bytesAt(addr uint64, n int) []byte {
	_, avail, ok := s.file.Offset(addr)
	if !ok {
		return nil
	}
	b, err := s.file.ReadAddr(addr, min(uint64(n), avail))
	if err != nil {
		return nil
	}
	return b
}

// sameBytes compares constants of a known size.
func (c *comparison) sameBytes(a, b uint64, n int) answer {
	x, y := c.host.bytesAt(a, n), c.plugin.bytesAt(b, n)
	switch {
	case len(x) != n || len(y) != n:
		return maybe
	case bytes.Equal(x, y):
		return yes
	}
	return no
}
