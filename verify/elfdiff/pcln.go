package elfdiff

import (
	"encoding/binary"
)

// pclnMagic is that of Go 1.20 and later (internal/abi.Go120PCLnTabMagic).
const pclnMagic = 0xfffffff1

// pclntab is Go's line table: runtime/symtab.go's pcHeader, functab and _func.
type pclntab struct {
	data  []byte
	order binary.ByteOrder
	nfunc int
	names []byte // funcnametab
	cu    []byte // cutab: file numbers of compilation units to offsets in files
	files []byte // filetab
	pc    []byte // pctab
	funcs []byte // functab and the _funcs
	steps int    // budget for walking pc tables, so that many functions with one long table do not cost their product
}

// Fields of _func, in bytes from its beginning.
const (
	fnEntry       = 0
	fnName        = 4
	fnArgs        = 8
	fnDeferReturn = 12
	fnPCSP        = 16
	fnPCFile      = 20
	fnPCLn        = 24
	fnNPCData     = 28
	fnCU          = 32
	fnStartLine   = 36
	fnID          = 40
	fnNFuncData   = 43
	fnSize        = 44
)

// readPclntab reads the header of a line table. It returns nil for any form but that of Go 1.20 and later.
func readPclntab(b []byte, order binary.ByteOrder, ptr int) *pclntab {
	if len(b) < 8+8*ptr || order.Uint32(b) != pclnMagic || int(b[7]) != ptr {
		return nil
	}
	word := func(i int) uint64 {
		if ptr == 8 {
			return order.Uint64(b[8+8*i:])
		}
		return uint64(order.Uint32(b[8+4*i:]))
	}
	t := &pclntab{data: b, order: order, steps: 16*len(b) + 1<<20}
	name, cu, file, pc, fn := word(3), word(4), word(5), word(6), word(7)
	if !(name <= cu && cu <= file && file <= pc && pc <= fn && fn <= uint64(len(b))) {
		return nil
	}
	t.names, t.cu, t.files, t.pc, t.funcs = b[name:cu], b[cu:file], b[file:pc], b[pc:fn], b[fn:]
	n := word(0)
	if n > uint64(len(t.funcs))/8 {
		return nil
	}
	t.nfunc = int(n)
	return t
}

// lengths are those of the parts as runtime.moduledata has them: of the names, compilation units, files, pc tables and functions, and how
// many functions there are, with the end.
func (t *pclntab) lengths() [6]uint64 {
	return [6]uint64{uint64(len(t.names)), uint64(len(t.cu)) / 4, uint64(len(t.files)), uint64(len(t.pc)), uint64(len(t.funcs)), uint64(t.nfunc) + 1}
}

// starts are the offsets of the parts, the header's and the end's included.
func (t *pclntab) starts() [7]uint64 {
	n := uint64(len(t.data))
	funcs := n - uint64(len(t.funcs))
	pc := funcs - uint64(len(t.pc))
	files := pc - uint64(len(t.files))
	cu := files - uint64(len(t.cu))
	return [7]uint64{0, cu - uint64(len(t.names)), cu, files, pc, funcs, n}
}

// size is the length of the table: the last part ends with the function that lies furthest back. Behind it may lie other data.
func (t *pclntab) size() uint64 {
	end := uint64(8*t.nfunc + 4)
	for i := range t.nfunc {
		if f, ok := t.fn(i); ok {
			end = max(end, f.off+uint64(len(f.raw)))
		}
	}
	return min(uint64(len(t.data)), uint64(len(t.data)-len(t.funcs))+end)
}

// pclnFunc is one _func with its tables.
type pclnFunc struct {
	entry uint32
	off   uint64 // of the _func in funcs
	raw   []byte // from the _func on
}

// fn returns function i; ok is false if it does not fit.
func (t *pclntab) fn(i int) (f pclnFunc, ok bool) {
	e := t.funcs[8*i:]
	f.entry = t.order.Uint32(e)
	off := uint64(t.order.Uint32(e[4:]))
	if off+fnSize > uint64(len(t.funcs)) {
		return f, false
	}
	f.raw = t.funcs[off:]
	f.off = off
	n := fnSize + 4*(uint64(t.order.Uint32(f.raw[fnNPCData:]))+uint64(f.raw[fnNFuncData]))
	if n > uint64(len(f.raw)) {
		return f, false
	}
	f.raw = f.raw[:n]
	return f, true
}

// end is where the last function ends, as an offset from the first.
func (t *pclntab) end() uint32 {
	if len(t.funcs) < 8*t.nfunc+4 {
		return 0
	}
	return t.order.Uint32(t.funcs[8*t.nfunc:])
}

func (t *pclntab) u32(f pclnFunc, at int) uint32 { return t.order.Uint32(f.raw[at:]) }

func (t *pclntab) name(f pclnFunc) string { return t.spend(cstring(t.names, uint64(t.u32(f, fnName)))) }

// spend charges a string's length to the budget, and returns "" when it is used up.
func (t *pclntab) spend(s string) string {
	if t.steps -= len(s); t.steps < 0 {
		return ""
	}
	return s
}

// table is the pc-value table at an offset in pctab, its end included; nil if it does not end. Offset 0 means none.
func (t *pclntab) table(off uint32) []byte {
	if off == 0 || uint64(off) >= uint64(len(t.pc)) {
		return nil
	}
	b := t.pc[off:]
	for i := 0; i < len(b); {
		if t.steps--; t.steps < 0 {
			return nil
		}
		v, n := binary.Uvarint(b[i:])
		if n <= 0 {
			return nil
		}
		if v == 0 && i > 0 {
			return b[:i+n]
		}
		i += n
		if _, n = binary.Uvarint(b[i:]); n <= 0 {
			return nil
		}
		i += n
	}
	return nil
}

// fileName is what a value of a pcfile table stands for, and its place in filetab.
func (t *pclntab) fileName(f pclnFunc, v int32) (name string, off uint32) {
	at := 4 * (uint64(t.u32(f, fnCU)) + uint64(uint32(v)))
	if v < 0 || at+4 > uint64(len(t.cu)) {
		return "", 0
	}
	if off = t.order.Uint32(t.cu[at:]); off == ^uint32(0) {
		return "", 0
	}
	return t.spend(cstring(t.files, uint64(off))), off
}

// filePair is a source file under the names of both sides.
type filePair struct{ a, b string }

// sameFiles compares two pcfile tables by the names that they lead to. It notes the names that differ, and reports whether the
// tables are alike apart from names.
func sameFiles(t, u *pclntab, f, g pclnFunc, pairs map[filePair][2]uint32) bool {
	x, y := t.table(t.u32(f, fnPCFile)), u.table(u.u32(g, fnPCFile))
	var va, vb int32 = -1, -1
	for len(x) > 0 && len(y) > 0 {
		da, n := binary.Uvarint(x)
		db, m := binary.Uvarint(y)
		x, y = x[n:], y[m:]
		if len(x) == 0 || len(y) == 0 { // the zero that ends a table
			break
		}
		va += zigzag(da)
		vb += zigzag(db)
		pa, n := binary.Uvarint(x)
		pb, m := binary.Uvarint(y)
		x, y = x[n:], y[m:]
		if pa != pb {
			return false
		}
		p := filePair{}
		var at [2]uint32
		p.a, at[0] = t.fileName(f, va)
		p.b, at[1] = u.fileName(g, vb)
		if p.a != p.b {
			pairs[p] = at
		}
	}
	return len(x) == len(y)
}

func zigzag(v uint64) int32 {
	if v&1 != 0 {
		return int32(^(uint32(v) >> 1))
	}
	return int32(uint32(v) >> 1)
}
