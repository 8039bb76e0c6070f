package elfdiff

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// structural compares files of different layout.
func (c *comparison) structural() {
	if !c.a.trusted() || !c.b.trusted() {
		c.comparePackages()
		c.compareLoaded()
		return
	}
	c.findPaths()
	c.ra, c.rb = c.a.relocs(), c.b.relocs()
	pairs := c.layout()
	c.baseA, c.baseB = c.a.bases(), c.b.bases()
	c.funcDatas(pairs)
	c.linkage()
	c.comparePairs(pairs)
	c.compareRelocs()
	c.compareSections()
	c.comparePackages()
	c.compareSegments()
	for n := range c.changed {
		c.rep.Symbols.Changed = append(c.rep.Symbols.Changed, n)
	}
	c.compareNames()
}

// compareSections handles what layout left out: sections that only one file has, and tables with a form of their own.
func (c *comparison) compareSections() {
	other := map[string]*section{}
	for _, s := range c.b.secs {
		other[s.key] = s
	}
	for _, s := range c.a.secs {
		o := other[s.key]
		delete(other, s.key)
		c.compareSection(s, o)
	}
	for _, s := range c.b.secs {
		if other[s.key] != nil {
			c.compareSection(nil, s)
		}
	}
}

// compareSection compares one section that is not made of symbols. Either may be nil.
func (c *comparison) compareSection(x, y *section) {
	if x == nil || y == nil {
		c.oneSided(x, y)
		return
	}
	if (x.Type == elf.SHT_NOBITS) != (y.Type == elf.SHT_NOBITS) || x.alloc() != y.alloc() {
		c.oneSided(x, nil)
		c.oneSided(nil, y)
		return
	}
	if x.alloc() && c.bySymbol(x) && x.Flags&elf.SHF_TLS == 0 {
		return // layout's
	}
	if c.sameContents(x, y) {
		return
	}
	e := Evidence{Verdict: sectionClass(x.Name, x.alloc(), x.exec()), Section: x.Name}
	switch {
	case x.Type == elf.SHT_DYNAMIC:
		c.compareDynamic(x, y)
		return
	case x.Type == elf.SHT_RELA, x.Type == elf.SHT_REL:
		return // compareRelocs's
	case x.Name == ".dynsym" || x.Name == ".symtab" || x.Name == ".dynstr" || x.Name == ".strtab":
		return // compareNames's
	case isDebug(x.Name):
		c.compareDebug(x, y)
		return
	}
	dx, dy := c.a.contents(x), c.b.contents(y)
	defer func() {
		c.a.release(x)
		c.b.release(y)
	}()
	switch {
	case x.Name == unwindSection && c.compareUnwindIndex(x, y):
		return
	case isLinkage(x.Name):
		c.compareLinkage(x, y)
		return
	case x.Type == elf.SHT_HASH, x.Type == elf.SHT_GNU_HASH:
		c.compareHashTable(x, y)
		return
	case x.Name == ".shstrtab", x.Type == elf.SHT_GNU_VERSYM:
		// Made from what is compared: section names, relocations, the names of symbols.
		c.out.addMoved(x.Name, sizedDiff(dx, dy), x.tallyFlags())
		return
	case x.Type == elf.SHT_GNU_VERNEED && c.a.versionNeeds(x) == c.b.versionNeeds(y):
		c.out.addMoved(x.Name, sizedDiff(dx, dy), x.tallyFlags())
		return
	case x.Type == elf.SHT_NOBITS || x.Flags&elf.SHF_TLS != 0:
		e.Structure = "thread-local memory"
		e.Bytes = sizedDiff(dx, dy)
	case x.Name == ".go.buildinfo":
		c.compareBuildInfo(x, unmatched(dx, dy, align(dx, dy)))
		return
	default:
		e.Bytes = unmatched(dx, dy, align(dx, dy))
		if isBuildIDNote(x.Name) {
			e.Structure = noteName(x.Name)
		}
	}
	c.out.add(e, x.tallyFlags())
}

func sizedDiff(x, y []byte) int64 {
	n := min(len(x), len(y))
	return countDiffering(x[:n], y[:n]) + absDiff(len(x), len(y))
}

