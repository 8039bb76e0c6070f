package elfdiff

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"slices"
	"strings"
)

// sameLayout reports whether every section and program header is equal and no symbol has another address, so that a byte at an
// offset means the same in both files.
func (c *comparison) sameLayout() bool {
	a, b := c.a, c.b
	if a.size != b.size || a.OSABI != b.OSABI || a.Entry != b.Entry || a.PhOff != b.PhOff || a.ShOff != b.ShOff ||
		len(a.secs) != len(b.secs) || !slices.Equal(a.Segments, b.Segments) {
		return false
	}
	for i, s := range a.secs {
		if *s.Section != *b.secs[i].Section {
			return false
		}
	}
	for _, name := range []string{".dynsym", ".symtab"} {
		if x, y := a.section(name), b.section(name); x != nil && y != nil && !c.sameContents(x, y) {
			return false
		}
	}
	return true
}

// region is a part of the file that belongs to one section, or to none.
type region struct {
	off, end int64
	sec      *section
}

// regions splits the file at section boundaries. Where sections overlap in the file, which no linker writes, the earlier one wins.
func (im *image) regions() []region {
	var rs []region
	for _, s := range im.secs {
		if n := s.fileSize(); n > 0 {
			rs = append(rs, region{int64(s.Off), int64(s.Off) + n, s})
		}
	}
	slices.SortStableFunc(rs, func(x, y region) int {
		if x.off < y.off {
			return -1
		} else if x.off > y.off {
			return 1
		}
		return 0
	})
	var out []region
	at := int64(0)
	for _, r := range rs {
		if r.off > at {
			out = append(out, region{at, r.off, nil})
		}
		if r.end <= at {
			continue
		}
		r.off = max(r.off, at)
		out = append(out, r)
		at = r.end
	}
	if at < im.size {
		out = append(out, region{at, im.size, nil})
	}
	return out
}

// masked compares two files of the same layout byte by byte.
func (c *comparison) masked() {
	for _, r := range c.a.regions() {
		x, errX := c.a.bytesAt(r.off, r.end-r.off)
		y, errY := c.b.bytesAt(r.off, r.end-r.off)
		if errX != nil || errY != nil {
			c.a.err = &InputError{c.a.path, ErrUnreadable}
			return
		}
		if bytes.Equal(x, y) {
			continue
		}
		if r.sec == nil {
			c.maskedHeader(r, x, y)
			continue
		}
		c.maskedSection(r, x, y, c.nameA())
	}
	for n := range c.changed {
		c.rep.Symbols.Changed = append(c.rep.Symbols.Changed, n)
	}
	c.compareNames()
}

// maskedHeader notes differing bytes outside all sections: section headers are for tools, all else may be loaded.
func (c *comparison) maskedHeader(r region, x, y []byte) {
	shend := int64(c.a.ShOff) + int64(len(c.a.secs))*64
	if c.a.word == 4 {
		shend = int64(c.a.ShOff) + int64(len(c.a.secs))*40
	}
	for _, d := range ranges(x, y) {
		off := r.off + int64(d.off)
		class := c.segmentClass(off, off+int64(d.n))
		what := "bytes outside all sections"
		if f := c.a.headerField(off); f != "" {
			what = f
		}
		if len(c.a.secs) > 0 && off >= int64(c.a.ShOff) && off < shend {
			class = SymbolTable
		}
		c.maskRange(off, int64(d.n), class, false)
		c.out.add(Evidence{Verdict: class, Section: "", Structure: what, OffsetA: off, OffsetB: off, Bytes: int64(d.bytes),
			A: excerpt(x[d.off : d.off+d.n]), B: excerpt(y[d.off : d.off+d.n])}, flagAlloc)
	}
}

func hdrSize(im *image) int64 {
	if im.word == 4 {
		return 52
	}
	return 64
}

// segmentClass is Code if any byte of the file's range is loaded as executable, Data otherwise.
func (c *comparison) segmentClass(off, end int64) Verdict {
	for _, p := range c.a.Segments {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && uint64(off) < p.Off+p.FileSz && uint64(end) > p.Off {
			return Code
		}
	}
	return Data
}

func (c *comparison) maskedSection(r region, x, y []byte, names *addrNames) {
	s := r.sec
	base := r.off - int64(s.Off)
	if isDebug(s.Name) && base == 0 && int64(len(x)) == s.fileSize() {
		c.maskSpans(r.off, x, y, DebugOnly)
		c.compareDebug(s, c.b.secs[s.Index])
		return
	}
	lo, hi, pcln := c.maskedPclntab(s, names)
	if lo < hi {
		lo, hi = max(lo, base), min(hi, base+int64(len(x)))
		if lo < hi {
			c.maskSpans(r.off+lo-base, x[lo-base:hi-base], y[lo-base:hi-base], pcln)
		}
	}
	renamed := s.alloc() && c.renamed()
	for _, d := range ranges(x, y) {
		if at := base + int64(d.off); at >= lo && at < hi {
			continue
		}
		var cuts []int
		if s.alloc() {
			cuts = names.starts(s.Addr+uint64(base)+uint64(d.off), d.n)
		}
		for _, d := range splitAt(d, cuts, func(i int) bool { return x[i] != y[i] }) {
			c.maskedPlace(s, base, d, x, y, names, renamed)
		}
	}
}

