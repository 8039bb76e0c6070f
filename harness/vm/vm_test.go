package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/images/rootfs"
)

func TestMain(m *testing.M) {
	proc.Main()
	code := m.Run()
	for _, program := range prepared.programs {
		os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// inputs is the cache of this machine, from which kernels are taken.
func inputs(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("PLUGPROOF_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("no cache: %v", err)
		}
		cache = filepath.Join(dir, "plugproof")
	}
	return cache
}

var prepared struct {
	sync.Mutex
	machines map[string]*Machine
	programs map[string]string
}

// machine is a Machine of the architecture, or the test is skipped.
func machine(t *testing.T, arch string) *Machine {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a kernel, which -short leaves out")
	}
	prepared.Lock()
	defer prepared.Unlock()
	if m := prepared.machines[arch]; m != nil {
		return m
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	m, err := Prepare(context.Background(), Setup{Arch: arch, Cache: inputs(t), Go: goCommand, Log: func(s string) { t.Log(s) }})
	if hint, ok := err.(interface{ Hint() string }); ok {
		t.Skipf("%v: %s", err, hint.Hint())
	}
	if err != nil {
		if _, missing := os.Stat(filepath.Join(inputs(t), "inputs", "kernel-"+arch)); missing != nil {
			t.Skipf("no kernel here: %v", err)
		}
		t.Fatal(err)
	}
	if prepared.machines == nil {
		prepared.machines = map[string]*Machine{}
	}
	prepared.machines[arch] = m
	return m
}

// fault is the program that does bad things, for the architecture.
func fault(t *testing.T, arch string) rootfs.File {
	t.Helper()
	prepared.Lock()
	defer prepared.Unlock()
	if prepared.programs[arch] == "" {
		dir, err := os.MkdirTemp("", "plugproof-fault-*")
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "fault")
		c := exec.Command("go", "build", "-trimpath", "-o", out, "./testdata/fault")
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOARM=7")
		if msg, err := c.CombinedOutput(); err != nil {
			t.Fatalf("building the fault program: %v\n%s", err, msg)
		}
		if prepared.programs == nil {
			prepared.programs = map[string]string{}
		}
		prepared.programs[arch] = out
	}
	return rootfs.File{Name: "fault", Perm: 0o755, Source: prepared.programs[arch]}
}

// deed is a job of one bad deed.
func deed(t *testing.T, arch string, args ...string) Job {
	return Job{
		Files:    []rootfs.File{fault(t, arch), {Name: "data", Perm: 0o644, Data: bytes.Repeat([]byte("data"), 1<<18)}},
		Commands: []guest.Command{{Path: "/payload/fault", Args: append([]string{"fault"}, args...), Report: true, IdleLimit: 3}},
		Plugins:  [][]string{{"/payload/p.so"}},
		Budget:   8 * time.Second,
	}
}

func run(t *testing.T, m *Machine, job Job) *Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := m.Run(ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range out.Notes {
		t.Log("note:", n)
	}
	return out
}

var arches = []string{"amd64", "arm"}

