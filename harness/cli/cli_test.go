package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plugproof/plugproof/harness/cli"
	"github.com/plugproof/plugproof/images/cpio"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

type result struct {
	code           int
	stdout, stderr string
}

// run runs the command in dir with an environment that holds nothing but a cache.
func run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Main(cli.Env{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Dir: dir,
		Environ: []string{"PLUGPROOF_CACHE=" + filepath.Join(dir, "cache")}, Now: time.Now})
	return result{code, out.String(), errs.String()}
}

var cell = results.Cell{Project: "fixture:match", HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "amd64", Level: "GOAMD64=v1", Libc: "musl", Image: "default"}

var plan = results.Plan{Schema: results.PlanSchema, Run: "20261123T034501Z-ab12", Tool: "(devel)",
	Cells: []results.PlannedCell{{ID: cell.ID(), Cell: cell, Steps: []results.Step{results.Rebuild, results.Load}}}}

func record(step results.Step, status results.Status) results.Record {
	r := results.Record{Run: plan.Run, Cell: cell, Step: step, Status: status, Verdict: results.Identical, Expected: results.Identical,
		Subjects: []results.Subject{{Name: "./p", Status: status, Verdict: results.Identical, Expected: results.Identical}}}
	if step == results.Rebuild {
		r.Subjects = append([]results.Subject{{Name: "host", Status: results.Pass, Verdict: results.Identical, Expected: results.Identical}}, r.Subjects...)
		for _, name := range []string{"host.a", "host.b", "plugin.0.a", "plugin.0.b"} {
			r.Artifacts = append(r.Artifacts, results.Artifact{Name: name, SHA256: results.DigestOf([]byte("x")), Size: 1})
		}
	}
	return r
}

// newRun writes a run with these records under results/runs of a new directory, which it returns.
func newRun(t *testing.T, recs ...results.Record) string {
	t.Helper()
	dir := t.TempDir()
	if err := store.Write(filepath.Join(store.Dir(dir), plan.Run), plan, recs); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestExitCodesAndVoice(t *testing.T) {
	green := newRun(t, record(results.Rebuild, results.Pass), record(results.Load, results.Pass))
	red := newRun(t, record(results.Rebuild, results.Fail))
	holed := newRun(t, record(results.Rebuild, results.Pass))
	broken := newRun(t, record(results.Rebuild, results.Pass))
	if err := os.WriteFile(filepath.Join(store.Dir(broken), plan.Run, "records.jsonl"), []byte("{\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	none := t.TempDir()
	tests := []struct {
		name, dir, args string
		code            int
		stdout, stderr  string // parts of them
	}{
		{"gate, green", green, "gate", 0, "pass: 2 of 2 steps as expected", ""},
		{"gate by id", green, "gate " + plan.Run, 0, "pass", ""},
		{"gate by directory", green, "gate results/runs/" + plan.Run, 0, "pass", ""},
		{"gate, finding", red, "gate", 1, "finding: 0 of 2", ""},
		{"gate, missing record", holed, "gate", 3, "missing fixture:match amd64 go1.26.8 load", ""},
		{"gate, no plan", none, "gate .", 3, "bad-plan: the run has no plan", ""},
		{"gate, broken record", broken, "gate", 3, "", "line 1: not JSON"},
		{"gate from elsewhere", none, "-C " + green + " gate", 0, "pass", ""},
		{"no runs", none, "gate", 2, "", "plugproof: hint: name a run's directory"},
		{"no such run", none, "report nope", 2, "", `plugproof: error: no run "nope"`},
		{"report of a red run", red, "report", 0, "rebuild: not as expected", ""},
		{"report as JUnit", holed, "report --format junit", 0, "planned, and there is no record of it", ""},
		{"unknown format", green, "report --format html", 2, "", `unknown format "html"`},
		{"contradicting formats", green, "report --json --format junit", 2, "", "--json contradicts"},
		{"no command", none, "", 2, "", "plugproof: error: no command given"},
		{"unknown command", none, "gaet", 2, "", "plugproof: hint: did you mean gate?"},
		{"unknown subcommand", none, "cache pruen", 2, "", `unknown command "pruen"`},
		{"unknown flag", none, "gate --fast", 2, "", "plugproof: hint: run 'plugproof help'"},
		{"too many arguments", none, "gate a b", 2, "", "plugproof: error: "},
		{"explain, nearly", none, "explain embeded-time", 2, "", "did you mean embedded-time?"},
		{"explain, not nearly", none, "explain nothing-like-that", 2, "", "for the list"},
		{"unknown topic", none, "help gaet", 2, "", "did you mean gate?"},
		{"help of a command", none, "help merge", 0, "--out DIR", ""},
		{"topic", none, "help exit-codes", 0, "130", ""},
		{"no such directory", none, "-C nowhere version", 2, "", "plugproof: hint: give -C a directory that exists"},
		{"merge without out", green, "merge " + plan.Run, 2, "", "--out is missing"},
		{"completion of an unknown shell", none, "completion csh", 2, "", "plugproof: error: "},
		{"completion", none, "completion fish", 0, "complete -c plugproof", ""},
		{"cache of nothing", none, "cache", 0, "total", ""},
		{"bad size", none, "cache prune --max-size lots", 2, "", `"lots" is not a size`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, tt.dir, strings.Fields(tt.args)...)
			if r.code != tt.code || !strings.Contains(r.stdout, tt.stdout) || !strings.Contains(r.stderr, tt.stderr) {
				t.Errorf("exit %d, want %d\nstdout: %s\nstderr: %s", r.code, tt.code, r.stdout, r.stderr)
			}
			for _, l := range strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n") {
				if l != "" && !strings.HasPrefix(l, "plugproof: ") {
					t.Errorf("line of stderr without a prefix: %q", l)
				}
			}
		})
	}
}