// maskedPlace notes one stretch of a section that lies in one symbol. base is the offset of x and y in the section.
func (c *comparison) maskedPlace(s *section, base int64, d span, x, y []byte, names *addrNames, renamed bool) {
	e := Evidence{Verdict: sectionClass(s.Name, s.alloc(), s.exec()), Section: s.Name,
		OffsetA: base + int64(d.off), OffsetB: base + int64(d.off), Bytes: int64(d.bytes)}
	e.A, e.B = s.excerpt(x, d.off, d.n), s.excerpt(y, d.off, d.n)
	if s.alloc() {
		addr := s.Addr + uint64(e.OffsetA)
		e.Symbol = names.at(addr)
		if names.fingerprint(addr, uint64(d.n)) || (renamed && c.nameB().fingerprint(addr, uint64(d.n))) {
			e.Verdict, e.Structure, e.Package = ABI, structFingerprint, c.fingerprintOf(e.Symbol, addr, addr)
		}
		if e.Symbol != "" {
			c.changed[e.Symbol] = true
		}
	}
	switch {
	case inBuildInfo(e):
		e.Structure = buildInfoLine(x, d.off)
	case isBuildIDNote(s.Name):
		e.Structure = noteName(s.Name)
	}
	c.maskRange(int64(s.Off)+e.OffsetA, int64(d.n), e.Verdict, false)
	c.out.add(e, s.tallyFlags())
}

// noteName says what a note of a build ID is.
func noteName(section string) string {
	if section == ".note.gnu.build-id" {
		return "GNU build-id note"
	}
	return "Go build ID"
}

// fingerprintOf is the package of a fingerprint: by its symbol's name, else by the plugin's list.
func (c *comparison) fingerprintOf(symbol string, a, b uint64) string {
	if strings.Contains(symbol, "link.pkghash.") || strings.Contains(symbol, "link.pkghashbytes.") {
		return packageOf(symbol)
	}
	if p := c.a.packageAt(a); p != "" {
		return p
	}
	return c.b.packageAt(b)
}

// renamed reports whether the names of symbols differ, though their places do not.
func (c *comparison) renamed() bool {
	for _, name := range []string{".strtab", ".dynstr"} {
		if x, y := c.a.section(name), c.b.section(name); x != nil && y != nil && !c.sameContents(x, y) {
			return true
		}
	}
	return false
}

// maskedPclntab compares the line tables if they lie in this section, and returns the offsets between which they do and
// the gravest difference in them. Addresses mean the same in both files.
func (c *comparison) maskedPclntab(s *section, names *addrNames) (lo, hi int64, class Verdict) {
	addr, size, err := c.a.PclntabRange()
	if err != nil || !s.alloc() || addr < s.Addr || addr-s.Addr >= s.Size {
		return 0, 0, 0
	}
	end := min(addr+size, s.Addr+s.Size)
	for _, y := range c.a.made() {
		if y.name == pclntabSymbol {
			end = min(end, addr+y.size)
		}
	}
	u := unit{lo: addr, hi: end}
	x, y := c.a.unitBytes(s, u), c.b.unitBytes(c.b.secs[s.Index], u)
	c.pcA, c.pcB = readPclntab(x, c.a.Order, c.a.word), readPclntab(y, c.b.Order, c.b.word)
	if c.pcA == nil || c.pcB == nil || c.pcA.starts() != c.pcB.starts() {
		return 0, 0, 0
	}
	c.addrs.pieces = []piece{{0, 0, ^uint64(0)}}
	c.baseA, c.baseB = c.a.bases(), c.b.bases()
	class = c.pclntabs(s, c.b.secs[s.Index], x, y, addr, addr)
	return int64(addr - s.Addr), int64(end - s.Addr), class
}

// span is a stretch that differs: n bytes long, of which bytes really differ.
type span struct{ off, n, bytes int }

// ranges lists where two slices of equal length differ; differences less than 8 bytes apart are one.
func ranges(x, y []byte) []span {
	var out []span
	for i := 0; i < len(x); {
		if k := equalPrefix(x[i:], y[i:]); k > 0 {
			i += k
			continue
		}
		if n := len(out); n > 0 && i-(out[n-1].off+out[n-1].n) < 8 {
			out[n-1].n = i + 1 - out[n-1].off
			out[n-1].bytes++
		} else {
			out = append(out, span{i, 1, 1})
		}
		i++
	}
	return out
}

// equalPrefix is the length of the common prefix.
func equalPrefix(x, y []byte) int {
	n := min(len(x), len(y))
	i := 0
	for ; i+64 <= n && string(x[i:i+64]) == string(y[i:i+64]); i += 64 {
	}
	for i < n && x[i] == y[i] {
		i++
	}
	return i
}

// excerpt shows a stretch of a section: code as hexadecimal, all else as excerptAround does.
func (s *section) excerpt(b []byte, off, n int) string {
	if !s.exec() {
		return excerptAround(b, off, n)
	}
	b = b[off:min(off+n, len(b))]
	if len(b) > excerptLen {
		return hex.EncodeToString(b[:excerptLen]) + "..."
	}
	return hex.EncodeToString(b)
}

// excerptAround quotes a stretch; if it lies within printable text, the text around it, too.
func excerptAround(b []byte, off, n int) string {
	lo, hi := off, min(off+n, len(b))
	text := true
	for _, c := range b[lo:hi] {
		text = text && c >= 0x20 && c < 0x7f
	}
	if text {
		for lo > 0 && off-lo < 16 && b[lo-1] >= 0x20 && b[lo-1] < 0x7f {
			lo--
		}
		for hi < len(b) && hi-off-n < 16 && b[hi] >= 0x20 && b[hi] < 0x7f {
			hi++
		}
	}
	return excerpt(b[lo:hi])
}
