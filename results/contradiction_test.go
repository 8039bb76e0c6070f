package results_test

import (
	"strings"
	"testing"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/recordtest"
)

// sound are the records of a cell as a run leaves them.
func sound() []results.Record {
	cell := results.Cell{Project: "fixture:f", HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "amd64", Libc: "musl", Image: "default"}
	x, y := results.DigestOf([]byte("x")), results.DigestOf([]byte("y"))
	subject := func(name, verdict, expected string) results.Subject {
		return results.Subject{Name: name, Status: results.Pass, Verdict: verdict, Expected: expected}
	}
	recs := []results.Record{
		{Step: results.Rebuild, Verdict: "data", Expected: "clock", Subjects: []results.Subject{subject("host", "identical", "identical"), subject("./p", "data", "clock")},
			Causes: []results.Cause{{ID: "clock", Subject: "./p"}}, Artifacts: []results.Artifact{{Name: "host.a", SHA256: x}, {Name: "host.b", SHA256: x}, {Name: "plugin.0.a", SHA256: x}, {Name: "plugin.0.b", SHA256: y}}},
		{Step: results.ABI, Verdict: "abort", Expected: "abort", Subjects: []results.Subject{subject("./p", "abort", "abort")}, Artifacts: []results.Artifact{{Name: "host", SHA256: x}, {Name: "plugin.0", SHA256: x}}},
		{Step: results.Load, Verdict: "throw", Expected: "throw or signal", Subjects: []results.Subject{subject("./p", "throw", "throw or signal")}, Artifacts: []results.Artifact{{Name: "probe", SHA256: y}}},
		{Step: results.Policy, Verdict: "holds", Expected: "holds", Subjects: []results.Subject{subject("[policy]", "holds", "holds")}, Artifacts: []results.Artifact{{Name: "host", SHA256: x}, {Name: "plugin.0", SHA256: x}}},
	}
	for i := range recs {
		recs[i].Cell, recs[i].Status = cell, results.Pass
		recs[i].Inputs.Sources = x
		recs[i] = recs[i].Normal()
	}
	return recs
}

