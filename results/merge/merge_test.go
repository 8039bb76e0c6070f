package merge_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/merge"
	"github.com/plugproof/plugproof/results/recordtest"
)

func cell(n int) results.Cell {
	return results.Cell{Project: fmt.Sprintf("fixture:f%d", n), HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "arm", Level: "GOARM=7", Libc: "musl", Image: "default"}
}

func planOf(run string, n int) results.Plan {
	p := results.Plan{Schema: results.PlanSchema, Run: run, Tool: "v1", Seed: 3}
	for i := range n {
		p.Cells = append(p.Cells, results.PlannedCell{ID: cell(i).ID(), Cell: cell(i), Steps: []results.Step{results.Rebuild, results.Load}})
	}
	return p
}

func record(n int, step results.Step, bytes string) results.Record {
	r := recordtest.Looked(results.Record{Cell: cell(n), Step: step, Status: results.Pass, Verdict: "identical"}, bytes)
	return r.Normal()
}

// random returns a set of the plan with random records, and the plan's cells in random order.
func random(rng *rand.Rand) merge.Set {
	s := merge.Set{Plan: planOf(fmt.Sprint("r", rng.IntN(3)), 4)}
	rng.Shuffle(4, func(i, j int) { s.Plan.Cells[i], s.Plan.Cells[j] = s.Plan.Cells[j], s.Plan.Cells[i] })
	for range rng.IntN(6) {
		step := results.Rebuild
		if rng.IntN(2) == 0 {
			step = results.Load
		}
		r := record(rng.IntN(5), step, fmt.Sprint(rng.IntN(2))) // cell 4 is not planned
		r.Run, r.Log = s.Plan.Run, "logs/x"
		r.Inputs.Sources = results.DigestOf([]byte{byte(rng.IntN(2))})
		s.Records = append(s.Records, r)
	}
	return s
}

func union(t *testing.T, sets ...merge.Set) (merge.Set, []merge.Conflict) {
	t.Helper()
	s, c, err := merge.Union(sets...)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	for range 300 {
		a, b, c := random(rng), random(rng), random(rng)
		ab, conflicts := union(t, a, b)
		ba, conflicts2 := union(t, b, a)
		if diff := cmp.Diff(ab, ba) + cmp.Diff(conflicts, conflicts2); diff != "" {
			t.Fatalf("not commutative: %s", diff)
		}
		bc, _ := union(t, b, c)
		left, _ := union(t, ab, c)
		right, _ := union(t, a, bc)
		if diff := cmp.Diff(left, right); diff != "" {
			t.Fatalf("not associative: %s", diff)
		}
		again, _ := union(t, ab, ab)
		if diff := cmp.Diff(ab, again); diff != "" {
			t.Fatalf("not idempotent: %s", diff)
		}
		withA, _ := union(t, ab, a)
		if diff := cmp.Diff(ab, withA); diff != "" {
			t.Fatalf("not absorbing: %s", diff)
		}
	}
}

// twoOf is what is said of artifacts with two contents.
func twoOf(names ...string) string {
	var says []string
	for _, n := range names {
		says = append(says, fmt.Sprintf("artifact %q is 2d711642b726 and a1fce4363854", n))
	}
	return strings.Join(says, "; ")
}

func TestConflictIsAFinding(t *testing.T) {
	a := merge.Set{Plan: planOf("r1", 1), Records: []results.Record{record(0, results.Rebuild, "x"), record(0, results.Load, "x")}}
	b := merge.Set{Plan: planOf("r2", 1), Records: []results.Record{record(0, results.Rebuild, "y"), record(0, results.Load, "x")}}
	s, conflicts := union(t, a, b)
	if len(s.Records) != 3 || s.Plan.Run != "r1" {
		t.Errorf("%d records of run %q", len(s.Records), s.Plan.Run)
	}
	want := []merge.Conflict{{cell(0).ID(), "fixture:f0 arm go1.26.8", results.Rebuild, twoOf("host.a", "host.b", "plugin.0.a", "plugin.0.b")}}
	if diff := cmp.Diff(want, conflicts); diff != "" {
		t.Error(diff)
	}
}

