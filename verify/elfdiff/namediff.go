package elfdiff

import (
	"debug/elf"
	"fmt"
	"math/bits"
	"strings"
)

// compareNames compares the symbol tables by name: .symtab if both files have one, else .dynsym; and .dynsym for what the loader sees.
func (c *comparison) compareNames() {
	full := c.a.section(".symtab") != nil && c.b.section(".symtab") != nil
	c.compareTable(".dynsym", ".dynstr", Data, !full)
	if full {
		c.compareTable(".symtab", ".strtab", SymbolTable, true)
	}
}

// compareTable compares one table. In masked mode its bytes were counted; then only the lists are filled.
func (c *comparison) compareTable(table, strs string, class Verdict, lists bool) {
	sa, sb := c.a.section(table), c.b.section(table)
	ta, tb := c.a.section(strs), c.b.section(strs)
	if sa != nil && sb != nil && ta != nil && tb != nil && c.sameContents(sa, sb) && c.sameContents(ta, tb) {
		return
	}
	x, y := byName(c.a.readSymbols(sa)), byName(c.b.readSymbols(sb))
	if !sameNames(x, y) {
		x, y = sortByName(x), sortByName(y)
	} else {
		x, y = dropAliases(x), dropAliases(y)
	}
	count := c.rep.Proof == ProofStructure && sa != nil && sb != nil
	r := &c.rep.Symbols
	changed := c.changed
	one := func(y symbol, a, b int64) {
		if !count {
			return
		}
		e := Evidence{Verdict: class, Section: table, Symbol: y.name, Structure: "symbol's name", OffsetA: a, OffsetB: b, Bytes: int64(c.symSize() + len(y.name) + 1)}
		if i := strings.Index(y.name, "_cgo_"); i >= 0 && isCgoHash(y.name[i:]) {
			e.Structure = hashedName
		}
		if isFingerprint(y.name) {
			e.Verdict = max(class, Data)
		}
		c.out.add(e, sa.tallyFlags())
	}
	var moved int64
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || (len(x) > 0 && x[0].name < y[0].name):
			if lists {
				r.Removed = append(r.Removed, x[0].name)
			}
			one(x[0], 0, -1)
			x = x[1:]
		case len(x) == 0 || x[0].name > y[0].name:
			if lists {
				r.Added = append(r.Added, y[0].name)
			}
			one(y[0], -1, 0)
			y = y[1:]
		default:
			p, q := x[0], y[0]
			x, y = x[1:], y[1:]
			if p.info != q.info || p.other != q.other || p.defined() != q.defined() || !c.symbolsSection(p.shndx, q.shndx) {
				if count {
					c.out.add(Evidence{Verdict: class, Section: table, Symbol: p.name, Structure: "symbol's type, binding, visibility or section", Bytes: 1}, sa.tallyFlags())
				}
				if lists && !changed[p.name] {
					changed[p.name] = true
					r.Changed = append(r.Changed, p.name)
				}
			}
			if p.size != q.size && count && p.name != findFuncTab && p.name != "go:buildinfo" && !changed[p.name] && p.defined() && q.defined() {
				c.out.add(Evidence{Verdict: class, Section: table, Symbol: p.name, Structure: "symbol's size", Bytes: int64(bits.Len64(p.size^q.size)+7) / 8}, sa.tallyFlags())
			}
			if p.size != q.size && lists && p.name != findFuncTab {
				r.Resized = append(r.Resized, p.name)
				if !changed[p.name] {
					changed[p.name] = true
					r.Changed = append(r.Changed, p.name)
				}
			}
			if count && !p.sameValue(&q) && !c.addrs.same(p.value, q.value) {
				c.out.add(Evidence{Verdict: class, Section: table, Symbol: p.name, Structure: "symbol's address", Bytes: int64(c.a.word), A: fmt.Sprintf("%#x", p.value), B: fmt.Sprintf("%#x", q.value)}, sa.tallyFlags())
			}
			if p.value != q.value && p.defined() && lists && !changed[p.name] {
				r.Moved++
			}
			moved += int64((bits.Len64(p.value^q.value) + 7) / 8)
		}
	}
	if count {
		if moved == 0 && c.out.worst < class { // the same symbols in another order, or other entries without names
			moved = sizedDiff(c.a.contents(sa), c.b.contents(sb))
		}
		c.out.addMoved(table, moved, sa.tallyFlags())
	}
}

// symbolsSection reports whether two section numbers of symbols mean sections of one name, or the same thing that is none.
func (c *comparison) symbolsSection(i, j uint16) bool {
	if i == 0 || j == 0 || i >= uint16(elf.SHN_LORESERVE) || j >= uint16(elf.SHN_LORESERVE) {
		return i == j
	}
	return int(i) < len(c.a.secs) && int(j) < len(c.b.secs) && c.a.secs[i].key == c.b.secs[j].key
}

// sameValue reports whether two symbols' values are equal where they are no addresses in the file: undefined, absolute, thread-local.
func (s *symbol) sameValue(o *symbol) bool {
	if s.defined() && o.defined() && s.typ() != elf.STT_TLS {
		return s.name == findFuncTab
	}
	return s.value == o.value
}

func (c *comparison) symSize() int {
	if c.a.word == 4 {
		return 16
	}
	return 24
}
