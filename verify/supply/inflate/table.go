package inflate

import "math/bits"

// An entry of a table says what the next bits of the stream are.
//
//	bits 0 to 5     how many bits the code has
//	bits 8 to 11    how many extra bits follow, or the size of the second table in bits
//	bit 12          the second table's place is the value
//	bit 13          the block ends
//	bit 14          it is neither a literal nor a length or distance; without bits 12 and 13 no code
//	bit 15          the value is a literal
//	bits 16 to 31   the value
const (
	lengthMask = 0x3f
	extraShift = 8
	extraMask  = 0xf
	subTable   = 1 << 12
	endOfBlock = 1 << 13
	special    = 1 << 14
	literal    = 1 << 15
	valueShift = 16
)

const (
	maxCode  = 15 // bits of a code, RFC 1951 section 3.2.7
	litBits  = 11 // of the first table
	distBits = 8
	maxLit   = 286 + 2 // the last two are in the fixed code only, and mean nothing
	maxDist  = 30 + 2
)

// Each code that is longer than the first table's bits may need a second table of its own.
type (
	litTable  [1<<litBits + maxLit<<(maxCode-litBits)]uint32
	distTable [1<<distBits + maxDist<<(maxCode-distBits)]uint32
)

// build fills a table for codes of these lengths, 0 for a symbol without one; symbols gives the entries without the code's length.
// Like compress/flate it takes no incomplete code but that of a single symbol with one bit, or none at all.
func build(table []uint32, first uint, lengths []uint8, symbols []uint32) bool {
	for i := range table[:1<<first] {
		table[i] = special
	}
	var count, next [maxCode + 1]int
	longest := uint(0)
	for _, n := range lengths {
		count[n]++
		longest = max(longest, uint(n))
	}
	if longest == 0 {
		return true
	}
	count[0] = 0
	code := 0
	for n := 1; n <= maxCode; n++ {
		code = (code + count[n-1]) << 1
		next[n] = code
	}
	if used := next[longest] + count[longest]; used != 1<<longest && !(used == 1 && longest == 1) {
		return false
	}
	at := uint32(1) << first
	for s, n := range lengths {
		if n == 0 {
			continue
		}
		reversed := uint(bits.Reverse16(uint16(next[n])) >> (16 - n))
		next[n]++
		if uint(n) <= first {
			for i := reversed; i < 1<<first; i += 1 << n {
				table[i] = symbols[s] | uint32(n)
			}
			continue
		}
		slot, size := reversed&(1<<first-1), longest-first
		if table[slot]&subTable == 0 {
			table[slot] = special | subTable | uint32(size)<<extraShift | at<<valueShift
			at += 1 << size
		}
		base := table[slot] >> valueShift
		for i := reversed >> first; i < 1<<size; i += 1 << (uint(n) - first) {
			table[base+uint32(i)] = symbols[s] | uint32(uint(n)-first)
		}
	}
	return true
}

// The symbols of RFC 1951, section 3.2.5.
var (
	litSymbols  [maxLit]uint32
	distSymbols [maxDist]uint32
	codeSymbols [19]uint32
	fixedLit    [maxLit]uint8
	fixedDist   [maxDist]uint8
)

func init() {
	for i := range litSymbols {
		switch {
		case i < 256:
			litSymbols[i] = literal | uint32(i)<<valueShift
		case i == 256:
			litSymbols[i] = special | endOfBlock
		case i < 265:
			litSymbols[i] = uint32(i-254) << valueShift
		case i < 285:
			extra := uint32(i-261) / 4
			litSymbols[i] = (3+(4+uint32(i-265)%4)<<extra)<<valueShift | extra<<extraShift
		case i == 285:
			litSymbols[i] = 258 << valueShift
		default:
			litSymbols[i] = special
		}
		switch {
		case i < 144:
			fixedLit[i] = 8
		case i < 256:
			fixedLit[i] = 9
		case i < 280:
			fixedLit[i] = 7
		default:
			fixedLit[i] = 8
		}
	}
	for i := range distSymbols {
		switch {
		case i < 4:
			distSymbols[i] = uint32(i+1) << valueShift
		case i < 30:
			extra := uint32(i-2) / 2
			distSymbols[i] = (1+(2+uint32(i)%2)<<extra)<<valueShift | extra<<extraShift
		default:
			distSymbols[i] = special
		}
		fixedDist[i] = 5
	}
	for i := range codeSymbols {
		codeSymbols[i] = uint32(i) << valueShift
	}
}
