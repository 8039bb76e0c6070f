package worker

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// oneCell is a cell with plugins of the given predictions and expectations.
func oneCell(preds []abi.Plugin, expected ...string) *cell {
	c := &cell{report: &abi.Report{Plugins: preds}}
	for _, e := range expected {
		c.Plugins = append(c.Plugins, plan.PluginJob{Job: plan.Job{Subject: "./p"}, Expected: e})
	}
	return c
}

func text(s string) *string { return &s }

func TestJudge(t *testing.T) {
	ok := abi.Plugin{Verdict: abi.OK}
	mismatch := abi.Plugin{Verdict: abi.Mismatch, Error: text("different")}
	abort := abi.Plugin{Verdict: abi.Abort, KillsHost: true}
	undecided := abi.Plugin{Verdict: abi.Abort, KillsHost: true, Undecided: text("a table is not where it is")}
	poisoned := abi.Plugin{Verdict: abi.Poisoned, KillsHost: true}
	ended := vm.Result{Kind: vm.Exited}
	absent := vm.Result{Kind: vm.NotStarted, Error: `starting "/payload/host": no such file or directory`}
	noLoader, static := abi.Plugin{Verdict: abi.HostCannotLoad}, abi.Plugin{Verdict: abi.HostCannotLoad, Error: text("Dynamic loading not supported")}
	thrown := vm.Result{Kind: vm.Thrown, Exit: 2, Stderr: []byte("fatal error: no plugin module data\n")}
	for _, tc := range []struct {
		name     string
		pred     abi.Plugin
		expected string
		seen     guest.Plugin
		process  vm.Result
		want     results.Status
	}{
		{"agrees", ok, "ok", guest.Plugin{Outcome: "ok"}, ended, results.Pass},
		{"agrees on the text", mismatch, "mismatch", guest.Plugin{Outcome: "error", Error: "different"}, ended, results.Pass},
		{"another text", mismatch, "mismatch", guest.Plugin{Outcome: "error", Error: "other"}, ended, results.Fail},
		{"prediction contradicted", ok, "ok", guest.Plugin{Outcome: "error", Error: "different"}, ended, results.Fail},
		{"prediction contradicted although nobody expected", ok, plan.Predicted, guest.Plugin{Outcome: "throw"}, thrown, results.Fail},
		{"agrees, but not as expected", mismatch, "ok", guest.Plugin{Outcome: "error", Error: "different"}, ended, results.Fail},
		{"undecided, and as expected", undecided, "ok", guest.Plugin{Outcome: "ok"}, ended, results.Pass},
		{"undecided, and not as expected", undecided, "ok", guest.Plugin{Outcome: "error", Error: "different"}, ended, results.Fail},
		{"undecided where nobody expected anything", undecided, plan.Predicted, guest.Plugin{Outcome: "ok"}, ended, results.Fail},
		{"undecided, and an error as expected", undecided, "mismatch", guest.Plugin{Outcome: "error", Error: "different"}, ended, results.Pass},
		{"killed as predicted", abort, "abort", guest.Plugin{Outcome: "throw"}, thrown, results.Pass},
		{"killed where an error was expected", abort, "mismatch", guest.Plugin{Outcome: "throw"}, thrown, results.Fail},
		{"survived what was to kill", abort, "abort", guest.Plugin{Outcome: "ok"}, ended, results.Fail},
		{"poisoned and crashed", poisoned, "poisoned", guest.Plugin{Outcome: "throw"}, thrown, results.Pass},
		{"the host's loader is absent, as predicted", noLoader, "host-cannot-load", guest.Plugin{Outcome: "not-reached"}, absent, results.Pass},
		{"the host's loader is absent, as predicted, and not as expected", noLoader, "ok", guest.Plugin{Outcome: "not-reached"}, absent, results.Fail},
		{"the host's loader is absent", ok, "ok", guest.Plugin{Outcome: "not-reached"}, absent, results.Fail},
		{"the host's loader is absent, where a host was to start and be unable to load", static, "host-cannot-load", guest.Plugin{Outcome: "not-reached"}, absent, results.Fail},
		{"the host's loader is absent, where an earlier plugin was to kill the host", abi.Plugin{Verdict: abi.NotReached}, "not-reached", guest.Plugin{Outcome: "not-reached"}, absent, results.Fail},
		{"the host's loader was to be absent", noLoader, "host-cannot-load", guest.Plugin{Outcome: "ok"}, ended, results.Fail},
		{"the machine could not start the host", ok, "ok", guest.Plugin{Outcome: "not-reached"}, vm.Result{Kind: vm.NotStarted, Error: "cannot allocate memory"}, results.Error},
		{"crash after the last open", ok, "ok", guest.Plugin{Outcome: "ok"}, vm.Result{Kind: vm.Thrown, Plugins: []guest.Plugin{{Outcome: "ok"}}}, results.Fail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := judge(oneCell([]abi.Plugin{tc.pred}, tc.expected), 0, tc.seen, tc.process)
			if got.Status != tc.want {
				t.Errorf("status %s, want %s: %+v", got.Status, tc.want, got)
			}
		})
	}
}

