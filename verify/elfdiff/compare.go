package elfdiff

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
)

// Input is one file. Path is only for messages; R must serve Size bytes.
type Input struct {
	Path string
	R    io.ReaderAt
	Size int64
}

// comparison holds both files and what was found so far.
type comparison struct {
	a, b *image
	out  tally
	rep  *Report

	addrs        addrMap
	ra, rb       *relocs
	baseA, baseB bases
	pcA, pcB     *pclntab
	pcLens       [2][6]uint64 // of their parts, as runtime.moduledata has them
	funcA, funcB *funcData    // nil where they are compared as bytes
	filePairs    []filePair   // names of one source file that differ
	namesA       *addrNames
	namesB       *addrNames
	pathA, pathB string             // plugin paths
	unnamed      bool               // they differ, and one is a hash
	mask         []Range            // where the files differ, if nothing moved
	bufs         [2][]byte          // of sameContents
	changed      map[string]bool    // symbols whose contents differ
	saidOf       [2]map[uint64]bool // constants of either side that were noted, by address
}

// Compare says what differs between a and b. Its errors are InputErrors.
func Compare(a, b Input) (*Report, error) {
	ia, err := openInput(a)
	if err != nil {
		return nil, err
	}
	ib, err := openInput(b)
	if err != nil {
		return nil, err
	}
	c := &comparison{a: ia, b: ib, rep: newReport(ia, ib), changed: map[string]bool{}}
	if ia.sum == ib.sum {
		c.rep.Identical, c.rep.Proof = true, ProofHash
		return c.rep, nil
	}
	swapped := bytes.Compare(ia.sum[:], ib.sum[:]) > 0 // one order for the search, so that the verdict does not depend on the caller's
	if swapped {
		c.a, c.b = ib, ia
	}
	stripped := ia.section(".symtab") == nil || ib.section(".symtab") == nil
	ia.makeAll, ib.makeAll = stripped, stripped
	switch {
	case c.incomparable():
		c.rep.Proof = ProofHeader
	case c.sameLayout():
		c.rep.Proof = ProofMask
		c.masked()
		c.proveMask()
	default:
		c.rep.Proof = ProofStructure
		c.structural()
	}
	for _, im := range []*image{ia, ib} {
		if im.err != nil {
			return nil, im.err
		}
	}
	if swapped {
		c.swap()
	}
	c.finish()
	return c.rep, nil
}

// swap exchanges A and B in what was found.
func (c *comparison) swap() {
	c.a, c.b = c.b, c.a
	c.namesA, c.namesB = c.namesB, c.namesA
	for i, p := range c.filePairs {
		c.filePairs[i] = filePair{p.b, p.a}
	}
	y := &c.rep.Symbols
	y.Added, y.Removed = y.Removed, y.Added
	for i := range c.out.evidence {
		e := &c.out.evidence[i]
		e.OffsetA, e.OffsetB = e.OffsetB, e.OffsetA
		e.A, e.B = e.B, e.A
		e.span[0], e.span[1] = e.span[1], e.span[0]
		switch e.Structure {
		case onlyInA:
			e.Structure = onlyInB
		case onlyInB:
			e.Structure = onlyInA
		}
	}
}

func openInput(in Input) (*image, error) {
	if in.R == nil || in.Size < 0 {
		return nil, &InputError{in.Path, ErrUnreadable}
	}
	sum, err := digest(in) // first, so that an input which ends early is unreadable and not broken
	if err != nil {
		return nil, err
	}
	im, err := openImage(in)
	if err != nil {
		return nil, err
	}
	im.sum = sum
	return im, nil
}

func newReport(a, b *image) *Report {
	return &Report{
		Schema: Schema, A: a.info(), B: b.info(),
		Sections: []Section{}, Causes: []Cause{}, Known: []string{}, Evidence: []Evidence{},
		Symbols: Symbols{Added: []string{}, Removed: []string{}, Changed: []string{}, Resized: []string{}},
	}
}

func (im *image) info() FileInfo {
	return FileInfo{Path: im.path, SHA256: hex.EncodeToString(im.sum[:]), Size: im.size, Machine: machineName(im.Machine)}
}

// incomparable reports whether the ELF headers name different machines, classes, byte orders or file types.
func (c *comparison) incomparable() bool {
	a, b := c.a, c.b
	type row struct{ what, a, b string }
	var rows []row
	for _, r := range []row{
		{"machine", machineName(a.Machine), machineName(b.Machine)},
		{"class", a.Class.String(), b.Class.String()},
		{"byte order", a.Order.String(), b.Order.String()},
		{"file type", a.Type.String(), b.Type.String()},
		{"header flags", fmt.Sprintf("%#x", a.Flags), fmt.Sprintf("%#x", b.Flags)},
	} {
		if r.a != r.b {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return false
	}
	for _, r := range rows {
		c.out.add(Evidence{Verdict: Incomparable, Section: "ELF header", Structure: r.what, A: r.a, B: r.b}, 0)
	}
	c.out.differing = max(a.size, b.size)
	return true
}

// finish settles the verdict. A file whose differences were all found to follow from something moving, though nothing was found
// that moved them, is not harmless for all that: the raw class of the sections decides.
func (c *comparison) finish() {
	r := c.rep
	r.Verdict = c.out.worst
	if r.Verdict == Identical {
		r.Verdict = c.rawVerdict()
	}
	r.Sections = c.out.sectionList()
	for _, s := range r.Sections {
		r.Bytes.Differing += s.Differing
		r.Bytes.Moved += s.Moved
	}
	if c.out.differing > 0 {
		r.Bytes.Differing = c.out.differing
	}
	c.findCauses()
	r.Evidence = append(r.Evidence, c.out.evidence...)
	for _, l := range []*[]string{&r.Symbols.Added, &r.Symbols.Removed, &r.Symbols.Changed, &r.Symbols.Resized} {
		sort.Strings(*l)
	}
}

// rawVerdict is the gravest class of the sections that differ, whatever the reason.
func (c *comparison) rawVerdict() Verdict {
	worst := SymbolTable
	for _, name := range c.out.names {
		worst = max(worst, sectionClass(name.name, name.alloc, name.exec))
	}
	return worst
}
