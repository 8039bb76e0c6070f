package elfdiff

import (
	"bytes"
	"hash/maphash"
	"strings"
)

// A decompressed section of debugging information may have maxInflated bytes, and maxRatio times its compressed size. DWARF
// compresses to a third.
const (
	maxInflated = 256 << 20
	maxRatio    = 8
)

// dwarfAddresses says that a section of debugging information has the same strings in both files, so that what differs is
// numbers: addresses, offsets and lengths that follow from what moved.
const dwarfAddresses = "DWARF numbers; the strings are equal"

// compareDebug compares a section that only debuggers read. Compressed contents are compared decompressed.
func (c *comparison) compareDebug(x, y *section) {
	dx, errX := c.a.Data(x.Section, min(maxInflated, maxRatio*x.fileSize()+1<<16))
	dy, errY := c.b.Data(y.Section, min(maxInflated, maxRatio*y.fileSize()+1<<16))
	c.a.release(x)
	c.b.release(y)
	e := Evidence{Verdict: DebugOnly, Section: x.Name}
	if errX != nil || errY != nil {
		e.Structure, e.Bytes = "contents that cannot be decompressed", max(x.fileSize(), y.fileSize())
		c.out.add(e, x.tallyFlags())
		return
	}
	if bytes.Equal(dx, dy) {
		e.Structure, e.Bytes = "compression", sizedDiff(c.a.contents(x), c.b.contents(y))
		c.out.add(e, x.tallyFlags())
		return
	}
	e.Bytes = unmatched(dx, dy, align(dx, dy))
	if !strings.HasPrefix(x.Name, ".comment") && !strings.HasPrefix(x.Name, ".gnu") {
		e.Structure, e.A, e.B = c.debugStrings(dx, dy)
	}
	c.out.add(e, x.tallyFlags())
}

// Structures of debugging information whose strings differ.
const (
	dwarfFiles   = "DWARF file names"
	dwarfStrings = "DWARF strings"
)

// debugStrings says what differs: only numbers, file names, or other strings; and the first string that only either side has.
func (c *comparison) debugStrings(x, y []byte) (what, a, b string) {
	if c.sumStrings(x, c.pathA) == c.sumStrings(y, c.pathB) {
		return dwarfAddresses, "", ""
	}
	count := map[uint64]int{}
	c.eachString(x, c.pathA, func(s []byte) { count[maphash.Bytes(stringSeed, s)]++ })
	c.eachString(y, c.pathB, func(s []byte) { count[maphash.Bytes(stringSeed, s)]-- })
	what = dwarfFiles
	first := func(l []byte, path string, sign int, out *string) {
		c.eachString(l, path, func(s []byte) {
			h := maphash.Bytes(stringSeed, s)
			if count[h]*sign <= 0 {
				return
			}
			count[h] -= sign
			if !bytes.ContainsRune(s, '/') {
				what = dwarfStrings
			}
			if *out == "" {
				*out = excerptPath(string(s))
			}
		})
	}
	first(x, c.pathA, 1, &a)
	first(y, c.pathB, -1, &b)
	return what, a, b
}

var stringSeed = maphash.MakeSeed()

// sumStrings adds up hashes of all strings, so that their order does not count.
func (c *comparison) sumStrings(b []byte, path string) (sum uint64) {
	c.eachString(b, path, func(s []byte) { sum += maphash.Bytes(stringSeed, s) })
	return sum
}

// eachString visits all printable strings of at least 6 bytes that end with a zero, names in canonical form.
func (c *comparison) eachString(b []byte, path string, visit func([]byte)) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return
		}
		s := b[:i]
		j := len(s)
		for j > 0 && s[j-1] >= 0x20 && s[j-1] < 0x7f {
			j--
		}
		if s = s[j:]; len(s) >= 6 {
			if c.unnamed || bytes.Contains(s, []byte("_cgo_")) {
				s = []byte(c.canonical(string(s), path))
			}
			visit(s)
		}
		b = b[i+1:]
	}
}