func TestUnseen(t *testing.T) {
	ok := abi.Plugin{Verdict: abi.OK}
	abort := abi.Plugin{Verdict: abi.Abort, KillsHost: true}
	mismatch := abi.Plugin{Verdict: abi.Mismatch, Error: text("different")}
	for _, tc := range []struct {
		name    string
		pred    abi.Plugin
		process vm.Result
		probe   bool
		want    results.Status
	}{
		{"host ended well, which proves nothing", ok, vm.Result{Kind: vm.Exited}, false, results.Error},
		{"host ended badly", ok, vm.Result{Kind: vm.Exited, Exit: 1}, false, results.Fail},
		{"host died as predicted", abort, vm.Result{Kind: vm.Thrown, Exit: 2}, false, results.Pass},
		{"host was to die and did not", abort, vm.Result{Kind: vm.Exited}, false, results.Error},
		{"an error that nobody saw", mismatch, vm.Result{Kind: vm.Exited}, false, results.Error},
		{"a silent probe", ok, vm.Result{Kind: vm.Exited}, true, results.Error},
		{"init ended the process", ok, vm.Result{Kind: vm.Exited, Plugins: []guest.Plugin{{Outcome: unobserved, Error: "the process ended by itself"}}}, true, results.Fail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := unseen(oneCell([]abi.Plugin{tc.pred}, "ok"), 0, tc.process, tc.probe)
			if got.Status != tc.want {
				t.Errorf("status %s, want %s: %+v", got.Status, tc.want, got)
			}
		})
	}
}

