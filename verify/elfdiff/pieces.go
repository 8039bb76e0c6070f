package elfdiff

import (
	"debug/elf"
	"strings"
)

// comparePairs compares what layout paired.
func (c *comparison) comparePairs(pairs []pair) {
	for i := range pairs {
		p := &pairs[i]
		switch {
		case p.sa.Type == elf.SHT_NOBITS:
			c.compareSizes(p)
		case isPclntab(*p) && p.ub.hi > p.ub.lo && p.ua.hi > p.ua.lo:
			c.comparePclntab(p)
		default:
			c.comparePieces(p)
		}
		if i+1 == len(pairs) || pairs[i+1].sa != p.sa {
			c.a.release(p.sa)
			c.b.release(p.sb)
		}
	}
}

// compareSizes: of zeroed memory only the named variables' sizes matter; the rest is padding.
func (c *comparison) compareSizes(p *pair) {
	if p.ua.gap || p.ub.gap || p.ua.hi-p.ua.lo == p.ub.hi-p.ub.lo {
		return
	}
	c.out.add(Evidence{Verdict: Data, Section: p.sa.Name, Symbol: symbolOf(p.ua.key), Structure: "size of zeroed memory",
		OffsetA: int64(p.ua.lo - p.sa.Addr), OffsetB: int64(p.ub.lo - p.sb.Addr)}, p.sa.tallyFlags())
}

// symbolOf is a unit's name without the marks that keys add.
func symbolOf(key string) string {
	key, _, _ = strings.Cut(key, "\x00")
	if key == "^" {
		return ""
	}
	return key
}

// comparePieces compares the bytes that correspond, and counts those that do not.
func (c *comparison) comparePieces(p *pair) {
	x, y := c.a.unitBytes(p.sa, p.ua), c.b.unitBytes(p.sb, p.ub)
	if p.ua.gap && p.ub.gap && padding(p.sa, x) && padding(p.sb, y) {
		c.out.addMoved(p.sa.Name, absDiff(len(x), len(y)), p.sa.tallyFlags())
		return
	}
	var i, j int
	for _, q := range append(p.pieces, piece{p.ua.lo + uint64(len(x)), p.ub.lo + uint64(len(y)), 0}) {
		a, b := int(q.a-p.ua.lo), int(q.b-p.ub.lo)
		c.leftOut(p, x[i:a], y[j:b], i, j)
		i, j = a+int(q.n), b+int(q.n)
		if i > len(x) || j > len(y) {
			return
		}
		c.comparePiece(p, q, x[a:i], y[b:j])
	}
}

func absDiff(a, b int) int64 { return int64(max(a-b, b-a)) }

