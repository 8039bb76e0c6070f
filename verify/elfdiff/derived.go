package elfdiff

import (
	"bytes"
	"debug/elf"
)

// What linkers derive from the rest may differ when something moved. It raises nothing as long as it is what the rest asks for, which is
// checked here: a table that is not is as grave as what reads it.

// notDerived notes n bytes of a section that do not follow from what is compared elsewhere.
func (c *comparison) notDerived(s *section, off int64, n int64, what string) {
	c.out.add(Evidence{Verdict: sectionClass(s.Name, s.alloc(), s.exec()), Section: s.Name, Structure: what, OffsetA: off, OffsetB: off, Bytes: n}, s.tallyFlags())
}

// compareDynamic compares .dynamic tag by tag: addresses by where they lead, sizes of tables that are compared themselves by nothing,
// all else by value.
func (c *comparison) compareDynamic(x, y *section) {
	total := sizedDiff(c.a.contents(x), c.b.contents(y))
	var root int64
	if len(c.a.Dynamic) != len(c.b.Dynamic) {
		root = absDiff(len(c.a.Dynamic), len(c.b.Dynamic)) * int64(2*c.a.word)
		c.notDerived(x, 0, root, "entries of .dynamic")
	}
	for i := range min(len(c.a.Dynamic), len(c.b.Dynamic)) {
		p, q := c.a.Dynamic[i], c.b.Dynamic[i]
		if p.Tag == q.Tag && (p.Val == q.Val || c.sameDynamic(p.Tag, p.Val, q.Val)) {
			continue
		}
		root += int64(c.a.word)
		c.notDerived(x, int64(2*i*c.a.word), int64(c.a.word), p.Tag.String())
	}
	tail := func(im *image, s *section) []byte { // behind DT_NULL
		b := im.contents(s)
		return bytes.Trim(b[min(len(b), len(im.Dynamic)*2*im.word):], "\x00")
	}
	if !bytes.Equal(tail(c.a, x), tail(c.b, y)) {
		root++
		c.notDerived(x, int64(len(c.a.Dynamic)*2*c.a.word), 1, "bytes behind DT_NULL")
	}
	c.out.addMoved(x.Name, max(0, total-root), x.tallyFlags())
}

func (c *comparison) sameDynamic(tag elf.DynTag, u, v uint64) bool {
	switch tag {
	case elf.DT_NEEDED, elf.DT_SONAME, elf.DT_RPATH, elf.DT_RUNPATH: // places in .dynstr; compareSegments reads what stands there
		return true
	case elf.DT_STRSZ, elf.DT_RELASZ, elf.DT_RELSZ, elf.DT_PLTRELSZ, elf.DT_RELACOUNT, elf.DT_RELCOUNT, dtRelrSz, elf.DT_VERNEEDNUM, elf.DT_INIT_ARRAYSZ, elf.DT_FINI_ARRAYSZ:
		return c.a.tableSize(tag, u) && c.b.tableSize(tag, v)
	}
	if s, o := c.a.sectionAt(u), c.b.sectionAt(v); s != nil && o != nil && s.key == o.key && u == s.Addr && v == o.Addr {
		return true
	}
	return c.addrs.same(u, v)
}

// tableSize reports whether a size in .dynamic is that of its section.
func (im *image) tableSize(tag elf.DynTag, v uint64) bool {
	is := func(names ...string) bool {
		var sum uint64
		for _, n := range names {
			if s := im.section(n); s != nil {
				if sum += s.Size; s.Size == v {
					return true
				}
			}
		}
		return sum == v
	}
	switch tag {
	case elf.DT_STRSZ:
		return is(".dynstr")
	case elf.DT_RELASZ:
		return is(".rela.dyn", ".rela.plt")
	case elf.DT_RELSZ:
		return is(".rel.dyn", ".rel.plt")
	case elf.DT_PLTRELSZ:
		return is(".rela.plt", ".rel.plt")
	case dtRelrSz:
		return is(".relr.dyn")
	case elf.DT_INIT_ARRAYSZ:
		return is(".init_array")
	case elf.DT_FINI_ARRAYSZ:
		return is(".fini_array")
	case elf.DT_RELACOUNT, elf.DT_RELCOUNT, elf.DT_VERNEEDNUM: // hints, checked against the tables that are compared
		return v <= uint64(im.size)/8
	}
	return false
}

// dtRelrSz is DT_RELRSZ, the size of the table of packed relative relocations.
const dtRelrSz elf.DynTag = 35
