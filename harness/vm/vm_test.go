package vm

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
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
func inputs(t testing.TB) string {
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

// faultProgram is the program that does bad things, for the architecture.
func faultProgram(t *testing.T, arch string) rootfs.File {
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
		Files:    []rootfs.File{faultProgram(t, arch), {Name: "data", Perm: 0o644, Data: bytes.Repeat([]byte("data"), 1<<18)}},
		Commands: []guest.Command{{Path: "/payload/fault", Args: append([]string{"fault"}, args...), Report: true, IdleLimit: 3}},
		Plugins:  [][]string{{"/payload/p.so"}},
	}
}

func run(t *testing.T, m *Machine, job Job) *Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
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
