package elfdiff

import (
	"bytes"
	"encoding/binary"
	"sort"
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

// comparePclntab compares two line tables function by function: frames and stack maps are as grave as code, files and lines only
// serve tracebacks and debuggers. Offsets inside the tables are derived.
func (c *comparison) comparePclntab(p *pair) {
	x, y := c.a.unitBytes(p.sa, p.ua), c.b.unitBytes(p.sb, p.ub)
	c.pclntabs(p.sa, p.sb, x, y, p.ua.lo, p.ub.lo)
}

// pclntabs compares two line tables and returns the gravest difference.
func (c *comparison) pclntabs(sa, sb *section, x, y []byte, addrA, addrB uint64) (worst Verdict) {
	if bytes.Equal(x, y) {
		return Identical
	}
	add := func(e Evidence) {
		worst = max(worst, e.Verdict)
		c.out.add(e, sa.tallyFlags())
	}
	e := Evidence{Section: sa.Name, OffsetA: int64(addrA - sa.Addr), OffsetB: int64(addrB - sb.Addr)}
	total := unmatched(x, y, align(x, y))
	t, u := readPclntab(x, c.a.Order, c.a.word), readPclntab(y, c.b.Order, c.b.word)
	if t == nil || u == nil {
		e.Verdict, e.Structure, e.Bytes = Code, "line table of an unknown form", total
		add(e)
		return worst
	}
	d := c.compareFuncs(t, u)
	var root int64
	begin := e
	for _, q := range d.sortedPairs() {
		at := d.pairs[q]
		e.OffsetA = begin.OffsetA + int64(t.starts()[3]) + int64(at[0])
		e.OffsetB = begin.OffsetB + int64(u.starts()[3]) + int64(at[1])
		e.Verdict, e.Structure, e.A, e.B = DebugOnly, pclnFileNames, excerptPath(q.a), excerptPath(q.b)
		e.Bytes = nameBytes(q.a, q.b)
		root += e.Bytes
		add(e)
	}
	e = begin
	for _, l := range []struct {
		names []string
		class Verdict
		what  string
	}{{d.code, Code, "pclntab frame or stack map"}, {d.lines, DebugOnly, "pclntab lines"}} {
		for _, n := range l.names {
			add(Evidence{Verdict: l.class, Section: sa.Name, Symbol: n, Structure: l.what, OffsetA: e.OffsetA, OffsetB: e.OffsetB, Bytes: 1})
			root++
		}
	}
	rest := max(0, total-root)
	switch {
	case rest == 0:
	case c.rep.Proof == ProofMask || (root == 0 && len(x) != len(y)):
		what, class := "pclntab bytes that no function uses", DebugOnly
		if n := 8 + 8*c.a.word; !bytes.Equal(x[:n], y[:n]) && c.rep.Proof == ProofMask {
			what, class = "pclntab header", Code
		}
		add(Evidence{Verdict: class, Section: sa.Name, Structure: what, OffsetA: e.OffsetA, OffsetB: e.OffsetB, Bytes: rest})
	default:
		c.out.addMoved(sa.Name, rest, sa.tallyFlags())
	}
	return worst
}

// nameBytes is how many bytes of two names differ, of which their common end does not.
func nameBytes(a, b string) int64 {
	n := equalSuffix([]byte(a), []byte(b))
	a, b = a[:len(a)-n], b[:len(b)-n]
	k := equalPrefix([]byte(a), []byte(b))
	return int64(max(len(a)-k, len(b)-k, 1))
}

func excerptPath(s string) string {
	if s == "" {
		return ""
	}
	return excerpt([]byte(s[max(0, len(s)-4*excerptLen):]))
}

type pclnDiff struct {
	pairs       map[filePair][2]uint32 // with their places in either filetab
	code, lines []string               // functions
}

func (d *pclnDiff) sortedPairs() []filePair {
	out := make([]filePair, 0, len(d.pairs))
	for p := range d.pairs {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].a != out[j].a {
			return out[i].a < out[j].a
		}
		return out[i].b < out[j].b
	})
	return out
}

