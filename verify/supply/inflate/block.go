package inflate

import "math/bits"

// The tables are looked up by so many bits; codes that are longer lead on to a table of their own.
const (
	litBits  = 11
	distBits = 8
	preBits  = 7
	maxBits  = 15
)

// An entry of a table is
//
//	bits 0 to 5     how many bits its code and what follows it have: all of what it stands for
//	bits 8 to 11    of these, the code's; in an entry that leads on, how many bits the other table is looked up by
//	bits 16 to 30   a literal, the least length or distance, or where the other table begins
//
// and flags.
const (
	flagLit   = 1 << 31
	flagOther = 1 << 15 // neither a literal nor a length or distance; alone, a code that nothing has
	flagSub   = 1 << 14 // it leads on
	flagEnd   = 1 << 13 // it ends the block
)

// What symbols stand for, but for the length of their codes (RFC 1951, section 3.2.5).
var (
	litSymbols  [288]uint32
	distSymbols [32]uint32
	preSymbols  [19]uint32
	fixed       [288]uint8 // lengths of the codes of section 3.2.6
	fixedDist   [32]uint8
)

func init() {
	for i := range litSymbols {
		fixed[i] = []uint8{8, 9, 7, 8}[min(1, i/144)+min(1, i/256)+min(1, i/280)]
		switch {
		case i < 256:
			litSymbols[i] = flagLit | uint32(i)<<16
		case i == 256:
			litSymbols[i] = flagOther | flagEnd
		case i > 285:
			litSymbols[i] = flagOther
		}
	}
	base := uint32(3)
	for i := 257; i < 285; i++ {
		extra := uint32(max(0, (i-257)/4-1))
		litSymbols[i] = base<<16 | extra
		base += 1 << extra
	}
	litSymbols[285] = 258 << 16
	base = 1
	for i := range distSymbols {
		fixedDist[i] = 5
		extra := uint32(max(0, i/2-1))
		distSymbols[i] = base<<16 | extra
		if base += 1 << extra; i > 29 {
			distSymbols[i] = flagOther
		}
	}
	for i := range preSymbols {
		preSymbols[i] = uint32(i) << 16
	}
}

// build makes a table that is looked up by n bits, of codes of these lengths for symbols. It reports whether the lengths are those of a
// code: a complete one, one of a single bit, or none, as compress/flate has it.
func build(table []uint32, lengths []uint8, symbols []uint32, n uint) bool {
	var count [maxBits + 1]uint32
	for _, l := range lengths {
		count[l&maxBits]++
	}
	count[0] = 0
	longest, code := 0, uint32(0)
	var next [maxBits + 1]uint32
	for l := 1; l <= maxBits; l++ {
		code <<= 1
		next[l] = code
		if code += count[l]; count[l] > 0 {
			longest = l
		}
		if code > 1<<l {
			return false
		}
	}
	whole := longest > 0 && code == 1<<maxBits
	if !whole {
		if longest > 1 || longest == 1 && count[1] != 1 {
			return false
		}
		for i := range table[:1<<n] {
			table[i] = flagOther
		}
	}
	var deepest [1 << litBits]uint8 // of the codes that begin with an index
	if longest > int(n) {
		again := next
		for _, l := range lengths {
			c := again[l&maxBits]
			again[l&maxBits]++
			if uint(l) > n {
				at := reversed(c, uint(l)) & (1<<n - 1)
				deepest[at] = max(deepest[at], l)
				table[at] = 0
			}
		}
	}
	free := uint32(1) << n
	for i, l := range lengths {
		if l == 0 {
			continue
		}
		r, e := reversed(next[l&maxBits], uint(l)), symbols[i]+uint32(l)+uint32(l)<<8
		next[l&maxBits]++
		if symbols[i] == flagOther {
			e = flagOther
		}
		if uint(l) <= n {
			for at := r; at < 1<<n; at += 1 << l {
				table[at] = e
			}
			continue
		}
		at := r & (1<<n - 1)
		by := uint(deepest[at]) - n
		if table[at] == 0 {
			table[at] = flagOther | flagSub | free<<16 | uint32(by)<<8
			free += 1 << by
		}
		sub := table[at] >> 16
		for k := r >> n; k < 1<<by; k += 1 << (uint(l) - n) {
			table[sub+k] = e
		}
	}
	return true
}

// reversed is a code as it comes in a stream, its first bit the lowest.
func reversed(code uint32, n uint) uint32 { return uint32(bits.Reverse16(uint16(code)) >> (16 - n)) }