// TestEveryCommandSpeaksJSON also holds each document against its schema.
func TestEveryCommandSpeaksJSON(t *testing.T) {
	dir := newRun(t, record(results.Rebuild, results.Pass))
	if err := os.MkdirAll(filepath.Join(dir, "root", "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	archive, err := cpio.Bytes([]cpio.Entry{cpio.File("init", 0o755, []byte("x"))})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"initrd": archive, "root/etc/motd": []byte("x"), "t.tsv": []byte("1_1\t2_1\t-1\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ args, kind string }{
		{"version", "version"}, {"completion bash", "completion"}, {"report", "report"}, {"gate", "gate"}, {"cache", "cache"},
		{"cache dir", "cache-dir"}, {"cache prune", "cache-prune"}, {"merge " + plan.Run + " --out merged", "merge"},
		{"plan fixture:matching", "plan"}, {"explain", "explain"}, {"explain F21", "explain"}, {"image inspect initrd", "image-inspect"},
		{"xbps keygen --no-passphrase --bits 2048 key.pem", "xbps-keygen"}, {"xbps pack --pkgver a-1_1 --arch noarch root", "xbps-pack"},
		{"xbps index --unsigned --arch x86_64-musl .", "xbps-index"}, {"xbps verify .", "xbps-verify"}, {"xbps cmpver 1_1 2_1", "xbps-cmpver"},
		{"xbps cmpver --table t.tsv", "xbps-cmpver"}, {"xbps pkgmatch a-1_1 a>2", "xbps-pkgmatch"},
	} {
		args, kind := tt.args, tt.kind
		t.Run(args, func(t *testing.T) {
			r := run(t, dir, append(strings.Fields(args), "--json")...)
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(r.stdout))
			if err != nil || strings.Count(r.stdout, "\n") != 1 {
				t.Fatalf("not one document: %v: %q %q", err, r.stdout, r.stderr)
			}
			raw, err := results.Schema(kind)
			if err != nil {
				t.Fatal(err)
			}
			var schema any
			if err := json.Unmarshal(raw, &schema); err != nil {
				t.Fatal(err)
			}
			c := jsonschema.NewCompiler()
			if err := c.AddResource(kind, schema); err != nil {
				t.Fatal(err)
			}
			if err := c.MustCompile(kind).Validate(doc); err != nil {
				t.Errorf("%v\n%s", err, r.stdout)
			}
		})
	}
}

func TestMergeKeepsLogsAndFindsConflicts(t *testing.T) {
	dir := t.TempDir()
	for i, content := range []string{"x", "y"} {
		p := plan
		p.Run = []string{"20261123T034501Z-ab12", "20261123T034502Z-cd34"}[i]
		r := record(results.Rebuild, results.Pass)
		r.Run, r.Log = p.Run, "logs/rebuild"
		r.Artifacts[0].SHA256, r.Artifacts[1].SHA256 = results.DigestOf([]byte(content)), results.DigestOf([]byte(content))
		hostile := record(results.Load, results.Pass)
		hostile.Run = p.Run
		hostile.Log = "logs/../../../secret"
		runDir := filepath.Join(store.Dir(dir), p.Run)
		if err := store.Write(runDir, p, []results.Record{r, hostile}); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(runDir, "logs"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(runDir, "logs", "rebuild"), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, dir, "merge", "20261123T034501Z-ab12", "20261123T034502Z-cd34", "--out", "all")
	if r.code != 1 || !strings.Contains(r.stdout, `conflict fixture:match amd64 go1.26.8 rebuild: artifact "host.a"`) || !strings.Contains(r.stdout, "merged 4 records of 2 runs") {
		t.Errorf("%+v", r)
	}
	for run, want := range map[string]string{"20261123T034501Z-ab12": "x", "20261123T034502Z-cd34": "y"} {
		got, err := os.ReadFile(filepath.Join(dir, "all", "logs", run, "rebuild"))
		if err != nil || string(got) != want {
			t.Errorf("log of %s: %q, %v", run, got, err)
		}
	}
	if r := run(t, dir, "gate", "all"); r.code != 1 || !strings.Contains(r.stdout, "conflict") {
		t.Errorf("gate of the merged run: %+v", r)
	}
	if r := run(t, dir, "merge", "20261123T034501Z-ab12", "--out", "all"); r.code != 2 || !strings.Contains(r.stderr, "there is a run already") {
		t.Errorf("merging over a run: %+v", r)
	}
}

// TestInterrupted cancels the command's context while it writes its output.
func TestInterrupted(t *testing.T) {
	dir := newRun(t)
	ctx, cancel := context.WithCancel(context.Background())
	var errs bytes.Buffer
	code := cli.Main(cli.Env{Args: []string{"gate"}, Stdout: interrupting(cancel), Stderr: &errs, Dir: dir, Now: time.Now, Context: ctx})
	if code != cli.ExitInterrupted || errs.String() != "plugproof: error: interrupted\n" {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
}

type interrupting func()

func (cancel interrupting) Write([]byte) (int, error) {
	cancel()
	return 0, os.ErrClosed
}
