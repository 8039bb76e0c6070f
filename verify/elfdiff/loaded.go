package elfdiff

import (
	"debug/elf"

	"github.com/plugproof/plugproof/verify/goelf"
)

// noteSections makes sections of the build IDs of a file without section headers, so that they can be told from other bytes.
func (im *image) noteSections() []*section {
	notes, _ := im.Notes() // a broken note table leaves its bytes unnamed, which is graver
	var out []*section
	for _, n := range notes {
		name := ""
		switch {
		case n.Name == "Go" && n.Type == 4:
			name = ".note.go.buildid"
		case n.Name == "GNU" && n.Type == 3:
			name = ".note.gnu.build-id"
		default:
			continue
		}
		if len(out) == 16 { // a file has two
			break
		}
		out = append(out, &section{key: name, Section: &goelf.Section{Name: name, Type: elf.SHT_NOTE, Flags: elf.SHF_ALLOC, Off: n.Off, Size: uint64(len(n.Desc))}})
	}
	return out
}

// trusted reports whether the section headers describe what the program headers load. The loader reads only the latter.
func (im *image) trusted() bool {
	if im.synthetic || len(im.secs) == 0 {
		return false
	}
	for _, s := range im.secs {
		if !s.alloc() {
			continue
		}
		if s.Addr+s.Size < s.Addr {
			return false
		}
		if s.fileSize() == 0 {
			continue
		}
		if off, avail, ok := im.Offset(s.Addr); !ok || off != s.Off || avail < s.Size {
			return false
		}
	}
	return true
}

// compareLoaded compares files by their program headers alone: what is loaded where, byte by byte.
func (c *comparison) compareLoaded() {
	if !c.sameSegments() {
		c.out.add(Evidence{Verdict: Code, Structure: "other segments, and no section headers to compare by", Bytes: max(c.a.size, c.b.size)}, flagAlloc|flagExec)
		return
	}
	notes := c.a.noteSections()
	buildID := func(off, n int64) string {
		for _, s := range notes {
			if off >= int64(s.Off) && off+n <= int64(s.Off)+s.fileSize() {
				return s.Name
			}
		}
		return ""
	}
	shLo, shHi := int64(40), int64(48) // e_shoff
	numLo := int64(58)                 // e_shentsize, e_shnum, e_shstrndx
	if c.a.word == 4 {
		shLo, shHi, numLo = 32, 36, 46
	}
	for i, p := range c.a.Segments {
		if p.Type != elf.PT_LOAD {
			continue
		}
		x, errX := c.a.bytesAt(int64(p.Off), int64(p.FileSz))
		y, errY := c.b.bytesAt(int64(c.b.Segments[i].Off), int64(p.FileSz))
		if errX != nil || errY != nil {
			c.out.add(Evidence{Verdict: Code, Structure: "a segment that the file does not hold", Bytes: max(c.a.size, c.b.size)}, flagAlloc|flagExec)
			return
		}
		class := Data
		if p.Flags&elf.PF_X != 0 {
			class = Code
		}
		for _, d := range ranges(x, y) {
			at := int64(p.Off) + int64(d.off)
			e := Evidence{Verdict: class, OffsetA: at, OffsetB: at, Bytes: int64(d.bytes), Structure: "segment", A: excerpt(x[d.off : d.off+d.n]), B: excerpt(y[d.off : d.off+d.n])}
			switch {
			case buildID(at, int64(d.n)) != "":
				e.Verdict, e.Section, e.Structure = BuildIDOnly, buildID(at, int64(d.n)), ""
			case at >= shLo && at+int64(d.n) <= shHi, at >= numLo && at+int64(d.n) <= hdrSize(c.a):
				e.Verdict, e.Structure = SymbolTable, "section headers"
			}
			c.out.add(e, flagAlloc)
		}
	}
	if c.out.worst < SymbolTable {
		c.out.add(Evidence{Verdict: SymbolTable, Structure: "section headers", Bytes: 1}, 0)
	}
}

func (c *comparison) sameSegments() bool {
	if len(c.a.Segments) != len(c.b.Segments) || c.a.Entry != c.b.Entry {
		return false
	}
	for i, p := range c.a.Segments {
		if p != c.b.Segments[i] {
			return false
		}
	}
	return true
}
