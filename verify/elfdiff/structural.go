package elfdiff

import "bytes"

// structural compares files of different layout.
func (c *comparison) structural() {
	c.compareNames()
	c.comparePackages()
	seen := map[string]*section{}
	for _, s := range c.b.secs {
		seen[s.key] = s
	}
	for _, s := range c.a.secs {
		o := seen[s.key]
		delete(seen, s.key)
		c.compareSection(s, o)
	}
	for _, s := range c.b.secs {
		if seen[s.key] != nil {
			c.compareSection(nil, s)
		}
	}
	if len(c.a.secs) == 0 || len(c.b.secs) == 0 {
		c.out.add(Evidence{Verdict: Code, Structure: "no section headers to compare by", Bytes: max(c.a.size, c.b.size)}, flagAlloc|flagExec)
	}
}

// compareSection notes a section that only one file has, or whose contents differ. Either may be nil.
func (c *comparison) compareSection(x, y *section) {
	var dx, dy []byte
	any := x
	if x != nil {
		dx = c.a.contents(x)
	} else {
		any = y
	}
	if y != nil {
		dy = c.b.contents(y)
	}
	if x != nil && y != nil && bytes.Equal(dx, dy) && x.Size == y.Size {
		return
	}
	if any.Name == ".shstrtab" { // the sections themselves are compared by name
		c.out.addMoved(any.Name, int64(max(len(dx), len(dy))), any.tallyFlags())
		return
	}
	e := Evidence{Verdict: sectionClass(any.Name, any.alloc(), any.exec()), Section: any.Name, Bytes: int64(max(len(dx), len(dy)))}
	switch {
	case y == nil:
		e.Structure, e.OffsetB = "section only in A", -1
	case x == nil:
		e.Structure, e.OffsetA = "section only in B", -1
	}
	c.out.add(e, any.tallyFlags())
}

// comparePackages compares the fingerprints as the runtime will see them; stripped files have them, too. A package that only one
// file lists is a comparison that only one Open makes.
func (c *comparison) comparePackages() {
	x, y := c.a.facts().pkgs, c.b.facts().pkgs
	for _, p := range sortedKeys(x, y) {
		v, inA := x[p]
		w, inB := y[p]
		if v == w && inA == inB {
			continue
		}
		e := Evidence{Verdict: ABI, Section: ".rodata", Symbol: "go:link.pkghashbytes." + p, Structure: structFingerprint,
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