func TestForeign(t *testing.T) {
	paths := []string{"/payload/a.so", "/payload/b.so"}
	got := Foreign(paths, vm.Result{Kind: vm.Thrown, Stderr: []byte("x: plugin.Open(\"/payload/a\"): plugin was built with a different version of package p\nfatal error: y\n")})
	want := []guest.Plugin{
		{Path: "/payload/a.so", Outcome: "error", Error: `plugin.Open("/payload/a"): plugin was built with a different version of package p`},
		{Path: "/payload/b.so", Outcome: "throw"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for name, line := range map[string]string{
		"JSON":        `{"level":"error","err":"x: plugin.Open(\"/payload/a\"): plugin was built with a different version of package p\nmore \"y\"","n":"1"}`,
		"JSON's \\u":  `{"err":"plugin.Open(\u0022/payload/a\u0022): plugin was built with a different version of package p"}`,
		"log/slog":    `level=ERROR msg=no err="plugin.Open(\"/payload/a\"): plugin was built with a different version of package p" n=1`,
		"cut short":   `{"err":"plugin.Open(\"/payload/a\"): plugin was built with a different version of package p`,
		"other first": `{"err":"plugin.Open(\"/payload/aa\"): no"}` + "\n" + `{"err":"plugin.Open(\"/payload/a\"): plugin was built with a different version of package p"}`,
	} {
		if d := cmp.Diff(want[:1], Foreign(paths[:1], vm.Result{Kind: vm.Exited, Stderr: []byte(line + "\nend\n")})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for name, tc := range map[string]struct{ said, want string }{
		"a panic of the host's own":        {"panic: no configuration\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:9 +0x1d\nexit status 2\n", unobserved},
		"one after it said that it opened": {"opened plugin.Open(\"/payload/a.so\")\npanic: no configuration\n\ngoroutine 1 [running]:\nmain.main()\n", unobserved},
		"one of the plugin's init":         {"panic: x\n\ngoroutine 1 [running]:\nplugin.open({0xc000, 0x9})\n\t/go/src/plugin/plugin_dlopen.go:130 +0x1\nplugin.Open(...)\n", "throw"},
		"a throw of the runtime":           {"fatal error: runtime: no plugin module data\n", "throw"},
	} {
		if got := Foreign(paths[:1], vm.Result{Kind: vm.Thrown, Stderr: []byte(tc.said)}); got[0].Outcome != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := Foreign([]string{`/payload/a"b.so`}, vm.Result{Kind: vm.Exited, Stderr: []byte("plugin.Open(\"/payload/a\"b.so\"): no\n")}); got[0].Outcome != "error" {
		t.Errorf("a name with a quote: %+v", got)
	}
	got = Foreign(paths, vm.Result{Kind: vm.Exited})
	if got[0].Outcome != unobserved || got[1].Outcome != unobserved {
		t.Errorf("a silent host: %+v", got)
	}
}

func TestConclude(t *testing.T) {
	sub := func(status results.Status, verdict string) results.Subject {
		return results.Subject{Name: "x", Status: status, Verdict: verdict, Expected: "e-" + verdict, Text: results.SkipRequested}
	}
	for _, tc := range []struct {
		name    string
		subs    []results.Subject
		status  results.Status
		verdict string
	}{
		{"nothing", nil, results.Error, ""},
		{"all shipped", []results.Subject{sub(results.Skip, "")}, results.Skip, ""},
		{"the gravest verdict speaks", []results.Subject{sub(results.Pass, "identical"), sub(results.Pass, "data"), sub(results.Pass, "code"), sub(results.Pass, "debug-only")}, results.Pass, "code"},
		{"what does not build speaks", []results.Subject{sub(results.Fail, "debug-only"), sub(results.Fail, "build-failed"), sub(results.Fail, "abi")}, results.Fail, "build-failed"},
		{"the first of others that is not harmless speaks", []results.Subject{sub(results.Pass, "identical"), sub(results.Pass, "throw"), sub(results.Pass, "signal")}, results.Pass, "throw"},
		{"the gravest speaks", []results.Subject{sub(results.Pass, "data"), sub(results.Fail, "identical")}, results.Fail, "identical"},
		{"an error is no pass", []results.Subject{sub(results.Pass, "identical"), sub(results.Error, "")}, results.Error, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := results.Record{Subjects: tc.subs}
			conclude(&rec, identical)
			if rec.Status != tc.status || rec.Verdict != tc.verdict {
				t.Errorf("%s %q, want %s %q", rec.Status, rec.Verdict, tc.status, tc.verdict)
			}
		})
	}
}

func TestRunsHere(t *testing.T) {
	c := &cell{}
	c.Arch, c.Libc = "amd64", "musl"
	for _, tc := range []struct {
		host abi.Host
		good bool
	}{
		{abi.Host{Arch: "amd64", Libc: text("musl")}, true},
		{abi.Host{Arch: "amd64"}, true}, // a static one: that is for the prediction to say
		{abi.Host{Arch: "amd64", Libc: text("glibc")}, false},
		{abi.Host{Arch: "arm", Libc: text("musl")}, false},
	} {
		if err := c.runsHere(tc.host); (err == nil) != tc.good {
			t.Errorf("%+v: %v", tc.host, err)
		}
	}
}
