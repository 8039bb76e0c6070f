package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/gate"
	"github.com/plugproof/plugproof/results/report"
)

// TestNotes: what is to be told of plugins that are as expected is told once, and changes no verdict.
func TestNotes(t *testing.T) {
	plan := &results.Plan{Schema: results.PlanSchema, Run: "20261123T034501Z-ab12"}
	var recs []results.Record
	add := func(c results.Cell, status results.Status, subjects ...results.Subject) results.CellID {
		plan.Cells = append(plan.Cells, results.PlannedCell{ID: c.ID(), Cell: c, Steps: []results.Step{results.ABI}})
		worst := subjects[len(subjects)-1]
		recs = append(recs, results.Record{Run: plan.Run, Cell: c, Step: results.ABI, Status: status, Verdict: worst.Verdict, Expected: worst.Expected, Subjects: subjects}.Normal())
		return c.ID()
	}
	sub := func(name, note string) results.Subject {
		return results.Subject{Name: name, Status: results.Pass, Verdict: "ok", Expected: "ok", Text: "long", Note: note}
	}
	bad := results.Subject{Name: "./q", Status: results.Fail, Verdict: "mismatch", Expected: "ok", Text: "long", Note: "told below"}
	one := add(cell("x", "amd64", "GOAMD64=v1", "go1.26.8"), results.Pass, sub("./p", "two versions of s\x1b[1m"), sub("./r", ""))
	two := add(cell("x", "arm", "GOARM=7", "go1.26.8"), results.Pass, sub("./p", "two versions of s\x1b[1m"))
	other := add(cell("y", "amd64", "GOAMD64=v1", "go1.26.8"), results.Pass, sub("./p", "two versions of s\x1b[1m"))
	red := add(cell("z", "amd64", "GOAMD64=v1", "go1.26.8"), results.Fail, sub("./p", "two versions of t"), bad)
	r := report.New(plan, recs)
	want := []report.Note{
		{Subject: "./p", Text: "two versions of s\x1b[1m", Cells: []results.CellID{one, two}},
		{Subject: "./p", Text: "two versions of s\x1b[1m", Cells: []results.CellID{other}},
		{Subject: "./p", Text: "two versions of t", Cells: []results.CellID{red}},
	}
	if diff := cmp.Diff(want, r.Notes); diff != "" {
		t.Error(diff)
	}
	_, below, _ := strings.Cut(string(text(t, r, report.Style{})), "\n\n")
	notes, _, _ := strings.Cut(below, "\n\nwhy z")
	if diff := cmp.Diff(`note x amd64 go1.26.8 and 1 cell more, ./p: two versions of s�[1m
note y amd64 go1.26.8, ./p: two versions of s�[1m
note z amd64 go1.26.8, ./p: two versions of t`, notes); diff != "" {
		t.Error(diff)
	}
	x, err := r.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(x), "note: ./p: two versions of "); n != 4 {
		t.Errorf("%d test cases have a note", n)
	}
	plan.Cells, recs = plan.Cells[:3], recs[:3]
	if d := gate.Decide(plan, recs); d.Exit != 0 || report.New(plan, recs).Totals.AsExpected != 3 {
		t.Errorf("a note makes the exit code %d", d.Exit)
	}
}
