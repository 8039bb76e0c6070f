package results_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/plugproof/plugproof/results"
)

func TestParseShard(t *testing.T) {
	for _, tt := range []struct {
		text string
		want results.Shard
		ok   bool
	}{
		{"1/1", results.Shard{Index: 1, Count: 1}, true}, {"7/16", results.Shard{Index: 7, Count: 16}, true}, {"65536/65536", results.Shard{Index: 65536, Count: 65536}, true},
		{"0/3", results.Shard{}, false}, {"4/3", results.Shard{}, false}, {"1/65537", results.Shard{}, false}, {"", results.Shard{}, false}, {"1", results.Shard{}, false},
		{"1/", results.Shard{}, false}, {"/2", results.Shard{}, false}, {"-1/2", results.Shard{}, false}, {"1/2/3", results.Shard{}, false}, {" 1/2", results.Shard{}, false},
		{"+1/2", results.Shard{}, false}, {"auto", results.Shard{}, false},
	} {
		got, err := results.ParseShard(tt.text)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("ParseShard(%q) = %v, %v", tt.text, got, err)
		}
	}
}

func someCell(n int) results.Cell {
	return results.Cell{Project: fmt.Sprintf("example.test/p%d", n), HostGo: "go1.26.8", PluginGo: "go1.25.3", Arch: "arm", Level: "GOARM=7", Libc: "musl", Image: "default"}
}

// Each cell is in exactly one of n parts, and no part is much larger than the others.
func TestShardsPartition(t *testing.T) {
	const cells = 4000
	for _, n := range []int{1, 2, 3, 7, 16, 100} {
		sizes := make([]int, n)
		for i := range cells {
			id, in := someCell(i).ID(), 0
			for k := 1; k <= n; k++ {
				if (results.Shard{Index: k, Count: n}).Holds(id) {
					sizes[k-1]++
					in++
				}
			}
			if in != 1 {
				t.Fatalf("cell %d is in %d of %d parts", i, in, n)
			}
		}
		if small, large := slices.Min(sizes), slices.Max(sizes); small < cells/n*6/10 || large > cells/n*15/10 {
			t.Errorf("%d parts have %d to %d cells", n, small, large)
		}
	}
}

// Where a cell belongs must not change: parts are made by other machines and merged later.
func TestShardIsStable(t *testing.T) {
	want := []int{1, 2, 3, 6, 2, 7, 1, 4}
	var got []int
	for i := range want {
		for k := 1; k <= 7; k++ {
			if (results.Shard{Index: k, Count: 7}).Holds(someCell(i).ID()) {
				got = append(got, k)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("cells are in the parts %v, were in %v", got, want)
	}
	for _, odd := range []results.CellID{"", "x", "zzzzzzzzzzzzzzzzzzzzz"} {
		if !(results.Shard{Index: 1, Count: 7}).Holds(odd) {
			t.Errorf("id %q is not in the first part", odd)
		}
	}
}

func TestPlanDigest(t *testing.T) {
	plan := func(run string, order ...int) results.Plan {
		p := results.Plan{Run: run}
		for _, n := range order {
			steps := []results.Step{results.Load, results.Rebuild}
			if run == "b" {
				slices.Reverse(steps)
			}
			p.Cells = append(p.Cells, results.PlannedCell{ID: someCell(n).ID(), Cell: someCell(n), Steps: steps})
		}
		return p
	}
	digest := func(p results.Plan) results.Digest {
		d, err := p.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := digest(plan("a", 1, 2, 3))
	if b := digest(plan("b", 3, 1, 2)); a != b {
		t.Errorf("the order of cells and steps counts: %s, %s", a, b)
	}
	if c := digest(plan("a", 1, 2)); a == c {
		t.Error("a plan with a cell less has the same digest")
	}
}
