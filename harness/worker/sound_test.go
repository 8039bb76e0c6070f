package worker

import (
	"strings"
	"testing"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
)

func TestUnsound(t *testing.T) {
	c := &cell{}
	c.Plugins = []plan.PluginJob{{Job: plan.Job{Subject: "./a"}, Symbols: map[string]string{"A": "*int"}}, {Job: plan.Job{Subject: "./b"}}}
	paths := []string{"/payload/a.so", "/payload/b.so"}
	opens := "open 0\nok 0\nopen 1\nok 1\n"
	for _, tc := range []struct {
		name   string
		report string
		exit   int
		want   string
	}{
		{"all there", opens + "sym 0 A ok 2a696e74\nend\n", 0, ""},
		{"refused and looked up", "open 0\nok 0\nopen 1\nerr 1 41\nsym 0 A err 41\nend\n", 0, ""},
		{"the end was written by a plugin", opens + "end\n", 0, "1 declared symbols of ./a were to be looked up and the report has 0"},
		{"no end", opens, 0, "before the probe was done"},
		{"cut", opens + "sym 0", 0, "cut off"},
		{"two ends", opens + "sym 0 A ok 2a696e74\nend\nend\n", 0, "bytes after the end"},
		{"end, and a bad exit", opens + "sym 0 A ok 2a696e74\nend\n", 3, "ended with exit 3"},
		{"not reached is a finding already", "open 0\n", 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := vm.Result{Kind: vm.Exited, Exit: tc.exit, Report: []byte(tc.report), Plugins: guest.ReadReport([]byte(tc.report), paths, guest.FateExit).Plugins}
			if got := unsound(c, paths, r); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	rec := results.Record{Subjects: []results.Subject{{Name: "./a", Status: results.Pass, Verdict: "ok"}, {Name: "./b", Status: results.Pass, Verdict: "error"}}}
	disbelieve(&rec, "why")
	if s := rec.Subjects[0]; s.Status != results.Fail || s.Verdict != unobserved || s.Text != "why" || rec.Subjects[1].Status != results.Pass {
		t.Errorf("%+v", rec.Subjects)
	}
}