func TestFaultsAreToldApart(t *testing.T) {
	for _, tt := range []struct {
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
	}{
		{deed: "exit", args: []string{"0"}, kind: Exited, out: "standard output\n", err: "standard error\n", plugin: "unobserved"},
		{deed: "exit", args: []string{"42"}, kind: Exited, exit: 42, plugin: "unobserved"},
		{deed: "who", kind: Exited, out: "1000 1000 2\ninit's environment: open /proc/1/environ: permission denied\n", plugin: "unobserved"},
		{deed: "env", kind: Exited, out: "\n", plugin: "unobserved"},
		{deed: "panic", kind: Thrown, exit: 2, err: "panic: a Go panic", plugin: "not-reached"},
		{deed: "deadlock", kind: Thrown, exit: 2, err: "all goroutines are asleep", plugin: "not-reached"},
		{deed: "null", kind: Signalled, exit: 2, signal: 11, err: "[signal SIGSEGV", plugin: "not-reached"},
		{deed: "kill", kind: Signalled, exit: -1, signal: 9, plugin: "not-reached"},
		{deed: "spin", kind: Hung, exit: 2, err: "goroutine 1", plugin: "not-reached"},
		{deed: "sleep", kind: Hung, exit: 2, err: "goroutine 1", plugin: "not-reached"},
		{deed: "ignore", kind: Hung, exit: -1, signal: 9, plugin: "not-reached"},
		{deed: "leaves", kind: Exited, out: "left: <nil>\n", plugin: "unobserved"},
		{deed: "forks", kind: Hung, exit: 2, plugin: "not-reached", also: []Kind{OutOfMemory}}, // its processes may fill the memory first
		{deed: "eats", kind: OutOfMemory, exit: -1, signal: 9, plugin: "not-reached"},
		{deed: "flood", kind: Exited, out: "0123456789abcdef", plugin: "unobserved"},
		{deed: "forge", kind: Exited, exit: 7, out: "ppf1", plugin: "ok"}, // the report is the process's own word
		{deed: "devices", kind: Exited, out: "opened ", plugin: "unobserved"},
		{deed: "kills", kind: Exited, out: "operation not permitted", plugin: "unobserved"},
		{deed: "kernel", root: true, kind: GuestPanic, whole: GuestPanic, exit: -1, plugin: "unobserved"},
		{deed: "console", root: true, kind: Exited, plugin: "unobserved"},
		{deed: "unplug", root: true, kind: Exited, out: "read: true", plugin: "unobserved"},
		{deed: "corrupt", root: true, kind: HarnessErr, whole: HarnessErr, exit: -1, plugin: "unobserved"},
	} {
		for _, arch := range arches {
			t.Run(tt.deed+strings.Join(tt.args, "")+"/"+arch, func(t *testing.T) {
				job := deed(t, arch, append([]string{tt.deed}, tt.args...)...)
				job.Commands[0].Root = tt.root
				out := run(t, machine(t, arch), job)
				r := out.Results[0]
				wantExit, wantSignal := tt.exit, tt.signal
				whole := tt.whole
				if whole == "" {
					whole = Exited
				}
				if out.Kind == whole && slices.Contains(tt.also, r.Kind) && strings.Contains(string(r.Stdout), tt.out) {
					t.Logf("ended as %s, exit %d, signal %d", r.Kind, r.Exit, r.Signal)
					return
				}
				if tt.also != nil && r.Kind == tt.kind { // how exactly depends on how busy the machine is
					wantExit, wantSignal = r.Exit, r.Signal
				}
				if out.Kind != whole || r.Kind != tt.kind || r.Exit != wantExit || r.Signal != wantSignal {
					t.Errorf("job %s (%s), command %s, exit %d, signal %d (%s); want %s, %s, %d, %d\nstdout: %.500s\nstderr: %.2000s\nconsole: %s",
						out.Kind, out.Error, r.Kind, r.Exit, r.Signal, r.Error, whole, tt.kind, wantExit, wantSignal, r.Stdout, r.Stderr, out.Console)
				}
				if !strings.Contains(string(r.Stdout), tt.out) || !strings.Contains(string(r.Stderr), tt.err) {
					t.Errorf("stdout %.500q, stderr %.2000q; want them to contain %q and %q", r.Stdout, r.Stderr, tt.out, tt.err)
				}
				if r.Plugins[0].Outcome != tt.plugin {
					t.Errorf("the plugin is %q, want %q", r.Plugins[0].Outcome, tt.plugin)
				}
				gap := fmt.Sprintf("\n[%d bytes left out]\n", r.Dropped[0])
				if tt.deed == "flood" && (r.Dropped[0]+int64(len(r.Stdout)-len(gap)) != 50<<20 || !bytes.Contains(r.Stdout, []byte(gap))) {
					t.Errorf("%d bytes kept and %d dropped of %d", len(r.Stdout), r.Dropped[0], 50<<20)
				}
				if tt.kind == Hung && tt.whole == "" && !strings.Contains(out.Console, "sysrq: Show") {
					t.Errorf("the kernel's tasks are not in the console: %.500s", out.Console)
				}
				if tt.deed == "spin" && !strings.Contains(out.Console, "info registers") {
					t.Errorf("the registers are not in the console: %.500s", out.Console)
				}
				if tt.deed == "leaves" && r.Leftovers != 1 {
					t.Errorf("%d processes were left behind, want 1", r.Leftovers)
				}
			})
		}
	}
}
