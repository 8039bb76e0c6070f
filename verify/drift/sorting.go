package drift

import (
	"math/bits"
	"slices"
)

// Bounds within which addresses are sorted by their digits: fewer are not worth it, and of those that lie far apart no linker's file has many.
const (
	digitBits = 11
	fewest    = 256
	mostBits  = 3 * digitBits
)

// sortedByAddress sorts by address and keeps the order of equal ones. Linkers write tens of thousands of symbols and relocations into one range
// of a few megabytes, so two passes over the digits of their addresses take a fraction of the time of comparisons.
func sortedByAddress[T any](list []T, addr func(*T) uint64) []T {
	if len(list) == 0 {
		return list
	}
	lo, hi, sorted := addr(&list[0]), addr(&list[0]), true
	for i := 1; i < len(list); i++ {
		a := addr(&list[i])
		sorted = sorted && addr(&list[i-1]) <= a
		lo, hi = min(lo, a), max(hi, a)
	}
	width := bits.Len64(hi - lo)
	switch {
	case sorted:
		return list
	case len(list) < fewest || width > mostBits:
		slices.SortStableFunc(list, func(a, b T) int { return compareUint(addr(&a), addr(&b)) })
		return list
	}
	other := make([]T, len(list))
	for shift := 0; shift < width; shift += digitBits {
		var at [1 << digitBits]int
		for i := range list {
			at[(addr(&list[i])-lo)>>shift&(1<<digitBits-1)]++
		}
		next := 0
		for d, n := range at {
			at[d], next = next, next+n
		}
		for i := range list {
			d := (addr(&list[i]) - lo) >> shift & (1<<digitBits - 1)
			other[at[d]] = list[i]
			at[d]++
		}
		list, other = other, list
	}
	return list
}
