package vm

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/images/rootfs"
)

var (
	// hangBudget is what a hang costs here in QEMU's CPU time.
	hangBudget = flag.Duration("vm.budget", 4*time.Second, "QEMU's CPU time after which a command that spins hangs")
	rounds     = flag.Int("vm.rounds", 0, "how often TestFaultRounds does each deed; 0 leaves it out")
	bulk       = flag.Bool("vm.bulk", true, "TestFaultRounds does the deeds, too, that the other tests leave out")
	deeds      = flag.String("vm.deeds", "", "TestFaultRounds does only the deeds of which the name fits this regular `expression`")
)

// fault is one bad deed and how it must end.
type fault struct {
	deed   string
	args   []string
	root   bool
	kind   Kind // of the command
	whole  Kind // of the job; "" is Exited
	exit   int  // of the command
	signal int
	out    string // contained in its standard output
	err    string // contained in its standard error
	plugin string // outcome of the plugin that it never opens
	also   []Kind // other ends that are as true

	init string // outcome of the plugin that does it when it is opened; "" if that makes no sense
	hang bool   // as a plugin it hangs: with cgo, Go's runtime does not see a deadlock
	bulk bool   // left to TestFaultRounds
}

var faults = []fault{
	{deed: "exit", args: []string{"0"}, kind: Exited, out: "standard output\n", err: "standard error\n", plugin: "unobserved", init: "unobserved"},
	{deed: "exit", args: []string{"42"}, kind: Exited, exit: 42, plugin: "unobserved", init: "unobserved"},
	{deed: "who", kind: Exited, out: "1000 1000 2\ninit's environment: open /proc/1/environ: permission denied\n", plugin: "unobserved"},
	{deed: "env", kind: Exited, out: "\n", plugin: "unobserved"},
	{deed: "panic", kind: Thrown, exit: 2, err: "panic: a Go panic", plugin: "not-reached", init: "throw"},
	{deed: "deadlock", kind: Thrown, exit: 2, err: "all goroutines are asleep", plugin: "not-reached", init: "hang", hang: true},
	{deed: "null", kind: Signalled, exit: 2, signal: 11, err: "[signal SIGSEGV", plugin: "not-reached", init: "signal"},
	{deed: "kill", kind: Signalled, exit: -1, signal: 9, plugin: "not-reached", init: "signal"},
	{deed: "spin", kind: Hung, exit: 2, err: "goroutine 1", plugin: "not-reached", init: "hang"},
	{deed: "sleep", kind: Hung, exit: 2, err: "goroutine 1", plugin: "not-reached", init: "hang"},
	{deed: "ignore", kind: Hung, exit: -1, signal: 9, plugin: "not-reached", init: "hang"},
	{deed: "leaves", kind: Exited, out: "left: <nil>\n", plugin: "unobserved"},
	{deed: "forks", kind: Hung, exit: 2, plugin: "not-reached", also: []Kind{OutOfMemory}, init: "hang"}, // its processes may fill the memory first
	{deed: "eats", kind: OutOfMemory, exit: -1, signal: 9, plugin: "not-reached", init: "signal"},
	{deed: "flood", kind: Exited, out: "0123456789abcdef", plugin: "unobserved", init: "ok"},
	{deed: "forge", kind: Exited, exit: 7, out: "ppf1", plugin: "ok", init: "unobserved"}, // the report is the process's own word
	{deed: "devices", kind: Exited, out: "opened ", plugin: "unobserved", init: "ok"},
	{deed: "kills", kind: Exited, out: "operation not permitted", plugin: "unobserved", init: "ok"},
	{deed: "kernel", root: true, kind: GuestPanic, whole: GuestPanic, exit: -1, plugin: "unobserved", init: "unobserved"},
	{deed: "console", root: true, kind: Exited, plugin: "unobserved", init: "ok"},
	{deed: "unplug", root: true, kind: Exited, out: "read: true", plugin: "unobserved", init: "ok"},
	{deed: "corrupt", root: true, kind: HarnessErr, whole: HarnessErr, exit: -1, plugin: "unobserved", init: "unobserved"},
}

