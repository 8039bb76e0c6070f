package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/script"
)

// scriptDoc is the `script --json` document.
type scriptDoc struct {
	Schema  string         `json:"schema"`
	Scripts []scriptResult `json:"scripts"`
}

type scriptResult struct {
	File   string `json:"file"`
	Status string `json:"status"` // "pass", "fail" or "skip"
	Reason string `json:"reason"` // why it was skipped
	Log    string `json:"log"`    // of one that failed
}

type scriptFlags struct {
	env    []string
	goName string
	update bool
	keep   bool
	skips  bool
}

func newScriptCmd(a *app) *cobra.Command {
	var f scriptFlags
	cmd := &cobra.Command{
		Use:   "script FILE.txtar...",
		Short: "Run scenarios",
		Long: `Run scenarios: testscript files (github.com/rogpeppe/go-internal/testscript) with plugproof's own commands and
conditions, which scripts/README.md explains. Each runs in a directory of its own with an empty home; this plugproof
and its cache are theirs too, and $HERE is the directory that -C names.
A scenario is skipped if it says so, or if lines of it were left out because the machine lacks what [guest:ARCH]
or [netns] asks for. Exit 0 if every scenario passed, 1 if one failed, whose log is on stdout, 3 if one was skipped,
unless --allow-skip.`,
		Example: "  plugproof script testdata/*.txtar",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.script(cmd.Context(), f, args)
		},
	}
	cmd.Flags().StringArrayVar(&f.env, "env", nil, "`NAME=VALUE` in the scenarios' environment")
	cmd.Flags().StringVar(&f.goName, "go", defaultGo, "the Go under test, `VERSION`: $GO in the scenarios, and what [go>=1.24] is about")
	cmd.Flags().BoolVar(&f.skips, "allow-skip", false, "exit 0 although scenarios were skipped, if one passed and none failed")
	cmd.Flags().BoolVar(&f.update, "update", false, "rewrite what the scenarios compare with")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "keep the directories that the scenarios ran in")
	return cmd
}

// scriptBin tells the process in which scenarios run where the plugproof of their PATH is.
const scriptBin = "PLUGPROOF_SCRIPT_BIN"

func (a *app) script(ctx context.Context, f scriptFlags, args []string) error {
	spec, hint, err := plan.ParseGo(f.goName)
	if err != nil {
		return usagef(hint, "%w", err)
	}
	if spec.Path != "" { // scenarios run elsewhere
		spec.Path = a.path(spec.Path)
	}
	env := map[string]string{"HERE": a.dir, "GO": spec.String()}
	for _, e := range f.env {
		name, value, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			return usagef("write --env NAME=VALUE", "env %q is no pair", e)
		}
		env[name] = value
	}
	var files []string
	for _, file := range args {
		info, err := os.Stat(a.path(file))
		if err != nil {
			return usagef("name scenarios", "%w", err)
		}
		if !info.Mode().IsRegular() {
			return usagef("name files, like "+filepath.Join(file, "*.txtar"), "%q is no file", file)
		}
		files = append(files, a.path(file))
	}
	cache, err := a.openCache()
	if err != nil {
		return err
	}
	bin := a.getenv(scriptBin)
	if bin == "" {
		return a.scriptBeneath(ctx, cache, f)
	}
	env["PLUGPROOF_CACHE"] = cache
	env["PATH"] = bin + string(filepath.ListSeparator) + a.getenv("PATH")
	return a.scenarios(script.Options{Env: env, Update: f.update, Keep: f.keep}, f.skips, files, args)
}

// scriptBeneath runs this command again as a child that cannot outlive this process, for scenarios start what they like.
func (a *app) scriptBeneath(ctx context.Context, cache string, f scriptFlags) error {
	base := filepath.Join(cache, "scratch")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	dir, done, err := ownScratch(base)
	if err != nil {
		return err
	}
	defer done()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "bin", "plugproof")
	if err := os.Mkdir(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(self, program); err != nil {
		return err
	}
	environ := append(slices.Clip(a.env.Environ), scriptBin+"="+filepath.Dir(program))
	if !f.keep {
		environ = append(environ, "GOTMPDIR="+dir) // where testscript works, which ends with this process
	}
	r, err := proc.Run(ctx, proc.Cmd{Path: program, Args: a.env.Args, Dir: a.env.Dir, Env: environ, Stdout: a.env.Stdout, Stderr: a.env.Stderr, Network: true, Umask: -1})
	if err != nil {
		return err
	}
	return verdict(r.ExitCode)
}

