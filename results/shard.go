package results

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Shard is one of several parts of a plan: part Index, from 1, of Count. The zero value is the whole plan. Which cell is in which part
// depends on the cell's id alone, so that parts that were made on different machines meet in no cell and leave none out.
type Shard struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

// MaxShards is the largest Count.
const MaxShards = 1 << 16

// ParseShard reads "2/7", the second of seven parts.
func ParseShard(s string) (Shard, error) {
	a, b, ok := strings.Cut(s, "/")
	i, err1 := strconv.ParseUint(a, 10, 32)
	n, err2 := strconv.ParseUint(b, 10, 32)
	if !ok || err1 != nil || err2 != nil || i < 1 || i > n || n > MaxShards {
		return Shard{}, fmt.Errorf("shard %q is not i/n with i from 1 to n and n up to %d", s, MaxShards)
	}
	return Shard{int(i), int(n)}, nil
}

// Whole reports whether s is no part but everything.
func (s Shard) Whole() bool { return s.Count <= 1 }

// String is "2/7".
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

// Holds reports whether a cell belongs to the part. An id that is no CellID belongs to the first.
func (s Shard) Holds(id CellID) bool {
	if s.Whole() {
		return true
	}
	var word uint64
	if len(id) >= 16 {
		word, _ = strconv.ParseUint(string(id[:16]), 16, 64)
	}
	part, _ := bits.Mul64(word, uint64(s.Count)) // the ids are uniform: the upper word of the product is, too
	return int(part) == s.Index-1
}

// Digest is the digest of what a plan holds, whatever the order of its cells and steps. Plans of one digest are one plan, whoever
// made them; run, tool and seed are not part of it.
func (p Plan) Digest() (Digest, error) {
	cells := slices.Clone(p.Cells)
	lines := make([][]byte, len(cells))
	for i, c := range cells {
		c.Steps = slices.Clone(c.Steps)
		slices.SortFunc(c.Steps, CompareSteps)
		b, err := Canonical(c)
		if err != nil {
			return "", err
		}
		lines[i] = b
	}
	slices.SortFunc(lines, bytes.Compare)
	return DigestOf(bytes.Join(lines, []byte("\n"))), nil
}
