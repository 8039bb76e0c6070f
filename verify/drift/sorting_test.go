package drift

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSortedByAddress holds the order against that of the standard library, equal addresses included.
func TestSortedByAddress(t *testing.T) {
	type item struct{ Addr, Was uint64 }
	r := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		n    int
		span uint64
	}{{0, 1}, {1, 1}, {fewest - 1, 100}, {fewest, 1}, {5000, 3000}, {5000, 1 << 22}, {5000, 1 << 33}, {5000, 1 << 34}, {5000, 1 << 63}} {
		list := make([]item, tt.n)
		for i := range list {
			list[i] = item{1<<40 + r.Uint64N(tt.span), uint64(i)}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b item) int { return compareUint(a.Addr, b.Addr) })
		got := sortedByAddress(list, func(x *item) uint64 { return x.Addr })
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%d within %#x: %s", tt.n, tt.span, d)
		}
		if d := cmp.Diff(want, sortedByAddress(slices.Clone(got), func(x *item) uint64 { return x.Addr })); d != "" {
			t.Errorf("%d within %#x, sorted before: %s", tt.n, tt.span, d)
		}
	}
}
