package elfdiff

import (
	"bytes"
	"encoding/binary"
)

// match says that n bytes at a in one slice correspond to n bytes at b in another. They need not be equal.
type match struct{ a, b, n int }

const (
	anchor      = 16      // bytes that must be equal to find a place again
	maxAnchors  = 1 << 20 // places of y that are remembered
	resync      = 64      // bytes that may be replaced by as many others within a match
	resyncEqual = 8       // equal bytes that end a replacement, or as many as were replaced
)

// align finds stretches of x in y, in order. What it leaves out of x is gone, what it leaves out of y is new. It is a greedy
// search over content anchors in linear time, so it may miss a correspondence; it never invents one that is out of order.
func align(x, y []byte) []match {
	if len(x) == len(y) && similar(x, y) {
		return one(0, 0, len(x))
	}
	p := equalPrefix(x, y)
	s := equalSuffix(x[p:], y[p:])
	out := one(0, 0, p)
	for _, m := range anchors(x[p:len(x)-s], y[p:len(y)-s]) {
		out = append(out, match{m.a + p, m.b + p, m.n})
	}
	if s > 0 {
		out = append(out, match{len(x) - s, len(y) - s, s})
	}
	return fill(out, len(x), len(y))
}

func one(a, b, n int) []match {
	if n == 0 {
		return nil
	}
	return []match{{a, b, n}}
}

// similar reports whether at most a quarter of the bytes differ in place.
func similar(x, y []byte) bool {
	n, limit := 0, len(x)/4
	for i := 0; i < len(x); {
		if k := equalPrefix(x[i:], y[i:]); k > 0 {
			i += k
			continue
		}
		if n++; n > limit {
			return false
		}
		i++
	}
	return true
}

// fill makes correspond what lies between two matches, if it is as long on both sides, and joins what touches.
func fill(ms []match, nx, ny int) []match {
	var out []match
	a, b := 0, 0
	push := func(m match) {
		if n := len(out); n > 0 && out[n-1].a+out[n-1].n == m.a && out[n-1].b+out[n-1].n == m.b {
			out[n-1].n += m.n
		} else if m.n > 0 {
			out = append(out, m)
		}
	}
	for _, m := range append(ms, match{nx, ny, 0}) {
		if m.a-a == m.b-b {
			push(match{a, b, m.a - a})
		}
		push(m)
		a, b = m.a+m.n, m.b+m.n
	}
	return out
}

func equalSuffix(x, y []byte) int {
	n := min(len(x), len(y))
	i := 0
	for ; i+64 <= n && bytes.Equal(x[len(x)-i-64:len(x)-i], y[len(y)-i-64:len(y)-i]); i += 64 {
	}
	for i < n && x[len(x)-1-i] == y[len(y)-1-i] {
		i++
	}
	return i
}

func anchors(x, y []byte) []match {
	if len(x) < anchor || len(y) < anchor {
		return nil
	}
	step := 4
	for len(y)/step > maxAnchors {
		step *= 2
	}
	shift := 64 - 10
	for n := len(y) / step; n > 1<<(64-shift-1) && shift > 42; {
		shift--
	}
	table := make([]int32, 1<<(64-shift)) // 1 + index of an anchor in y
	for j := 0; j+anchor <= len(y); j += step {
		if k := hash16(y[j:]) >> shift; table[k] == 0 && !uniform(y[j:j+anchor]) {
			table[k] = int32(j/step) + 1
		}
	}
	var out []match
	a, b := 0, 0
	for i := 0; i+anchor <= len(x); {
		j := (int(table[hash16(x[i:])>>shift]) - 1) * step
		if j < b || j+anchor > len(y) || !bytes.Equal(x[i:i+anchor], y[j:j+anchor]) {
			i++
			continue
		}
		m := extend(x, y, a, b, match{i, j, anchor})
		jump := max(m.b-b-(m.a-a), m.a-a-(m.b-b))
		if m.n < anchor+min(jump/64, 240) { // a long way for little
			i++
			continue
		}
		out = append(out, m)
		a, b = m.a+m.n, m.b+m.n
		i = a
	}
	return out
}

// extend makes a match as long as it gets, replacements included, without passing back over (a, b).
func extend(x, y []byte, a, b int, m match) match {
	for m.a > a && m.b > b && x[m.a-1] == y[m.b-1] {
		m.a, m.b, m.n = m.a-1, m.b-1, m.n+1
	}
	for {
		i, j := m.a+m.n, m.b+m.n
		m.n += equalPrefix(x[i:], y[j:])
		i, j = m.a+m.n, m.b+m.n
		k := 1
		for ; k <= resync; k++ {
			n := max(resyncEqual, k) // the longer the replacement, the likelier an end by chance
			if i+k+n > len(x) || j+k+n > len(y) {
				return m
			}
			if u := x[i+k : i+k+n]; bytes.Equal(u, y[j+k:j+k+n]) && !uniform(u) {
				break
			}
		}
		if k > resync {
			return m
		}
		m.n += k
	}
}

func uniform(b []byte) bool {
	for _, c := range b[1:] {
		if c != b[0] {
			return false
		}
	}
	return true
}

func hash16(b []byte) uint64 {
	h := binary.LittleEndian.Uint64(b)*0x9E3779B97F4A7C15 ^ binary.LittleEndian.Uint64(b[8:])*0xC2B2AE3D27D4EB4F
	return h * 0xFF51AFD7ED558CCD
}

// unmatched counts the bytes that differ under an alignment: within matches, and of what is left out the longer side's.
func unmatched(x, y []byte, ms []match) int64 {
	var n int64
	a, b := 0, 0
	for _, m := range append(ms, match{len(x), len(y), 0}) {
		n += int64(max(m.a-a, m.b-b))
		n += countDiffering(x[m.a:m.a+m.n], y[m.b:m.b+m.n])
		a, b = m.a+m.n, m.b+m.n
	}
	return n
}

// countDiffering counts the places where two slices of one length differ.
func countDiffering(x, y []byte) int64 {
	var n int64
	for i := 0; i < len(x); {
		if k := equalPrefix(x[i:], y[i:]); k > 0 {
			i += k
			continue
		}
		n++
		i++
	}
	return n
}
