package elfdiff

import (
	"bytes"
	"sort"
)

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
	}{{d.code, Code, structFrames}, {d.lines, DebugOnly, "pclntab lines"}} {
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
		if (a == ^uint32(0)) != (b == ^uint32(0)) || (a != ^uint32(0) && !c.sameFuncData(i, t, u, f, g, a, b)) {
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