func (c *comparison) oneSided(x, y *section) {
	s, e := x, Evidence{Structure: onlyInA, OffsetB: -1}
	if x == nil {
		s, e = y, Evidence{Structure: onlyInB, OffsetA: -1}
	}
	if s.Type == elf.SHT_NULL || s.Name == ".shstrtab" {
		return
	}
	e.Verdict, e.Section, e.Bytes = sectionClass(s.Name, s.alloc(), s.exec()), s.Name, s.fileSize()
	c.out.add(e, s.tallyFlags())
}

// compareRelocs compares what the loader will write, slot by slot. GOT and PLT slots are a set, matched by target: what no code
// refers to does not count, and what code refers to was compared there.
func (c *comparison) compareRelocs() {
	c.compareSlots()
	matched := make([]bool, len(c.rb.slots))
	for _, s := range c.ra.slots {
		sec := c.a.sectionAt(s.off)
		if sec != nil && isLinkage(sec.Name) {
			continue
		}
		b, ok := c.addrs.to(s.off)
		if !ok {
			continue // it lies in bytes that only A has
		}
		i, ok := slices.BinarySearchFunc(c.rb.slots, b, func(t slot, off uint64) int { return cmp64(t.off, off) })
		if ok {
			matched[i] = true
			if c.sameTarget(s, c.rb.slots[i]) {
				if u, v := c.a.word64(s.off), c.b.word64(b); u != v && !c.addrs.same(u, v) && !c.inPlace(s.off, b, u, v) {
					c.relocDiffers(sec, s, c.rb.slots[i], true, true)
				}
				continue
			}
			c.relocDiffers(sec, s, c.rb.slots[i], true, true)
			continue
		}
		c.relocDiffers(sec, s, slot{}, true, false)
	}
	back := c.addrs.reverse()
	for i, t := range c.rb.slots {
		sec := c.b.sectionAt(t.off)
		if matched[i] || (sec != nil && isLinkage(sec.Name)) {
			continue
		}
		if _, ok := back.to(t.off); ok {
			c.relocDiffers(sec, slot{}, t, false, true)
		}
	}
	for _, name := range []string{".rela.dyn", ".rel.dyn", ".rela.plt", ".rel.plt"} {
		if x, y := c.a.section(name), c.b.section(name); x != nil && y != nil {
			dx, dy := c.a.contents(x), c.b.contents(y)
			if !bytes.Equal(dx, dy) {
				c.out.addMoved(name, min(sizedDiff(dx, dy), max(1, int64(max(len(dx), len(dy))))), x.tallyFlags())
			}
		}
	}
	if c.ra.bad || c.rb.bad {
		c.out.add(Evidence{Verdict: Code, Section: ".rela.dyn", Structure: "relocations that cannot be read"}, flagAlloc|flagExec)
	}
}

func (c *comparison) relocDiffers(sec *section, s, t slot, inA, inB bool) {
	e := Evidence{Verdict: Data, Section: ".rela.dyn", Structure: "relocation target", OffsetA: -1, OffsetB: -1, Bytes: int64(c.a.word)}
	if sec != nil {
		e.Section, e.Verdict = sec.Name, sectionClass(sec.Name, true, sec.exec())
	}
	names, im, addr := c.nameA(), c.a, s.off
	if !inA {
		names, im, addr = c.nameB(), c.b, t.off
	}
	if o := im.sectionAt(addr); o != nil {
		if inA {
			e.OffsetA = int64(addr - o.Addr)
		} else {
			e.OffsetB = int64(addr - o.Addr)
		}
	}
	e.Symbol = names.at(addr)
	if isFingerprint(e.Symbol) {
		e.Verdict, e.Structure, e.Package = ABI, structFingerprint, c.fingerprintOf(e.Symbol, 0, 0)
	}
	if inA {
		e.A = c.sayTarget(c.ra, c.nameA(), s)
	}
	if inB {
		e.B = c.sayTarget(c.rb, c.nameB(), t)
	}
	if e.Symbol != "" {
		c.changed[e.Symbol] = true
	}
	c.out.add(e, flagAlloc)
}

