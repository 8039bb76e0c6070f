package elfdiff

import "bytes"

// structural compares files of different layout.
func (c *comparison) structural() {
	c.compareNames()
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