func TestWhatAnEditLeavesBehind(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(r []results.Record)
		want string // part of the flaw or of the conflict; empty: none
	}{
		{"nothing", func(r []results.Record) {}, ""},
		{"status alone", func(r []results.Record) { r[2].Subjects[0].Verdict, r[2].Verdict = "ok", "ok" }, "where \"throw or signal\""},
		{"cause removed", func(r []results.Record) { r[0].Causes = nil }, "where \"clock\""},
		{"cause of another subject", func(r []results.Record) { r[0].Causes[0].Subject = "host" }, "where \"clock\""},
		{"expectation changed", func(r []results.Record) { r[1].Subjects[0].Expected = "mismatch" }, "where \"mismatch\""},
		{"verdict changed", func(r []results.Record) { r[1].Verdict = "ok" }, "says \"ok\""},
		{"every subject skipped", func(r []results.Record) { r[1].Subjects[0].Status = results.Skip }, "nothing was looked at"},
		{"said to be skipped", func(r []results.Record) { r[1].Status, r[1].Reason = results.Skip, results.SkipRequested }, "cannot be"},
		{"the load said to be skipped", func(r []results.Record) { r[2].Status, r[2].Reason = results.Skip, results.SkipRequested }, "something was looked at"},
		{"the rebuild said to be skipped", func(r []results.Record) {
			r[0].Status, r[0].Reason, r[0].Subjects = results.Skip, results.SkipRequested, nil
		}, "what the cell builds cannot be"},
		{"everything removed from the rebuild", func(r []results.Record) { r[0].Subjects, r[0].Verdict, r[0].Expected = nil, "", "" }, "nothing was looked at"},
		{"no digests at all", func(r []results.Record) {
			for i := range r {
				r[i].Artifacts = nil
			}
		}, "of both sides of 0"},
		{"the digest of a side removed", func(r []results.Record) { r[0].Artifacts = r[0].Artifacts[:3:3]; r[0].Artifacts[1].Name = "x" }, "of both sides of 0"},
		{"made by another plugproof", func(r []results.Record) { r[2].Inputs.Tool = "v2" }, "made by v2, its plan by v1"},
		{"of another run", func(r []results.Record) { r[2].Run = "r2" }, "run r2, which is not this one"},
		{"of a run that was merged", func(r []results.Record) { r[2].Run = "r3" }, ""},
		{"verdict removed", func(r []results.Record) { r[1].Subjects[0].Verdict = "" }, "is \"\""},
		{"identical with two digests", func(r []results.Record) {
			r[0].Subjects[1].Verdict, r[0].Subjects[1].Expected, r[0].Verdict, r[0].Expected = "identical", "identical", "identical", "identical"
		}, "plugin.0.a is"},
		{"host removed", func(r []results.Record) { r[0].Subjects = r[0].Subjects[1:] }, ""}, // then there is nothing to hold it against
		{"subjects removed from the load", func(r []results.Record) { r[2].Subjects = nil }, "nothing was looked at"},
		{"plugin removed from the rebuild", func(r []results.Record) {
			r[0].Subjects = r[0].Subjects[:1]
			r[0].Verdict, r[0].Expected = "identical", "identical"
			r[0].Artifacts = r[0].Artifacts[:2]
		}, "is about"},
		{"other sources", func(r []results.Record) { r[2].Inputs.Sources = results.DigestOf([]byte("z")) }, "other sources"},
		{"another file", func(r []results.Record) { r[1].Artifacts[1].SHA256 = results.DigestOf([]byte("z")) }, "another plugin.0"},
		{"a file removed", func(r []results.Record) { r[1].Artifacts = r[1].Artifacts[:1] }, "abi did not look at the plugin.0"},
		{"policy: another file", func(r []results.Record) { r[3].Artifacts[0].SHA256 = results.DigestOf([]byte("z")) }, "policy looked at another host"},
		{"policy: a file removed", func(r []results.Record) { r[3].Artifacts = r[3].Artifacts[1:] }, "policy did not look at the host"},
		{"policy: all files removed", func(r []results.Record) { r[3].Artifacts = nil }, "policy did not look at the host"},
		{"policy: a file more", func(r []results.Record) {
			r[3].Artifacts = append(r[3].Artifacts, results.Artifact{Name: "plugin.1", SHA256: r[0].Artifacts[0].SHA256})
		}, "did not make"},
		{"policy: a shipped plugin removed", func(r []results.Record) {
			r[0].Artifacts[2].Name, r[0].Artifacts = "plugin.0", r[0].Artifacts[:3]
			r[3].Artifacts = r[3].Artifacts[:1]
		}, "policy did not look at the plugin.0"},
		{"policy: a lock is no file to be looked at", func(r []results.Record) {
			r[0].Artifacts[0].Name = "host"
			r[0].Artifacts = append(r[0].Artifacts[:1], r[0].Artifacts[2:]...)
			r[3].Artifacts = r[3].Artifacts[1:]
		}, ""},
		{"policy: no subjects", func(r []results.Record) { r[3].Subjects = []results.Subject{} }, "does not say once"},
		{"policy: an unknown subject", func(r []results.Record) { r[3].Subjects[0].Name = "go.mod:5" }, "that a policy holds is all"},
		{"policy: one subject more", func(r []results.Record) { r[3].Subjects = append(r[3].Subjects, r[3].Subjects[0]) }, "does not say once"},
		{"policy: a subject that was skipped", func(r []results.Record) { r[3].Subjects[0].Status = results.Skip }, "that a policy holds is all"},
		{"policy: a finding that was expected", func(r []results.Record) {
			s := &r[3].Subjects[0]
			s.Verdict, s.Expected, r[3].Verdict, r[3].Expected = "forbidden", "forbidden", "forbidden", "forbidden"
		}, "that a policy holds is all"},
		{"policy: predicted", func(r []results.Record) { r[3].Expected = "predicted" }, "that a policy holds is all"},
		{"policy: skipped on request", func(r []results.Record) {
			r[3].Status, r[3].Reason, r[3].Subjects = results.Skip, results.SkipRequested, nil
		}, "cannot be"},
		{"nothing was seen", func(r []results.Record) {
			r[2].Subjects[0].Verdict, r[2].Subjects[0].Expected, r[2].Verdict, r[2].Expected = "unobserved", "ok", "unobserved", "ok"
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			recs := sound()
			tc.edit(recs)
			plan := &results.Plan{Run: "r1", Merged: []string{"r1", "r3"}, Tool: "v1", Cells: []results.PlannedCell{{ID: recs[0].CellID, Cell: recs[0].Cell, Steps: []results.Step{results.Rebuild, results.ABI, results.Load, results.Policy}}}}
			l := results.NewLedger(plan, recs)
			var got []string
			for _, r := range l.Forged {
				got = append(got, r.Why)
			}
			for _, o := range l.Outcomes {
				if o.Conflict != "" {
					got = append(got, o.Conflict)
				}
			}
			if text := strings.Join(got, "; "); (text == "") != (tc.want == "") || !strings.Contains(text, tc.want) {
				t.Errorf("got %q, want %q", text, tc.want)
			}
		})
	}
}

// TestDoubledRecords: a record that is there twice hides nothing of what an edit leaves behind.
func TestDoubledRecords(t *testing.T) {
	recs := sound()
	for i := range recs { // nothing differs, so all bytes must be the same
		recs[i].Cell.Env = map[string]string{}
	}
	recs = recs[:3]
	recs[0] = recordtest.Looked(results.Record{Cell: recs[0].Cell, Step: results.Rebuild, Status: results.Pass, Verdict: "identical"}, "x").Normal()
	plan := &results.Plan{Cells: []results.PlannedCell{{ID: recs[0].CellID, Cell: recs[0].Cell, Steps: []results.Step{results.Rebuild, results.ABI, results.Load}}}}
	twice := append(append([]results.Record{}, recs...), recs...)
	for _, o := range results.NewLedger(plan, twice).Outcomes {
		if o.State != results.AsExpected || o.Attempts != 1 {
			t.Errorf("%s: %s, %d attempts, %s", o.Key.Step, o.State, o.Attempts, o.Conflict)
		}
	}
	recs[1].Artifacts[0].SHA256 = results.DigestOf([]byte("z"))
	later := recs[1]
	later.Seconds = 7
	for name, list := range map[string][]results.Record{"twice": append(append([]results.Record{}, recs...), recs...), "in two attempts": append(append([]results.Record{}, recs...), later)} {
		if o := results.NewLedger(plan, list).Outcomes[1]; !strings.Contains(o.Conflict, "another host than the rebuild made") {
			t.Errorf("%s: %s %q", name, o.State, o.Conflict)
		}
	}
}