func (c *comparison) sayTarget(r *relocs, names *addrNames, s slot) string {
	if n := r.name(s); n != "" {
		if s.addend != 0 {
			return fmt.Sprintf("%s+%#x", n, s.addend)
		}
		return n
	}
	if n := names.at(s.addend); n != "" {
		return n
	}
	return fmt.Sprintf("%#x", s.addend)
}

// comparePackages compares the fingerprints as the runtime will see them; stripped files have them, too. A package that only one
// file lists is a comparison that only one Open makes.
func (c *comparison) comparePackages() {
	x, y := c.a.facts().pkgs, c.b.facts().pkgs
	for _, p := range sortedKeys(x, y) {
		v, inA := x[p]
		w, inB := y[p]
		name := "go:link.pkghashbytes." + p
		if v == w && inA == inB || c.changed[name] {
			continue
		}
		e := Evidence{Verdict: ABI, Section: ".rodata", Symbol: name, Package: p, Structure: structFingerprint,
			Bytes: int64(max(len(v), len(w))), A: excerpt([]byte(v)), B: excerpt([]byte(w))}
		if !inA {
			e.OffsetA = -1
		}
		if !inB {
			e.OffsetB = -1
		}
		c.out.add(e, flagAlloc)
	}
}

// onlyBuildIDs reports whether the notes that only one of the files has are build IDs.
func (c *comparison) onlyBuildIDs() bool {
	notes := func(im *image) string {
		var l []string
		for _, s := range im.secs {
			if s.Type == elf.SHT_NOTE && !isBuildIDNote(s.Name) {
				l = append(l, s.Name)
			}
		}
		return strings.Join(l, ", ")
	}
	return notes(c.a) == notes(c.b)
}

// compareSegments compares what program headers ask for beside addresses and sizes, and .dynamic beside addresses.
func (c *comparison) compareSegments() {
	if c.a.Entry != c.b.Entry && !c.addrs.same(c.a.Entry, c.b.Entry) {
		c.out.add(Evidence{Verdict: Code, Section: "ELF header", Structure: "entry point", Bytes: int64(c.a.word)}, flagAlloc|flagExec)
	}
	if x, y := c.a.outside(), c.b.outside(); x.sum != y.sum {
		c.out.add(Evidence{Verdict: Code, Structure: "loaded bytes outside all sections", A: excerpt(x.head), B: excerpt(y.head), Bytes: max(x.n, y.n, 1)}, flagAlloc|flagExec)
	}
	say := func(im *image, notes bool) string {
		var l []string
		for _, p := range im.Segments {
			if notes || p.Type != elf.PT_NOTE {
				l = append(l, fmt.Sprintf("%v %v", p.Type, p.Flags))
			}
		}
		return strings.Join(l, ", ")
	}
	if x, y := say(c.a, true), say(c.b, true); x != y {
		e := Evidence{Verdict: Data, Section: "program headers", A: x, B: y, Bytes: int64(max(len(c.a.Segments), len(c.b.Segments)))}
		if say(c.a, false) == say(c.b, false) && c.onlyBuildIDs() {
			e.Verdict, e.Structure = BuildIDOnly, "PT_NOTE of the build IDs"
		}
		c.out.add(e, flagAlloc)
	}
	dyn := func(im *image) string {
		needed, _ := im.Needed()
		s := strings.Join(needed, " ")
		for _, t := range []elf.DynTag{elf.DT_SONAME, elf.DT_RPATH, elf.DT_RUNPATH} {
			s += fmt.Sprintf(" %v=%s", t, im.DynString(t))
		}
		for _, t := range []elf.DynTag{elf.DT_FLAGS, elf.DT_FLAGS_1, elf.DT_TEXTREL} {
			v, _ := im.DynValue(t)
			s += fmt.Sprintf(" %v=%#x", t, v)
		}
		return s
	}
	if x, y := dyn(c.a), dyn(c.b); x != y {
		c.out.add(Evidence{Verdict: Data, Section: ".dynamic", Structure: "what the loader is asked for", A: x, B: y, Bytes: 1}, flagAlloc)
	}
}
