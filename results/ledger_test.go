package results_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/recordtest"
)

var cell = results.Cell{Project: "fixture:clock", HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "arm", Level: "GOARM=7", Libc: "musl", Image: "default", Env: map[string]string{"CGO_CFLAGS": ""}}

func record(step results.Step, status results.Status) results.Record {
	r := results.Record{CellID: cell.ID(), Cell: cell, Step: step, Status: status}
	if status == results.Pass {
		return recordtest.Looked(r, "x")
	}
	return r
}

func TestLineWritesUnknownAsNull(t *testing.T) {
	r := record(results.Load, results.Error)
	r.Started = time.Date(2026, 11, 23, 4, 45, 1, 123456789, time.FixedZone("", 3600))
	b, err := r.Line()
	if err != nil {
		t.Fatal(err)
	}
	line := string(b)
	if strings.Contains(strings.Replace(line, `"CGO_CFLAGS":""`, "", 1), `""`) {
		t.Errorf("an empty string outside env: %s", line)
	}
	for _, want := range []string{`"verdict":null`, `"CGO_CFLAGS":""`, `"kernel":null`, `"causes":[]`, `"started":"2026-11-23T03:45:01.123Z"`, `"schema":"plugproof/record/v1"`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
}

func TestLedgerJudgesEachStep(t *testing.T) {
	skipped := func(reason string) results.Record {
		r := record(results.Load, results.Skip)
		r.Reason = reason
		return r
	}
	artifact := func(step results.Step, verdict, content string) results.Record {
		r := record(step, results.Pass)
		r.Verdict = verdict
		return recordtest.Looked(r, content)
	}
	subject := record(results.Load, results.Pass)
	subject.Subjects = []results.Subject{{Name: "host", Status: results.Fail}}
	tests := []struct {
		name     string
		step     results.Step
		records  []results.Record
		want     results.State
		conflict bool
	}{
		{"no record", results.Load, nil, results.Missing, false},
		{"pass", results.Load, []results.Record{record(results.Load, results.Pass)}, results.AsExpected, false},
		{"fail", results.Load, []results.Record{record(results.Load, results.Fail)}, results.NotAsExpected, false},
		{"error", results.Load, []results.Record{record(results.Load, results.Error)}, results.Inconclusive, false},
		{"unknown status", results.Load, []results.Record{record(results.Load, "great")}, results.Inconclusive, false},
		{"requested skip", results.Load, []results.Record{skipped("requested")}, results.AsExpected, false},
		{"other skip", results.Load, []results.Record{skipped("no QEMU")}, results.Inconclusive, false},
		{"pass whose subject failed", results.Load, []results.Record{subject}, results.NotAsExpected, false},
		{"error, then pass", results.Load, []results.Record{record(results.Load, results.Error), record(results.Load, results.Pass)}, results.AsExpected, false},
		{"requested skip and error", results.Load, []results.Record{skipped("requested"), record(results.Load, results.Error)}, results.Inconclusive, false},
		{"fail, then pass", results.Load, []results.Record{record(results.Load, results.Fail), record(results.Load, results.Pass)}, results.NotAsExpected, true},
		{"same bytes twice", results.Rebuild, []results.Record{artifact(results.Rebuild, "identical", "x"), artifact(results.Rebuild, "identical", "x")}, results.AsExpected, false},
		{"two digests", results.Rebuild, []results.Record{artifact(results.Rebuild, "identical", "x"), artifact(results.Rebuild, "identical", "y")}, results.NotAsExpected, true},
		{"two digests of what is known to differ", results.Rebuild, []results.Record{artifact(results.Rebuild, "data", "x"), artifact(results.Rebuild, "data", "y")}, results.AsExpected, false},
		{"two verdicts", results.ABI, []results.Record{artifact(results.ABI, "ok", "x"), artifact(results.ABI, "mismatch", "x")}, results.NotAsExpected, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := &results.Plan{Cells: []results.PlannedCell{{ID: cell.ID(), Cell: cell, Steps: []results.Step{tt.step}}}}
			l := results.NewLedger(plan, tt.records)
			if len(l.Outcomes) != 1 || len(l.Stray)+len(l.Forged)+len(l.Problems) != 0 {
				t.Fatalf("got ledger %+v", l)
			}
			o := l.Outcomes[0]
			if o.State != tt.want || (o.Conflict != "") != tt.conflict {
				t.Errorf("got %q with conflict %q, want %q with conflict %v", o.State, o.Conflict, tt.want, tt.conflict)
			}
		})
	}
}

func TestLedgerNamesProblemsOfThePlan(t *testing.T) {
	pc := func(id results.CellID, steps ...results.Step) results.PlannedCell {
		return results.PlannedCell{ID: id, Cell: cell, Steps: steps}
	}
	tests := []struct {
		name string
		plan *results.Plan
		want []string
	}{
		{"none", nil, []string{"the run has no plan"}},
		{"empty", &results.Plan{}, []string{"the plan has no cells"}},
		{"other id", &results.Plan{Cells: []results.PlannedCell{pc("0123456789abcdef", results.Load)}}, []string{`the plan gives cell "fixture:clock arm go1.26.8" the id "0123456789ab", which is not its own`}},
		{"no steps", &results.Plan{Cells: []results.PlannedCell{pc(cell.ID())}}, []string{`the plan gives cell "fixture:clock arm go1.26.8" no steps`}},
		{"twice", &results.Plan{Cells: []results.PlannedCell{pc(cell.ID(), results.Load, results.Load)}}, []string{`the plan names step "load" of cell "fixture:clock arm go1.26.8" twice`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, results.NewLedger(tt.plan, nil).Problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}
