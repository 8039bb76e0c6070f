package elfdiff

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
)

// Indices of funcdata and pcdata (internal/abi/symtab.go), the same from Go 1.20 to 1.27.
const (
	funcDataStackObjects = 2
	funcDataInlTree      = 3
	funcDataWrapInfo     = 7
	pcDataInlTreeIndex   = 2
)

// Sizes of runtime.inlinedCall and runtime.stackObjectRecord, in bytes.
const (
	inlinedCallSize = 16
	stackObjectSize = 16
)

// funcData is what the functions of one file refer to behind go:func.*: stack maps, inlining trees and the like. Each is shared by all functions
// that have an equal one, and their order follows from the rest.
type funcData struct {
	base  uint64 // address of go:func.*
	sec   *section
	data  []byte   // of the section from base on
	begin []uint64 // offsets of all of them, sorted
}

// funcDataOf collects the funcdata of a line table; nil if it does not lie behind go:func.* in one section.
func (im *image) funcDataOf(t *pclntab, base uint64) *funcData {
	s := im.sectionAt(base)
	if base == 0 || s == nil {
		return nil
	}
	b := im.contents(s)
	if base-s.Addr > uint64(len(b)) {
		return nil
	}
	d := &funcData{base: base, sec: s, data: b[base-s.Addr:]}
	for i := range t.nfunc {
		f, ok := t.fn(i)
		if !ok {
			return nil
		}
		n := int(t.u32(f, fnNPCData))
		if t.steps -= int(f.raw[fnNFuncData]); t.steps < 0 {
			return nil
		}
		for k := range int(f.raw[fnNFuncData]) {
			if off := t.u32(f, fnSize+4*(n+k)); off != ^uint32(0) {
				if uint64(off) >= uint64(len(d.data)) {
					return nil
				}
				d.begin = append(d.begin, uint64(off))
			}
		}
	}
	slices.Sort(d.begin)
	d.begin = slices.Compact(d.begin)
	return d
}

// at are the bytes from an offset up to where the next one begins.
func (d *funcData) at(off uint32) []byte {
	i := sort.Search(len(d.begin), func(i int) bool { return d.begin[i] > uint64(off) })
	end := uint64(len(d.data))
	if i < len(d.begin) {
		end = d.begin[i]
	}
	return d.data[off:end]
}

// last is the offset of the funcdata that lies furthest back; what lies before it belongs to functions.
func (d *funcData) last() uint64 {
	if d == nil || len(d.begin) == 0 {
		return 0
	}
	return d.begin[len(d.begin)-1]
}

// funcDatas reads the funcdata of both files, where the line tables are compared function by function. Then it is compared there, too, and
// not as bytes.
func (c *comparison) funcDatas(pairs []pair) {
	for i := range pairs {
		p := &pairs[i]
		if !isPclntab(*p) || p.ub.hi <= p.ub.lo || p.ua.hi <= p.ua.lo {
			continue
		}
		t := readPclntab(c.a.unitBytes(p.sa, p.ua), c.a.Order, c.a.word)
		u := readPclntab(c.b.unitBytes(p.sb, p.ub), c.b.Order, c.b.word)
		if t != nil && u != nil {
			c.funcA, c.funcB = c.a.funcDataOf(t, c.baseA.gofunc), c.b.funcDataOf(u, c.baseB.gofunc)
		}
		if c.funcA == nil || c.funcB == nil {
			c.funcA, c.funcB = nil, nil
		}
		c.a.release(p.sa)
		c.b.release(p.sb)
		return
	}
}

// inFuncData reports whether a place is funcdata, which is compared function by function.
func (c *comparison) inFuncData(e Evidence, p *pair) bool {
	in := func(d *funcData, s *section, off int64) bool {
		return d != nil && s == d.sec && off >= 0 && s.Addr+uint64(off)-d.base < d.last()
	}
	return p.sa != nil && in(c.funcA, p.sa, e.OffsetA) || p.sb != nil && in(c.funcB, p.sb, e.OffsetB)
}

