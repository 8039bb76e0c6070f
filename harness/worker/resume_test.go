package worker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
)

// TestLeft: of a cell that was kept only the policy step is left, and of one that was not, everything.
func TestLeft(t *testing.T) {
	cell := func(arch string, steps ...results.Step) plan.Cell {
		return plan.Cell{Cell: results.Cell{Project: "p", Arch: arch}, Steps: steps}
	}
	cells := []plan.Cell{cell("a", results.Rebuild, results.Load), cell("b", results.Rebuild, results.Load, results.Policy), cell("c", results.Rebuild, results.Policy)}
	w := &Worker{}
	w.start()
	w.kept[cells[0].ID()], w.kept[cells[1].ID()] = keptAll, keptButPolicy
	got := map[string][]results.Step{}
	for _, c := range w.left(cells) {
		got[c.Arch] = c.Steps
	}
	if diff := cmp.Diff(map[string][]results.Step{"b": {results.Policy}, "c": {results.Rebuild, results.Policy}}, got); diff != "" {
		t.Error(diff)
	}
	if ahead := w.Ahead(cells); ahead[WorkLoad] != 0 {
		t.Errorf("%d loads are ahead of cells that were loaded", ahead[WorkLoad])
	}
	if len(cells[1].Steps) != 3 {
		t.Error("the plan was changed")
	}
}

// TestRepeatable: what is kept beside files that are built again is of files that come out the same, and is no finding.
// TestLacksFolder: a cell that is not as expected is kept with its files only.
func TestLacksFolder(t *testing.T) {
	w := &Worker{Dir: t.TempDir()}
	c := results.Cell{Project: "p"}
	green := []results.Record{{Cell: c, Step: results.ABI, Status: results.Pass}}
	red := append(green, results.Record{Cell: c, Step: results.Load, Status: results.Fail})
	if w.lacksFolder(c.ID(), green) || !w.lacksFolder(c.ID(), red) {
		t.Error("without a folder")
	}
	if err := os.MkdirAll(filepath.Join(w.Dir, failuresDir, string(c.ID())), 0o777); err != nil {
		t.Fatal(err)
	}
	if w.lacksFolder(c.ID(), red) {
		t.Error("with a folder")
	}
}

func TestRepeatable(t *testing.T) {
	for _, tt := range []struct {
		rec  results.Record
		want bool
	}{
		{results.Record{Step: results.Rebuild, Status: results.Pass, Verdict: results.Identical}, true},
		{results.Record{Step: results.Rebuild, Status: results.Pass, Verdict: "data", Expected: "clock"}, false},
		{results.Record{Step: results.Rebuild, Status: results.Skip, Reason: results.SkipRequested}, true},
		{results.Record{Step: results.Load, Status: results.Pass, Verdict: "ok"}, true},
		{results.Record{Step: results.Load, Status: results.Skip, Reason: results.SkipRequested}, true},
		{results.Record{Step: results.Load, Status: results.Fail, Verdict: "throw"}, false},
		{results.Record{Step: results.ABI, Status: results.Error}, false},
	} {
		if got := repeatable(tt.rec); got != tt.want {
			t.Errorf("%+v: %v", tt.rec, got)
		}
	}
}
