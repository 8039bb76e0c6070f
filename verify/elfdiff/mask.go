package elfdiff

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Mask is the proof of a comparison in which nothing moved: with the ranges zeroed both files have the same digest.
type Mask struct {
	SHA256 string  `json:"sha256"` // of either file with all ranges zeroed
	Ranges []Range `json:"ranges"` // in file order, without overlap
}

// Range is a stretch of both files that differs somewhere in it.
type Range struct {
	Offset  int64   `json:"offset"` // bytes from the beginning of the file
	Bytes   int64   `json:"bytes"`
	Verdict Verdict `json:"verdict"` // the class of what lies there
}

// maxRanges bounds a mask. Beyond it, ranges of one class and section grow together.
const maxRanges = 20000

// maskRange adds a stretch to the mask. apart says that it lies in another section than the one before.
func (c *comparison) maskRange(off, n int64, class Verdict, apart bool) {
	l := len(c.mask)
	if l > 0 {
		if p := &c.mask[l-1]; p.Verdict == class && (p.Offset+p.Bytes == off || l >= maxRanges && !apart) {
			p.Bytes = off + n - p.Offset
			return
		}
	}
	c.mask = append(c.mask, Range{off, n, class})
}

// proveMask zeroes the ranges in both files and takes the digests again. Unequal digests mean that the comparison overlooked
// something; then nothing is claimed beyond what the bytes may be at worst.
func (c *comparison) proveMask() {
	slices.SortFunc(c.mask, func(x, y Range) int { return int(x.Offset - y.Offset) })
	a, errA := c.a.maskedSum(c.mask)
	b, errB := c.b.maskedSum(c.mask)
	if errA != nil || errB != nil {
		c.a.err = &InputError{c.a.path, ErrUnreadable}
		return
	}
	if a != b {
		c.out.add(Evidence{Verdict: ABI, Structure: "bytes that the comparison did not account for", Bytes: 1}, flagAlloc|flagExec)
		c.rep.Proof = ProofStructure
		return
	}
	c.rep.Mask = &Mask{SHA256: hex.EncodeToString(a[:]), Ranges: c.mask}
}

// maskedSum is the digest of the file with the ranges zeroed.
func (im *image) maskedSum(mask []Range) (sum [32]byte, err error) {
	h := sha256.New()
	buf := make([]byte, min(chunk, im.size))
	for at := int64(0); at < im.size; at += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), im.size-at)]
		if !im.readInto(b, at) {
			return sum, ErrUnreadable
		}
		end := at + int64(len(b))
		for len(mask) > 0 && mask[0].Offset < end {
			lo, hi := max(mask[0].Offset, at), min(mask[0].Offset+mask[0].Bytes, end)
			clear(b[lo-at : hi-at])
			if mask[0].Offset+mask[0].Bytes > end {
				break
			}
			mask = mask[1:]
		}
		h.Write(b)
	}
	h.Sum(sum[:0])
	return sum, nil
}

// maskSpans adds all places where x and y, at off in the files, differ.
func (c *comparison) maskSpans(off int64, x, y []byte, class Verdict) {
	if bytes.Equal(x, y) {
		return
	}
	for i, d := range ranges(x, y) {
		c.maskRange(off+int64(d.off), int64(d.n), class, i == 0)
	}
}