// sameFuncData compares the i-th funcdata of two functions by what it says; where it is compared as bytes, by where it lies.
func (c *comparison) sameFuncData(i int, t, u *pclntab, f, g pclnFunc, a, b uint32) bool {
	if c.funcA == nil || c.funcB == nil {
		if c.baseA.gofunc == 0 || c.baseB.gofunc == 0 {
			return a == b
		}
		return c.addrs.same(c.baseA.gofunc+uint64(a), c.baseB.gofunc+uint64(b))
	}
	x, y := c.funcA.at(a), c.funcB.at(b)
	switch i {
	case funcDataInlTree:
		return c.sameInlTree(t, u, f, g, x, y)
	case funcDataStackObjects:
		return c.sameStackObjects(x, y)
	case funcDataWrapInfo:
		return len(x) >= 4 && len(y) >= 4 && c.baseA.text != 0 &&
			c.addrs.same(c.baseA.text+uint64(c.a.Order.Uint32(x)), c.baseB.text+uint64(c.b.Order.Uint32(y)))
	}
	n := min(len(x), len(y)) // behind the shorter one something else begins
	if t.steps -= n; t.steps < 0 {
		return false
	}
	return n > 0 && bytes.Equal(x[:n], y[:n])
}

// sameInlTree compares inlining trees: arrays of runtime.inlinedCall, as long as the function's table of indices asks for.
func (c *comparison) sameInlTree(t, u *pclntab, f, g pclnFunc, x, y []byte) bool {
	n := t.inlined(f)
	if n != u.inlined(g) || n < 0 || n*inlinedCallSize > min(len(x), len(y)) {
		return false
	}
	o := c.a.Order
	if t.steps -= n; t.steps < 0 {
		return false
	}
	for k := 0; k < n*inlinedCallSize; k += inlinedCallSize {
		p, q := x[k:k+inlinedCallSize], y[k:k+inlinedCallSize]
		if !bytes.Equal(p[:4], q[:4]) || !bytes.Equal(p[8:], q[8:]) {
			return false
		}
		v, w := t.spend(cstring(t.names, uint64(o.Uint32(p[4:])))), u.spend(cstring(u.names, uint64(o.Uint32(q[4:]))))
		if c.canonical(v, c.pathA) != c.canonical(w, c.pathB) {
			return false
		}
	}
	return true
}

// inlined is how many calls are inlined in a function: one more than the greatest index in its table, -1 if that cannot be read.
func (t *pclntab) inlined(f pclnFunc) int {
	if t.u32(f, fnNPCData) <= pcDataInlTreeIndex {
		return 0
	}
	b := t.table(t.u32(f, fnSize+4*pcDataInlTreeIndex))
	most, v := int32(-1), int32(-1)
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if b = b[n:]; len(b) == 0 {
			break
		}
		v += zigzag(d)
		most = max(most, v)
		_, n = binary.Uvarint(b)
		b = b[n:]
	}
	if most > 1<<20 {
		return -1
	}
	return int(most) + 1
}

// sameStackObjects compares a word that counts, and as many runtime.stackObjectRecord, whose last field is an offset from the constants.
func (c *comparison) sameStackObjects(x, y []byte) bool {
	w := c.a.word
	if len(x) < w || len(y) < w || c.a.Word(x) != c.b.Word(y) {
		return false
	}
	n := c.a.Word(x)
	x, y = x[w:], y[w:]
	if n > uint64(min(len(x), len(y)))/stackObjectSize {
		return false
	}
	o := c.a.Order
	for k := range int(n) {
		p, q := x[k*stackObjectSize:], y[k*stackObjectSize:]
		if !bytes.Equal(p[:12], q[:12]) {
			return false
		}
		u, v := c.baseA.rodata+uint64(o.Uint32(p[12:])), c.baseB.rodata+uint64(o.Uint32(q[12:]))
		words := uint64(o.Uint32(p[8:])) / uint64(w)
		if c.baseA.rodata == 0 || !c.addrs.same(u, v) && (words > 1<<16 || !c.sameMask(u, v, (words+7)/8)) {
			return false
		}
	}
	return true
}

// sameMask compares n bytes of constants, whatever their names are.
func (c *comparison) sameMask(a, b, n uint64) bool {
	x, errX := c.a.ReadAddr(a, n)
	y, errY := c.b.ReadAddr(b, n)
	return errX == nil && errY == nil && n > 0 && bytes.Equal(x, y)
}
