package merge_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/merge"
)

// text is everything that a merged run is written as.
func text(t *testing.T, s merge.Set) []byte {
	t.Helper()
	b, err := results.Canonical(s.Plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Records {
		line, err := r.Line()
		if err != nil {
			t.Fatal(err)
		}
		b = append(append(b, '\n'), line...)
	}
	return b
}

// shardsOf are n parts of one plan as n machines would make them: each has the whole plan, a run of its own, and the records of its own cells.
func shardsOf(plan results.Plan, n int) []merge.Set {
	sets := make([]merge.Set, n)
	for i := range sets {
		sets[i].Plan = plan
		sets[i].Plan.Run = fmt.Sprintf("run-%02d", i)
		for k, c := range plan.Cells {
			if !(results.Shard{Index: i + 1, Count: n}).Holds(c.ID) {
				continue
			}
			for _, s := range c.Steps {
				r := record(k, s, fmt.Sprint(k))
				r.Run = sets[i].Plan.Run
				sets[i].Records = append(sets[i].Records, r)
			}
		}
	}
	return sets
}

// Parts of a plan merge to the same bytes in whatever order and grouping they arrive, however often; nothing is lost or doubled.
func TestShardsMerge(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 21))
	plan := planOf("", 40)
	for _, n := range []int{1, 2, 3, 7, 16} {
		sets := shardsOf(plan, n)
		whole, conflicts := union(t, sets...)
		if len(conflicts) != 0 {
			t.Fatalf("%d parts: %v", n, conflicts)
		}
		if ledger := results.NewLedger(&whole.Plan, whole.Records); len(whole.Records) != 80 || len(ledger.Stray) != 0 ||
			slices.ContainsFunc(ledger.Outcomes, func(o results.Outcome) bool { return o.Attempts != 1 }) {
			t.Fatalf("%d parts: %d records, not one for each of 80 steps", n, len(whole.Records))
		}
		want := text(t, whole)
		for range 6 {
			todo := slices.Clone(sets)
			rng.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
			for len(todo) > 1 { // two at a time, in any grouping, one of them twice
				k := rng.IntN(len(todo)-1) + 1
				both, _ := union(t, todo[0], todo[k], todo[0])
				todo = append(slices.Delete(todo, k, k+1)[1:], both)
			}
			if got := text(t, todo[0]); !bytes.Equal(got, want) {
				t.Fatalf("%d parts merge to other bytes in another order", n)
			}
		}
		if n == 1 {
			continue
		}
		lost, _ := union(t, sets[1:]...)
		if missing := 80 - len(lost.Records); missing != len(sets[0].Records) {
			t.Errorf("%d parts without the first: %d records are missing, want its %d", n, missing, len(sets[0].Records))
		}
	}
}