// budget is short where the deed is to hang: all else must be done within it, on however busy a host.
func (f fault) budget() time.Duration {
	if f.kind == Hung {
		return *hangBudget
	}
	return DefaultBudget
}

// check says what is not as it must be.
func (f fault) check(out *Outcome) []string {
	var wrong []string
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	r := out.Results[0]
	whole := f.whole
	if whole == "" {
		whole = Exited
	}
	if !strings.Contains(string(r.Stdout), f.out) {
		fail("stdout %.500q does not contain %q", r.Stdout, f.out)
	}
	if out.Kind == whole && slices.Contains(f.also, r.Kind) {
		return wrong
	}
	exit, signal := f.exit, f.signal
	if f.also != nil && r.Kind == f.kind { // how exactly depends on how busy the machine is
		exit, signal = r.Exit, r.Signal
	}
	if out.Kind != whole || r.Kind != f.kind || r.Exit != exit || r.Signal != signal {
		fail("job %s (%s), command %s, exit %d, signal %d (%s); want %s, %s, %d, %d\nstdout: %.500s\nstderr: %.2000s\nconsole: %s",
			out.Kind, out.Error, r.Kind, r.Exit, r.Signal, r.Error, whole, f.kind, exit, signal, r.Stdout, r.Stderr, out.Console)
	}
	if !strings.Contains(string(r.Stderr), f.err) {
		fail("stderr %.2000q does not contain %q", r.Stderr, f.err)
	}
	if r.Plugins[0].Outcome != f.plugin {
		fail("the plugin is %q, want %q", r.Plugins[0].Outcome, f.plugin)
	}
	gap := fmt.Sprintf("\n[%d bytes left out]\n", r.Dropped[0])
	if f.deed == "flood" && (r.Dropped[0]+int64(len(r.Stdout)-len(gap)) != 50<<20 || !bytes.Contains(r.Stdout, []byte(gap))) {
		fail("%d bytes kept and %d dropped of %d", len(r.Stdout), r.Dropped[0], 50<<20)
	}
	if f.kind == Hung && f.whole == "" && !strings.Contains(out.Console, "sysrq: Show") {
		fail("the kernel's tasks are not in the console: %.500s", out.Console)
	}
	if f.deed == "spin" && !strings.Contains(out.Console, "info registers") {
		fail("the registers are not in the console: %.500s", out.Console)
	}
	if f.deed == "leaves" && r.Leftovers != 1 {
		fail("%d processes were left behind, want 1", r.Leftovers)
	}
	return wrong
}

func TestFaultsAreToldApart(t *testing.T) {
	for _, f := range slices.Concat(faults, moreFaults) {
		if f.bulk {
			continue
		}
		for _, arch := range arches {
			t.Run(f.deed+strings.Join(f.args, "")+"/"+arch, func(t *testing.T) {
				job := deed(t, arch, append([]string{f.deed}, f.args...)...)
				job.Commands[0].Root, job.Budget = f.root, f.budget()
				for _, w := range f.check(run(t, machine(t, arch), job)) {
					t.Error(w)
				}
			})
		}
	}
}

// asPlugin is the same deed done by a plugin in a real host, when it is opened or when its function is called.
func (f fault) asPlugin(when string, files []rootfs.File) (fault, Job) {
	job := Job{
		Files: append(slices.Clone(files), rootfs.File{Name: "data", Perm: 0o644, Data: bytes.Repeat([]byte("data"), 1<<18)}),
		Commands: []guest.Command{{Path: "/payload/host", Args: []string{"/payload/host", "/payload/p.so"}, Report: true, IdleLimit: 2, Root: f.root,
			Env: []string{"DEED_WHEN=" + when, "DEED=" + strings.Join(append([]string{f.deed}, f.args...), " ")}}},
		Plugins: [][]string{{"/payload/p.so"}},
		Budget:  f.budget(),
	}
	if f.hang {
		f.kind, f.exit, f.err = Hung, 2, "SIGQUIT"
	}
	f.plugin = f.init
	if when == "call" {
		f.plugin = "ok"
	}
	return f, job
}