// scenarios runs the files one after the other and says what became of each; args are their names.
func (a *app) scenarios(o script.Options, allowSkip bool, files, args []string) error {
	doc := scriptDoc{Schema: "plugproof/script/v1"}
	counts := map[string]int{}
	var t *scenario
	o.Lacks = func(cond string) { t.lacks(cond) }
	p := script.Params(o)
	for i, file := range files {
		p.Files = []string{file}
		t = &scenario{verbose: a.verbose}
		stop := a.beat("running " + oneLine(args[i]))
		if data, err := os.ReadFile(file); err == nil && !script.Says(data) {
			t.run(func() { t.Fatal("FAIL: " + oneLine(args[i]) + ": there is no command in it") })
		} else {
			t.run(func() { testscript.RunT(t, p) })
		}
		stop()
		r := t.result(args[i])
		counts[r.Status]++
		doc.Scripts = append(doc.Scripts, r)
		if a.json {
			continue
		}
		if err := a.print(scriptText(r, t, a.verbose)); err != nil {
			return err
		}
	}
	if a.json {
		if err := a.printJSON(doc); err != nil {
			return err
		}
	}
	switch skipped := counts["skip"]; {
	case counts["fail"] > 0:
		return exitCode(ExitFinding)
	case skipped > 0 && (!allowSkip || counts["pass"] == 0):
		return incompletef("provide what they need (plugproof doctor); where some may be left out: --allow-skip, and end with stop what is not meant for this case",
			"%d of %d scenarios skipped: nothing is known of them", skipped, len(files))
	}
	return nil
}

// scriptText is one line for a scenario, after its log if that is wanted.
func scriptText(r scriptResult, t *scenario, verbose bool) string {
	var b strings.Builder
	if r.Status == "fail" || verbose {
		b.WriteString(strings.TrimRight(t.text.String(), "\n"))
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s: %s", oneLine(r.File), r.Status)
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", oneLine(r.Reason))
	}
	b.WriteByte('\n')
	return b.String()
}

// scenario is the testscript.T of one file. Its methods that end a test do so by a panic, which run takes back.
type scenario struct {
	verbose bool

	mu      sync.Mutex
	text    bytes.Buffer
	failed  bool
	skipped bool
	reason  string
	lacking []string // conditions for which lines were left out
}

// lacks notes that something is not here which the scenario asks for.
func (t *scenario) lacks(cond string) {
	if !slices.Contains(t.lacking, cond) {
		t.lacking = append(t.lacking, cond)
	}
}

// result is what became of the scenario. One that was to do more than this machine can is skipped, not passed.
func (t *scenario) result(file string) scriptResult {
	r := scriptResult{File: file, Status: "pass", Reason: t.reason}
	switch {
	case t.failed:
		r.Status, r.Log = "fail", t.text.String()
	case t.skipped:
		r.Status = "skip"
	case len(t.lacking) > 0:
		r.Status, r.Reason = "skip", "lines were left out, for this machine lacks ["+strings.Join(t.lacking, "], [")+"]"
	}
	return r
}

// errEnded is what a scenario panics with.
var errEnded = errors.New("the scenario has ended")

func (t *scenario) run(do func()) {
	defer func() {
		if r := recover(); r != nil && r != any(errEnded) {
			panic(r)
		}
	}()
	do()
}

// Run is called by testscript once for the file.
func (t *scenario) Run(_ string, f func(testscript.T)) { t.run(func() { f(t) }) }

func (t *scenario) Skip(args ...any) {
	t.skipped, t.reason = true, strings.TrimSpace(fmt.Sprint(args...))
	panic(errEnded)
}

func (t *scenario) Fatal(args ...any) {
	t.Log(args...)
	t.FailNow()
}

func (t *scenario) FailNow() {
	t.failed = true
	panic(errEnded)
}

func (t *scenario) Log(args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(&t.text, args...)
}

// Parallel does nothing: scenarios run one after the other, for each may use the whole machine.
func (t *scenario) Parallel() {}

// Verbose is for testscript: log what passed as well.
func (t *scenario) Verbose() bool { return t.verbose }