// Shards that were made from different sources of one project are no run of it, whichever arrives first.
func TestShardsOfDifferentSources(t *testing.T) {
	plan := planOf("r1", 2)
	other := cell(0)
	other.Arch = "amd64"
	plan.Cells[1] = results.PlannedCell{ID: other.ID(), Cell: other, Steps: plan.Cells[0].Steps}
	shard := func(c results.Cell, sources string) merge.Set {
		s := merge.Set{Plan: plan}
		for _, step := range plan.Cells[0].Steps {
			r := recordtest.Looked(results.Record{Cell: c, Step: step, Status: results.Pass, Verdict: "identical"}, "x").Normal()
			r.Inputs.Sources = results.DigestOf([]byte(sources))
			s.Records = append(s.Records, r)
		}
		return s
	}
	if _, conflicts := union(t, shard(cell(0), "x"), shard(other, "x")); len(conflicts) != 0 {
		t.Errorf("of the same sources: %v", conflicts)
	}
	want := []merge.Conflict{{other.ID(), other.String(), results.Rebuild,
		"the project had other files here than in another cell: its sources are 2d711642b726 in fixture:f0 arm go1.26.8 and a1fce4363854 in fixture:f0 amd64 go1.26.8"}}
	for _, sets := range [][]merge.Set{{shard(cell(0), "x"), shard(other, "y")}, {shard(other, "y"), shard(cell(0), "x")}} {
		_, conflicts := union(t, sets...)
		if diff := cmp.Diff(want, conflicts); diff != "" {
			t.Error(diff)
		}
	}
}

func TestUnionRefuses(t *testing.T) {
	other := func(change func(*merge.Set)) merge.Set {
		s := merge.Set{Plan: planOf("r2", 2)}
		change(&s)
		return s
	}
	tests := []struct {
		name, want string
		set        merge.Set
	}{
		{"plan", "another plan", other(func(s *merge.Set) { s.Plan = planOf("r2", 1) })},
		{"steps", "another plan", other(func(s *merge.Set) { s.Plan.Cells[0].Steps = []results.Step{results.Load} })},
		{"tool", `plugproof "v2"`, other(func(s *merge.Set) { s.Plan.Tool = "v2" })},
		{"seed", "seed 4", other(func(s *merge.Set) { s.Plan.Seed = 4 })},
		{"run of a record", "is of run \"r9\"", other(func(s *merge.Set) {
			r := record(0, results.Load, "x")
			r.Run = "r9"
			s.Records = append(s.Records, r)
		})},
		{"tool of a record", `was made by plugproof "v0"`, other(func(s *merge.Set) {
			r := record(0, results.Load, "x")
			r.Inputs.Tool = "v0"
			s.Records = append(s.Records, r)
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, sets := range [][]merge.Set{{{Plan: planOf("r1", 2)}, tt.set}, {tt.set, {Plan: planOf("r1", 2)}}} {
				if _, _, err := merge.Union(sets...); err == nil || !strings.Contains(err.Error(), strings.Split(tt.want, " ")[0]) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
			if _, _, err := merge.Union(merge.Set{Plan: planOf("r1", 2)}, tt.set); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, _, err := merge.Union(); err == nil {
		t.Error("nothing was merged without an error")
	}
}

func TestLogName(t *testing.T) {
	for _, tt := range []struct{ run, log, want string }{
		{"r1", "logs/x", "logs/r1/x"},
		{"r1", "logs/r1/x", "logs/r1/x"},
		{"r1", "", ""},
		{"", "logs/x", "logs/x"},
		{"..", "logs/x", "logs/x"},
		{"a/b", "logs/x", "logs/x"},
		{"r1", "/etc/passwd", "/etc/passwd"},
	} {
		if got := merge.LogName(results.Record{Run: tt.run, Log: tt.log}); got != tt.want {
			t.Errorf("run %q, log %q: got %q, want %q", tt.run, tt.log, got, tt.want)
		}
	}
}
