package gate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/gate"
	"github.com/plugproof/plugproof/results/recordtest"
)

func cell(n int) results.Cell {
	return results.Cell{Project: fmt.Sprintf("fixture:f%d", n), HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "amd64", Level: "GOAMD64=v1", Libc: "musl", Image: "default"}
}

var steps = []results.Step{results.Rebuild, results.ABI, results.Load}

func planOf(n int) *results.Plan {
	p := &results.Plan{Schema: results.PlanSchema, Run: "r"}
	for i := range n {
		p.Cells = append(p.Cells, results.PlannedCell{ID: cell(i).ID(), Cell: cell(i), Steps: steps})
	}
	return p
}

func green(p *results.Plan) []results.Record {
	var recs []results.Record
	for _, c := range p.Cells {
		for _, s := range c.Steps {
			recs = append(recs, recordtest.Looked(results.Record{Cell: c.Cell, Step: s, Status: results.Pass, Verdict: results.Identical}, "x").Normal())
		}
	}
	return recs
}

// one is a plan of one project in two cells.
func one() *results.Plan {
	p := planOf(2)
	c := cell(0)
	c.Arch = "arm"
	p.Cells[1].ID, p.Cells[1].Cell = c.ID(), c
	return p
}

// ofTwoSources are green records, those of each cell from sources of its own.
func ofTwoSources(p *results.Plan) []results.Record {
	recs := green(p)
	for i := range recs {
		recs[i].Inputs.Sources = results.DigestOf([]byte(recs[i].CellID))
	}
	return recs
}

func TestDecide(t *testing.T) {
	plan := planOf(2)
	with := func(change func([]results.Record) []results.Record) []results.Record { return change(green(plan)) }
	status := func(s results.Status, reason string) []results.Record {
		return with(func(r []results.Record) []results.Record {
			r[2].Status, r[2].Reason, r[2].Subjects = s, reason, nil
			return r
		})
	}
	tests := []struct {
		name string
		plan *results.Plan
		recs []results.Record
		exit int
		want []gate.Kind
	}{
		{"all as expected", plan, green(plan), 0, nil},
		{"fail", plan, status(results.Fail, ""), 1, []gate.Kind{gate.Fail}},
		{"error", plan, status(results.Error, "no QEMU"), 3, []gate.Kind{gate.Error}},
		{"unknown status", plan, status("fine", ""), 3, []gate.Kind{gate.Error}},
		{"skip for a reason of its own", plan, status(results.Skip, "no QEMU"), 3, []gate.Kind{gate.Skip}},
		{"skip on request", plan, status(results.Skip, "requested"), 0, nil},
		{"missing", plan, green(plan)[1:], 3, []gate.Kind{gate.Missing}},
		{"no records", plan, nil, 3, []gate.Kind{gate.Missing, gate.Missing, gate.Missing, gate.Missing, gate.Missing, gate.Missing}},
		{"missing and fail", plan, status(results.Fail, "")[1:], 1, []gate.Kind{gate.Missing, gate.Fail}},
		{"not planned", planOf(1), green(plan), 3, []gate.Kind{gate.Unplanned, gate.Unplanned, gate.Unplanned}},
		{"no plan", nil, green(plan)[:1], 3, []gate.Kind{gate.BadPlan, gate.Unplanned}},
		{"no plan, no records", nil, nil, 3, []gate.Kind{gate.BadPlan}},
		{"no plan, but a fail", nil, status(results.Fail, "")[2:3], 1, []gate.Kind{gate.BadPlan, gate.Fail}},
		{"no cells", planOf(0), nil, 3, []gate.Kind{gate.BadPlan}},
		{"the same record twice", plan, append(green(plan), green(plan)...), 0, nil},
		{"id of another cell", plan, with(func(r []results.Record) []results.Record { r[0].CellID = r[5].CellID; return r }), 3, []gate.Kind{gate.Missing, gate.BadRecord}},
		{"two sources", one(), ofTwoSources(one()), 1, []gate.Kind{gate.Conflict}},
		{"two digests", plan, with(func(r []results.Record) []results.Record {
			return append(r, recordtest.Looked(r[1], "y"))
		}), 1, []gate.Kind{gate.Conflict}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := gate.Decide(tt.plan, tt.recs)
			var kinds []gate.Kind
			for _, f := range d.Findings {
				kinds = append(kinds, f.Kind)
			}
			if diff := cmp.Diff(tt.want, kinds); diff != "" || d.Exit != tt.exit {
				t.Errorf("exit %d, want %d; kinds: %s", d.Exit, tt.exit, diff)
			}
			if (d.Exit == 0) != (d.Verdict == gate.Pass) {
				t.Errorf("verdict %q with exit %d", d.Verdict, d.Exit)
			}
		})
	}
}

// TestLaws: whatever happens to a green run, it is green only while every planned step has a passing record and no
// record fails, 1 beats 3, and the order of the records does not matter.
func TestLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	statuses := []results.Status{results.Pass, results.Pass, results.Pass, results.Fail, results.Error, results.Skip}
	for range 500 {
		plan := planOf(1 + rng.IntN(4))
		recs := green(plan)
		fails, holes := false, false
		var kept []results.Record
		for _, r := range recs {
			if rng.IntN(3) == 0 {
				r.Status = statuses[rng.IntN(len(statuses))]
				if rng.IntN(2) == 0 {
					r.Reason = results.SkipRequested
				}
			}
			if r.Status == results.Skip {
				r.Subjects = nil
			}
			if rng.IntN(12) == 0 {
				holes = true
				continue
			}
			fails = fails || r.Status == results.Fail
			holes = holes || r.Status == results.Error || r.Status == results.Skip && (r.Reason != results.SkipRequested || r.Step != results.Load) // nothing else can be asked for
			kept = append(kept, r)
		}
		want := 0
		if holes {
			want = 3
		}
		if fails {
			want = 1
		}
		d := gate.Decide(plan, kept)
		if d.Exit != want {
			t.Fatalf("exit %d, want %d for %+v", d.Exit, want, kept)
		}
		rng.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
		if diff := cmp.Diff(d, gate.Decide(plan, kept)); diff != "" {
			t.Fatalf("another order decides otherwise: %s", diff)
		}
		if len(kept) > 0 && want == 0 { // taking one away is never green
			if d := gate.Decide(plan, kept[1:]); d.Exit != 3 {
				t.Fatalf("exit %d after a record was lost", d.Exit)
			}
		}
	}
}
