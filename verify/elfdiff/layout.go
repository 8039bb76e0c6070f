package elfdiff

import (
	"bytes"
	"debug/elf"
	"slices"
)

// pair is a stretch of a section pair that is compared piece by piece.
type pair struct {
	sa, sb *section
	ua, ub unit // one of them may be empty: only the other file has it
	pieces []piece
}

// layout pairs the loaded sections of two files, symbol by symbol, and fills the address map.
func (c *comparison) layout() []pair {
	ta, tb := c.tables()
	la, lb := c.a.sectionSymbols(ta), c.b.sectionSymbols(tb)
	other := map[string]*section{}
	for _, s := range c.b.secs {
		other[s.key] = s
	}
	var out []pair
	for _, s := range c.a.secs {
		o := other[s.key]
		if o == nil || !s.alloc() || !o.alloc() || s.Flags&elf.SHF_TLS != 0 || isLinkage(s.Name) || (s.Type == elf.SHT_NOBITS) != (o.Type == elf.SHT_NOBITS) {
			continue
		}
		if !c.bySymbol(s) {
			c.addrs.add(s.Addr, o.Addr, min(s.Size, o.Size)) // compared elsewhere; code may refer to its beginning
			continue
		}
		if c.sameContents(s, o) && sameOffsets(s, o, la[s.Index], lb[o.Index]) {
			c.addrs.add(s.Addr, o.Addr, s.Size)
			continue
		}
		out = append(out, c.pairUnits(s, o, la[s.Index], lb[o.Index])...)
		c.a.release(s)
		c.b.release(o)
	}
	for _, p := range out {
		for _, q := range p.pieces {
			c.addrs.add(q.a, q.b, q.n)
		}
	}
	c.addrs.sort()
	c.points(ta, tb)
	return out
}

// chunk is the number of bytes that are read at once where contents are not kept.
const chunk = 256 << 10

// sameContents compares two sections' bytes without keeping them.
func (c *comparison) sameContents(s, o *section) bool {
	if s.Size != o.Size || s.Type != o.Type {
		return false
	}
	n := s.fileSize()
	if len(c.bufs[0]) < chunk && int64(len(c.bufs[0])) < n {
		c.bufs[0], c.bufs[1] = make([]byte, min(chunk, n)), make([]byte, min(chunk, n))
	}
	x, y := c.bufs[0], c.bufs[1]
	for at := int64(0); at < n; at += int64(len(x)) {
		k := min(int64(len(x)), n-at)
		if !c.a.readInto(x[:k], int64(s.Off)+at) || !c.b.readInto(y[:k], int64(o.Off)+at) || !bytes.Equal(x[:k], y[:k]) {
			return false
		}
	}
	return true
}

// sameOffsets reports whether the same symbols lie at the same places of two sections.
func sameOffsets(s, o *section, la, lb []symbol) bool {
	return slices.EqualFunc(la, lb, func(x, y symbol) bool {
		return x.name == y.name && x.value-s.Addr == y.value-o.Addr && x.size == y.size
	})
}

// points lets symbols without size correspond that lie in no section's contents, such as __TMC_END__ between two sections.
func (c *comparison) points(ta, tb []symbol) {
	at := map[string]uint64{}
	for _, y := range tb {
		if y.size == 0 && y.defined() && y.name != "" && y.name[0] != '$' && y.typ() != elf.STT_TLS {
			at[y.name] = y.value
		}
	}
	var extra []piece
	for _, y := range ta {
		if b, ok := at[y.name]; ok && y.size == 0 && y.defined() && y.typ() != elf.STT_TLS {
			if _, mapped := c.addrs.to(y.value); !mapped {
				extra = append(extra, piece{y.value, b, 1})
				delete(at, y.name)
			}
		}
	}
	c.addrs.pieces = append(c.addrs.pieces, extra...)
	c.addrs.sort()
}

// tables are the symbol tables of one kind that both files have.
func (c *comparison) tables() (a, b []symbol) {
	name := ".symtab"
	if c.a.section(name) == nil || c.b.section(name) == nil {
		name = ".dynsym"
	}
	return c.a.readSymbols(c.a.section(name)), c.b.readSymbols(c.b.section(name))
}

// bySymbol reports whether a section's contents are compared by symbol and piece, and not as a table of its own form.
func (c *comparison) bySymbol(s *section) bool {
	switch s.Type {
	case elf.SHT_DYNSYM, elf.SHT_SYMTAB, elf.SHT_STRTAB, elf.SHT_RELA, elf.SHT_REL, elf.SHT_HASH, elf.SHT_GNU_HASH, elf.SHT_DYNAMIC, elf.SHT_NOTE,
		elf.SHT_GNU_VERSYM, elf.SHT_GNU_VERNEED, elf.SHT_GNU_VERDEF:
		return false
	}
	return !isLinkage(s.Name) && s.Name != ".go.buildinfo" && s.Name != unwindSection
}

// isLinkage names the sections that the linker makes from relocations.
func isLinkage(name string) bool {
	switch name {
	case ".got", ".got.plt", ".plt", ".plt.got", ".plt.sec", ".relr.dyn":
		return true
	}
	return false
}