// compareFuncs pairs functions by name and order.
func (c *comparison) compareFuncs(t, u *pclntab) *pclnDiff {
	d := &pclnDiff{pairs: map[filePair][2]uint32{}}
	inB := make(map[string][]int32, u.nfunc)
	byEntry := make(map[uint32]int32, u.nfunc)
	for i := 0; i < u.nfunc; i++ {
		if g, ok := u.fn(i); ok {
			n := c.canonical(u.name(g), c.pathB)
			inB[n] = append(inB[n], int32(i))
			byEntry[g.entry] = int32(i)
		}
	}
	if x, y := t.end(), u.end(); x != y && (c.baseA.text == 0 || !c.addrs.same(c.baseA.text+uint64(x), c.baseB.text+uint64(y))) {
		d.code = append(d.code, "")
	}
	for i := 0; i < t.nfunc; i++ {
		f, ok := t.fn(i)
		if !ok {
			d.code = append(d.code, "")
			continue
		}
		name := t.name(f)
		key := c.canonical(name, c.pathA)
		l := inB[key]
		j := int32(-1)
		if len(l) > 0 {
			inB[key], j = l[1:], l[0]
		} else if j = c.atEntry(f, byEntry); j < 0 {
			continue // its code is gone as well, and that was noted
		} else {
			d.lines = append(d.lines, name) // under another name
		}
		g, _ := u.fn(int(j))
		class := c.compareFunc(t, u, f, g, d.pairs)
		switch class {
		case Code:
			d.code = append(d.code, name)
		case DebugOnly:
			d.lines = append(d.lines, name)
		}
	}
	return d
}

// atEntry is the function of B that begins where f does, -1 if none does.
func (c *comparison) atEntry(f pclnFunc, byEntry map[uint32]int32) int32 {
	if c.baseA.text == 0 || c.baseB.text == 0 {
		return -1
	}
	to, ok := c.addrs.to(c.baseA.text + uint64(f.entry))
	if !ok || to < c.baseB.text {
		return -1
	}
	if j, ok := byEntry[uint32(to-c.baseB.text)]; ok {
		return j
	}
	return -1
}

func (c *comparison) compareFunc(t, u *pclntab, f, g pclnFunc, pairs map[filePair][2]uint32) Verdict {
	if c.baseA.text != 0 && !c.addrs.same(c.baseA.text+uint64(f.entry), c.baseB.text+uint64(g.entry)) {
		return Code
	}
	if t.u32(f, fnEntry) != f.entry || u.u32(g, fnEntry) != g.entry || t.u32(f, fnArgs) != u.u32(g, fnArgs) || t.u32(f, fnDeferReturn) != u.u32(g, fnDeferReturn) ||
		!bytes.Equal(f.raw[fnID:fnSize], g.raw[fnID:fnSize]) || t.u32(f, fnNPCData) != u.u32(g, fnNPCData) ||
		!bytes.Equal(t.table(t.u32(f, fnPCSP)), u.table(u.u32(g, fnPCSP))) {
		return Code
	}
	n := int(t.u32(f, fnNPCData))
	if t.steps -= n + int(f.raw[fnNFuncData]); t.steps < 0 {
		return Code
	}
	for i := 0; i < n; i++ {
		if !bytes.Equal(t.table(t.u32(f, fnSize+4*i)), u.table(u.u32(g, fnSize+4*i))) {
			return Code
		}
	}
	for i := 0; i < int(f.raw[fnNFuncData]); i++ {
		a, b := t.u32(f, fnSize+4*(n+i)), u.u32(g, fnSize+4*(n+i))
		if (a == ^uint32(0)) != (b == ^uint32(0)) || (a != ^uint32(0) && !c.sameFuncData(a, b)) {
			return Code
		}
	}
	if !sameFiles(t, u, f, g, pairs) || t.u32(f, fnStartLine) != u.u32(g, fnStartLine) || !bytes.Equal(t.table(t.u32(f, fnPCLn)), u.table(u.u32(g, fnPCLn))) {
		return DebugOnly
	}
	if t.steps < 0 || u.steps < 0 {
		return Code
	}
	return Identical
}

// sameFuncData compares offsets from go:func.*. Without that symbol they must be equal.
func (c *comparison) sameFuncData(a, b uint32) bool {
	if c.baseA.gofunc == 0 || c.baseB.gofunc == 0 {
		return a == b
	}
	return c.addrs.same(c.baseA.gofunc+uint64(a), c.baseB.gofunc+uint64(b))
}
