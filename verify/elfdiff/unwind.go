package elfdiff

import (
	"bytes"
	"slices"
)

const unwindSection = ".eh_frame_hdr"

// unwindIndex is the table of .eh_frame_hdr: for each function its address and that of its entry in .eh_frame, sorted by address
// (Linux Standard Base, "Exception Frames").
type unwindIndex []unwindEntry

type unwindEntry struct{ fn, frame uint64 }

// readUnwindIndex reads the one form that linkers write: pcrel sdata4, udata4, datarel sdata4. ok is false for any other.
func (im *image) readUnwindIndex(s *section) (t unwindIndex, ok bool) {
	b := im.contents(s)
	if len(b) < 12 || !bytes.Equal(b[:4], []byte{1, 0x1b, 0x03, 0x3b}) {
		return nil, false
	}
	n := uint64(im.Order.Uint32(b[8:]))
	if n > uint64(len(b)-12)/8 {
		return nil, false
	}
	for _, v := range b[12+8*n:] {
		if v != 0 {
			return nil, false
		}
	}
	at := func(i uint64) uint64 { return s.Addr + uint64(int64(int32(im.Order.Uint32(b[i:])))) }
	t = make(unwindIndex, n)
	for i := range t {
		t[i] = unwindEntry{at(12 + 8*uint64(i)), at(16 + 8*uint64(i))}
	}
	return t, true
}

func compareUnwind(x, y unwindEntry) int {
	if c := cmp64(x.fn, y.fn); c != 0 {
		return c
	}
	return cmp64(x.frame, y.frame)
}

// compareUnwindIndex compares the index as a set: its order follows from the addresses, and what it leads to is compared itself.
func (c *comparison) compareUnwindIndex(s, o *section) bool {
	x, okA := c.a.readUnwindIndex(s)
	y, okB := c.b.readUnwindIndex(o)
	if !okA || !okB {
		return false
	}
	slices.SortFunc(y, compareUnwind)
	found := make([]bool, len(y))
	total := sizedDiff(c.a.contents(s), c.b.contents(o))
	var root int64
	note := func(e Evidence) {
		e.Verdict, e.Section, e.Structure, e.Bytes = Data, s.Name, "unwinding index", 8
		root += 8
		c.out.add(e, s.tallyFlags())
	}
	for i, e := range x {
		fn, ok := c.addrs.to(e.fn)
		frame, ok2 := c.addrs.to(e.frame)
		j, in := slices.BinarySearchFunc(y, unwindEntry{fn, frame}, compareUnwind)
		if ok && ok2 && in && !found[j] {
			found[j] = true
			continue
		}
		note(Evidence{Symbol: c.nameA().at(e.fn), OffsetA: int64(12 + 8*i), OffsetB: -1})
	}
	for j, in := range found {
		if !in {
			note(Evidence{Symbol: c.nameB().at(y[j].fn), OffsetA: -1, OffsetB: int64(12 + 8*j)})
		}
	}
	c.out.addMoved(s.Name, max(0, total-root), s.tallyFlags())
	return true
}