// padding reports whether bytes only fill the space to the next aligned address.
func padding(s *section, b []byte) bool {
	if len(b) >= 4096 {
		return false
	}
	if s.exec() {
		return isNops(b)
	}
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// leftOut notes bytes that correspond to nothing in the other file.
func (c *comparison) leftOut(p *pair, x, y []byte, i, j int) {
	if len(x) == 0 && len(y) == 0 {
		return
	}
	if padding(p.sa, x) && padding(p.sb, y) && (p.ua.gap || p.ub.gap) {
		c.out.addMoved(p.sa.Name, absDiff(len(x), len(y)), p.sa.tallyFlags())
		return
	}
	s := p.sa
	e := Evidence{Verdict: sectionClass(s.Name, s.alloc(), s.exec()), Section: s.Name, OffsetA: int64(p.ua.lo-p.sa.Addr) + int64(i),
		OffsetB: int64(p.ub.lo-p.sb.Addr) + int64(j), Bytes: int64(max(len(x), len(y))), A: excerpt(x), B: excerpt(y), span: [2]int{len(x), len(y)}}
	if p.ua.hi == 0 {
		e.OffsetA = -1
	}
	if p.ub.hi == 0 {
		e.OffsetB = -1
	}
	if len(x) > 0 {
		e.Symbol = c.nameA().at(p.ua.lo + uint64(i))
	}
	if e.Symbol == "" && len(y) > 0 {
		e.Symbol = c.nameB().at(p.ub.lo + uint64(j))
	}
	if e.Symbol == "" && !p.ua.gap {
		e.Symbol = symbolOf(p.ua.key)
	}
	c.note(e, p)
}

// findFuncTab is the linker's index into the function table: it follows from that table.
const findFuncTab = "runtime.findfunctab"

// note adds a place with the class that its symbol asks for.
func (c *comparison) note(e Evidence, p *pair) {
	if isFingerprint(e.Symbol) {
		e.Verdict, e.Structure, e.Package = ABI, structFingerprint, c.fingerprintOf(e.Symbol, p.sa.Addr+uint64(e.OffsetA), 0)
		if e.Package == "" && e.OffsetB >= 0 && p.sb != nil {
			e.Package = c.b.packageAt(p.sb.Addr + uint64(e.OffsetB))
		}
	}
	if inBuildInfo(e) && e.OffsetA >= 0 && p.sa != nil {
		e.Structure = buildInfoLine(c.a.contents(p.sa), int(e.OffsetA))
	}
	if e.Symbol == findFuncTab || c.inFuncData(e, p) {
		c.out.addMoved(e.Section, e.Bytes, p.sa.tallyFlags()) // made from functions, which are compared
		return
	}
	if e.Symbol != "" && !p.ua.gap {
		c.changed[e.Symbol] = true
	}
	if e.Symbol == "" && p.sb != nil && constants(p.sa) && c.noteConstants(e, p) {
		return
	}
	c.out.add(e, p.sa.tallyFlags())
}

// comparePiece compares bytes of equal length: relocated slots are compared elsewhere, references are followed.
func (c *comparison) comparePiece(p *pair, q piece, x, y []byte) {
	var moved int64
	var places []span
	var code *armCode
	lost := 0 // bytes that nothing explains
	for i := 0; i < len(x); {
		if k := equalPrefix(x[i:], y[i:]); k > 0 {
			i += k
			continue
		}
		n := 0
		if lost > 256 && lost*8 > i { // another content altogether: references into it mean nothing
			k := countDiffering(x[i:], y[i:])
			places = append(places, span{i, len(x) - i, int(k)})
			break
		}
		switch addr := q.a + uint64(i); {
		case c.slotAt(addr, q.b+uint64(i)) > 0:
			n = c.slotAt(addr, q.b+uint64(i))
		case p.sa.exec() && c.a.Machine == elf.EM_X86_64:
			n = c.relative32(x, y, i, q, p)
		case p.sa.exec() && c.a.Machine == elf.EM_ARM:
			if code == nil {
				code = newARMCode(x, y)
			}
			n = c.armReference(code, i, q)
		case p.sa.exec():
		case strings.HasPrefix(p.sa.Name, ".eh_frame"):
			n = c.relative32(x, y, i, q, p)
		case p.sa.Type == shtARMExidx:
			n = c.prel31(x, y, i, q)
		default:
			n = c.offset32(x, y, i, q, p)
		}
		if n > 0 {
			n = min(n, len(x)-i)
			moved += countDiffering(x[i:i+n], y[i:i+n])
			i += n
			continue
		}
		if l := len(places); l > 0 && i-(places[l-1].off+places[l-1].n) < 8 {
			places[l-1].n = i + 1 - places[l-1].off
			places[l-1].bytes++
		} else {
			places = append(places, span{i, 1, 1})
		}
		i++
		lost++
	}
	c.out.addMoved(p.sa.Name, moved, p.sa.tallyFlags())
	for _, d := range places {
		s := p.sa
		addr := q.a + uint64(d.off)
		name := c.nameA().at(addr)
		if other := c.nameB().at(q.b + uint64(d.off)); name == "" || isFingerprint(other) {
			name = other
		}
		c.note(Evidence{Verdict: sectionClass(s.Name, s.alloc(), s.exec()), Section: s.Name, Symbol: name,
			OffsetA: int64(addr - s.Addr), OffsetB: int64(q.b + uint64(d.off) - p.sb.Addr), Bytes: int64(d.bytes),
			A: s.excerpt(x, d.off, d.n), B: s.excerpt(y, d.off, d.n), span: [2]int{d.n, d.n}}, p)
	}
}

// pclntabAlign is where the parts of a line table begin at most, up to Go 1.25, in bytes.
const pclntabAlign = 64

// tableLength reports whether the word around the differing byte is the length of a part of the line table, or of the plugin path, in
// both files.
func (c *comparison) tableLength(x, y []byte, i int, q piece) bool {
	w := c.a.word
	j := i - int((q.a+uint64(i))&uint64(w-1))
	if j < 0 || j+w > len(x) || (q.a^q.b)&uint64(w-1) != 0 {
		return false
	}
	u, v := c.a.Word(x[j:]), c.b.Word(y[j:])
	if u == uint64(len(c.pathA)) && v == uint64(len(c.pathB)) {
		return true
	}
	for k, n := range c.pcLens[0] {
		if m := c.pcLens[1][k]; n-u < pclntabAlign && m-v < pclntabAlign { // up to Go 1.25 the next part begins at an aligned address
			return true
		}
	}
	return false
}

// isModuleData: the words of runtime.moduledata that are not relocated are lengths of tables.
func isModuleData(p *pair, symbol string) bool {
	return p.sa.Name == ".go.module" || symbol == "local.moduledata" || symbol == "runtime.firstmoduledata"
}

// isNops reports whether bytes are what assemblers and linkers pad code with: int3, zeros, one-byte and multi-byte nops.
func isNops(b []byte) bool {
	for len(b) > 0 {
		switch {
		case b[0] == 0xcc || b[0] == 0x90 || b[0] == 0:
			b = b[1:]
		case len(b) >= 4 && b[0] == 0x00 && b[1] == 0xf0 && b[2] == 0x20 && b[3] == 0xe3: // arm nop
			b = b[4:]
		default:
			n := longNop(b)
			if n == 0 {
				return false
			}
			b = b[n:]
		}
	}
	return true
}

// longNop is the length of an amd64 nop with operands (0f 1f /0 with prefixes 66 and 2e), 0 if there is none.
func longNop(b []byte) int {
	i := 0
	for i < len(b) && (b[i] == 0x66 || b[i] == 0x2e) {
		i++
	}
	if i > 0 && i < len(b) && b[i] == 0x90 {
		return i + 1
	}
	if i+3 > len(b) || b[i] != 0x0f || b[i+1] != 0x1f {
		return 0
	}
	n := i + 3
	modrm := b[i+2]
	if modrm&7 == 4 && modrm>>6 != 3 {
		n++
	}
	switch modrm >> 6 {
	case 1:
		n++
	case 2:
		n += 4
	}
	if n > len(b) {
		return 0
	}
	return n
}