func (c *comparison) pairUnits(s, o *section, la, lb []symbol) []pair {
	ka, kb := c.keys(la, c.pathA), c.keys(lb, c.pathB)
	common := commonKeys(ka, kb)
	ua, ub := units(s, la, ka, common), units(o, lb, kb, common)
	find := finder(ua, ub)
	used := make([]bool, len(ub))
	var out []pair
	for j, u := range ua {
		p := pair{sa: s, sb: o, ua: u}
		if i, ok := find(j); ok && !used[i] {
			used[i] = true
			p.ub = ub[i]
			if c.equalUnits(p) {
				c.addrs.add(u.lo, p.ub.lo, u.hi-u.lo)
				continue
			}
			p.pieces = c.correspond(p)
			if !u.gap && (len(p.pieces) == 0 || p.pieces[0].a != u.lo || p.pieces[0].b != p.ub.lo) {
				c.addrs.begin(u.lo, p.ub.lo)
			}
		}
		out = append(out, p)
	}
	for i, u := range ub {
		if !used[i] {
			out = append(out, pair{sa: s, sb: o, ub: u})
		}
	}
	return out
}

// commonKeys are the keys that both files have, nil if they have the same ones in the same order.
func commonKeys(ka, kb []string) map[string]bool {
	if slices.Equal(ka, kb) {
		return nil
	}
	inA := make(map[string]bool, len(ka))
	for _, k := range ka {
		inA[k] = true
	}
	common := make(map[string]bool, len(kb))
	for _, k := range kb {
		if inA[k] {
			common[k] = true
		}
	}
	return common
}

// finder returns a function from a place in ua to the place of the unit of the same name in ub.
func finder(ua, ub []unit) func(int) (int, bool) {
	if slices.EqualFunc(ua, ub, func(x, y unit) bool { return x.unitKey == y.unitKey }) {
		return func(i int) (int, bool) { return i, true }
	}
	at := make(map[unitKey]int, len(ub))
	for i, u := range ub {
		at[u.unitKey] = i
	}
	return func(i int) (int, bool) {
		j, ok := at[ua[i].unitKey]
		return j, ok
	}
}

// equalUnits reports whether two units have the same contents, so that there is nothing to compare.
func (c *comparison) equalUnits(p pair) bool {
	if p.ua.hi-p.ua.lo != p.ub.hi-p.ub.lo {
		return false
	}
	if p.sa.Type == elf.SHT_NOBITS {
		return true
	}
	x, y := c.a.unitBytes(p.sa, p.ua), c.b.unitBytes(p.sb, p.ub)
	return len(x) > 0 && bytes.Equal(x, y)
}

// correspond finds the pieces of two units of one name. Line tables have a comparison of their own.
func (c *comparison) correspond(p pair) []piece {
	na, nb := p.ua.hi-p.ua.lo, p.ub.hi-p.ub.lo
	if p.sa.Type == elf.SHT_NOBITS || (na == nb && !p.ua.gap && !isPclntab(p)) {
		return []piece{{p.ua.lo, p.ub.lo, min(na, nb)}}
	}
	x, y := c.a.unitBytes(p.sa, p.ua), c.b.unitBytes(p.sb, p.ub)
	if isPclntab(p) {
		return c.pclntabPieces(p, x, y)
	}
	if p.sa.Flags&elf.SHF_WRITE != 0 {
		x, y = c.a.tokens(x, p.ua.lo, c.ra, c.nameA()), c.b.tokens(y, p.ub.lo, c.rb, c.nameB())
	}
	var out []piece
	for _, m := range align(x, y) {
		out = append(out, piece{p.ua.lo + uint64(m.a), p.ub.lo + uint64(m.b), uint64(m.n)})
	}
	return out
}

// pclntabPieces keeps both line tables for their comparison, and lets the beginnings of their parts correspond: runtime.moduledata
// points at them.
func (c *comparison) pclntabPieces(p pair, x, y []byte) []piece {
	c.pcA, c.pcB = readPclntab(x, c.a.Order, c.a.word), readPclntab(y, c.b.Order, c.b.word)
	if c.pcA == nil || c.pcB == nil {
		return []piece{{p.ua.lo, p.ub.lo, uint64(min(len(x), len(y)))}}
	}
	var out []piece
	ea, eb := c.pcA.starts(), c.pcB.starts()
	c.pcLens = [2][6]uint64{c.pcA.lengths(), c.pcB.lengths()}
	c.pcA = &pclntab{names: bytes.Clone(c.pcA.names)} // the rest is read again when it is compared
	c.pcB = &pclntab{names: bytes.Clone(c.pcB.names)}
	for i := 0; i+1 < len(ea); i++ {
		out = append(out, piece{p.ua.lo + ea[i], p.ub.lo + eb[i], min(ea[i+1]-ea[i], eb[i+1]-eb[i])})
	}
	return out
}

// isPclntab reports whether the units are Go's line table.
func isPclntab(p pair) bool { return p.ua.key == pclntabSymbol && !p.ua.gap }

// unitBytes are a unit's bytes; none for SHT_NOBITS.
func (im *image) unitBytes(s *section, u unit) []byte {
	if s == nil || u.hi <= u.lo {
		return nil
	}
	b := im.contents(s)
	lo, hi := u.lo-s.Addr, u.hi-s.Addr
	if lo > uint64(len(b)) || hi > uint64(len(b)) {
		return nil
	}
	return b[lo:hi:hi]
}
