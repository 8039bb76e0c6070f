package worker

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/policy"
)

// TestPolicyRecord: a finding is red, what was not looked at is open, and nothing is green but a record that says that the policy holds.
func TestPolicyRecord(t *testing.T) {
	bad := policy.Finding{Kind: policy.Forbidden, File: "go.mod", Line: 7, Text: "no", Rule: 3}
	open := policy.Finding{Kind: policy.NotLooked, File: "host", Text: "not there", Incomplete: true}
	many := make([]policy.Finding, maxFindings+50)
	for i := range many {
		many[i] = open
	}
	many[len(many)-1] = bad
	for _, tt := range []struct {
		name  string
		found []policy.Finding
		state results.State
		want  []results.Subject
		n     int
	}{
		{"none", nil, results.AsExpected, []results.Subject{{Name: "[policy]", Status: results.Pass, Verdict: "holds", Expected: "holds"}}, 1},
		{"one", []policy.Finding{bad}, results.NotAsExpected, []results.Subject{{Name: "go.mod:7", Status: results.Fail, Verdict: "forbidden", Expected: "holds", Text: "no (plugproof.toml:3)"}}, 1},
		{"something was not looked at", []policy.Finding{open}, results.Inconclusive, []results.Subject{{Name: "host", Status: results.Error, Expected: "holds", Text: "not there"}}, 1},
		{"both", []policy.Finding{open, bad}, results.NotAsExpected, nil, 2},
		{"many, of which the last is one", many, results.NotAsExpected, nil, maxFindings + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := results.Record{Step: results.Policy}
			rec.CellID = rec.Cell.ID()
			judgePolicy(&rec, tt.found)
			if rec.State() != tt.state || rec.Flaw() != "" || len(rec.Subjects) != tt.n {
				t.Errorf("%s, %q, %d subjects: %+v", rec.State(), rec.Flaw(), len(rec.Subjects), rec)
			}
			if tt.want != nil {
				if diff := cmp.Diff(tt.want, rec.Subjects); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}
