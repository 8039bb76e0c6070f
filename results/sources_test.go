package results_test

import (
	"strings"
	"testing"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/recordtest"
)

// TestOneSource: cells of one project are of one set of sources, whatever arrives first; other projects, records that say nothing, and
// Go's own tests of another Go have their own.
func TestOneSource(t *testing.T) {
	type sight struct {
		project, host, arch, sources string
		status                       results.Status
	}
	for _, tt := range []struct {
		name   string
		sights []sight
		want   string // part of the conflict; empty: there is none
	}{
		{"one", []sight{{"p", "go1.26.8", "amd64", "x", results.Pass}, {"p", "go1.26.8", "arm", "x", results.Pass}}, ""},
		{"two", []sight{{"p", "go1.26.8", "amd64", "x", results.Pass}, {"p", "go1.26.8", "arm", "y", results.Pass}}, "2d711642b726 in p amd64 go1.26.8 and a1fce4363854 in p arm go1.26.8"},
		{"two Gos", []sight{{"p", "go1.25.3", "arm", "x", results.Pass}, {"p", "go1.26.8", "arm", "y", results.Pass}}, "p arm go1.25.3"},
		{"two, one of them failed", []sight{{"p", "go1.26.8", "amd64", "x", results.Pass}, {"p", "go1.26.8", "arm", "y", results.Fail}}, "in p arm"},
		{"two attempts", []sight{{"p", "go1.26.8", "amd64", "x", results.Pass}, {"p", "go1.26.8", "amd64", "y", results.Pass}}, "earlier step or attempt"},
		{"an attempt in vain", []sight{{"p", "go1.26.8", "amd64", "x", results.Pass}, {"p", "go1.26.8", "amd64", "y", results.Error}}, ""},
		{"two projects", []sight{{"p", "go1.26.8", "amd64", "x", results.Pass}, {"q", "go1.26.8", "amd64", "y", results.Pass}}, ""},
		{"nothing known", []sight{{"p", "go1.26.8", "amd64", "x", results.Pass}, {"p", "go1.26.8", "arm", "", results.Pass}}, ""},
		{"Go's tests", []sight{{"testplugin:T", "go1.25.3", "arm", "x", results.Pass}, {"testplugin:T", "go1.26.8", "arm", "y", results.Pass}}, ""},
		{"Go's tests of one Go", []sight{{"testplugin:T", "go1.26.8", "amd64", "x", results.Pass}, {"testplugin:T", "go1.26.8", "arm", "y", results.Pass}}, "testplugin:T arm"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := &results.Plan{}
			var recs []results.Record
			known := map[results.CellID]bool{}
			for _, s := range tt.sights {
				cell := results.Cell{Project: s.project, HostGo: s.host, PluginGo: s.host, Arch: s.arch}
				r := recordtest.Looked(results.Record{Cell: cell, Step: results.Rebuild, Status: s.status, Verdict: "identical"}, "x").Normal()
				if s.sources != "" {
					r.Inputs.Sources = results.DigestOf([]byte(s.sources))
				}
				recs = append(recs, r)
				if !known[cell.ID()] {
					plan.Cells = append(plan.Cells, results.PlannedCell{ID: cell.ID(), Cell: cell, Steps: []results.Step{results.Rebuild}})
				}
				known[cell.ID()] = true
			}
			var got []string
			for _, o := range results.NewLedger(plan, recs).Outcomes {
				if o.Conflict != "" {
					got = append(got, o.Conflict)
					if o.State != results.NotAsExpected {
						t.Errorf("a conflict is %s", o.State)
					}
				}
			}
			if text := strings.Join(got, "; "); (text == "") != (tt.want == "") || !strings.Contains(text, tt.want) || len(got) > 1 {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}