// plugins builds the host and the plugin for the architecture. The first time that compiles much of the standard library.
func plugins(t testing.TB, arch string) ([]rootfs.File, *Machine) {
	t.Helper()
	store := toolchain.Store{Cache: inputs(t)}
	c, err := store.C(t.Context(), arch, "musl", nil)
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	var files []rootfs.File
	for _, f := range []struct{ name, pkg, mode string }{{"host", "./testdata/host", "default"}, {"p.so", "./testdata/fault", "plugin"}} {
		build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-buildmode="+f.mode, "-o", filepath.Join(dir, f.name), f.pkg)
		build.Env = append(os.Environ(), c.Env...)
		build.Env = append(build.Env, "PATH="+strings.Join(append(c.Path, os.Getenv("PATH")), ":"))
		if msg, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", f.name, err, msg)
		}
		files = append(files, rootfs.File{Name: f.name, Perm: 0o755, Source: filepath.Join(dir, f.name)})
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	m, err := Prepare(t.Context(), Setup{Arch: arch, Cache: inputs(t), Go: goCommand, Loader: c.Loader, LoaderPath: c.LoaderPath})
	if err != nil {
		t.Fatal(err)
	}
	return files, m
}

// TestFaultRounds does every deed -vm.rounds times: as a command, as a plugin that is opened, as a plugin's function, and to
// QEMU itself. It prints a table. `make faults` runs it.
func TestFaultRounds(t *testing.T) {
	if *rounds == 0 {
		t.Skip("takes long; make faults runs it")
	}
	type row struct {
		name string
		do   func(t *testing.T, arch string) []string
	}
	var table []row
	files, machines := map[string][]rootfs.File{}, map[string]*Machine{}
	for _, arch := range arches {
		files[arch], machines[arch] = plugins(t, arch)
	}
	for _, f := range slices.Concat(faults, moreFaults) {
		if f.bulk && !*bulk {
			continue
		}
		name := strings.TrimSpace(f.deed + " " + strings.Join(f.args, " "))
		table = append(table, row{name, func(t *testing.T, arch string) []string {
			job := deed(t, arch, append([]string{f.deed}, f.args...)...)
			job.Commands[0].Root, job.Budget = f.root, f.budget()
			return f.check(run(t, machine(t, arch), job))
		}})
		if f.init != "" {
			table = append(table, row{name + ", by a plugin's init", func(t *testing.T, arch string) []string {
				g, job := f.asPlugin("init", files[arch])
				return g.check(run(t, machines[arch], job))
			}})
		}
		if f.init != "" && f.whole == "" && !f.root {
			table = append(table, row{name + ", by a plugin's function", func(t *testing.T, arch string) []string {
				g, job := f.asPlugin("call", files[arch])
				return g.check(run(t, machines[arch], job))
			}})
		}
	}
	for _, h := range harms {
		table = append(table, row{h.name, h.do})
	}
	some, err := regexp.Compile(*deeds)
	if err != nil {
		t.Fatal(err)
	}
	table = slices.DeleteFunc(table, func(r row) bool { return !some.MatchString(r.name) })
	good := map[string][]int{}
	t.Run("deeds", func(t *testing.T) {
		for _, arch := range arches {
			good[arch] = make([]int, len(table))
			t.Run(arch, func(t *testing.T) {
				t.Parallel()
				for n := range *rounds {
					for i, r := range table {
						wrong := r.do(t, arch)
						if len(wrong) == 0 {
							good[arch][i]++
						}
						for _, text := range wrong {
							t.Errorf("%s, round %d: %s", r.name, n+1, text)
						}
					}
					t.Logf("round %d of %d: all %d deeds", n+1, *rounds, len(table))
				}
			})
		}
	})
	if left := machinesLeft(); left != "" {
		t.Errorf("left: %s", left)
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "deed\t%s\n", strings.Join(arches, "\t"))
	for i, r := range table {
		fmt.Fprint(w, r.name)
		for _, arch := range arches {
			fmt.Fprintf(w, "\t%d of %d", good[arch][i], *rounds)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Print(text.String())
}

// machinesLeft is the command line of a process that this one started and did not wait for.
func machinesLeft() string {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest) // state, parent
		if len(fields) > 1 && fields[1] == fmt.Sprint(os.Getpid()) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			return file + " " + string(bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
		}
	}
	return ""
}
