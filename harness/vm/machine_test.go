package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plugproof/plugproof/images/rootfs"
)

// outside waits until QEMU runs with a descriptor that leads to scratch and returns its number.
func outside(t *testing.T, scratch string) int {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for range 30_000 {
		files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
		for _, file := range files {
			if to, err := os.Readlink(file); err != nil || !strings.HasPrefix(to, scratch+"/") {
				continue
			}
			process := filepath.Dir(filepath.Dir(file))
			if raw, _ := os.ReadFile(process + "/cmdline"); bytes.HasPrefix(raw, []byte("/usr")) && bytes.Contains(raw, []byte("\x00plugproof-")) {
				pid, _ := strconv.Atoi(filepath.Base(process))
				return pid
			}
		}
		<-look.C
	}
	t.Fatal("QEMU never ran")
	return 0
}

// harm is done to QEMU or to its files from outside.
type harm struct {
	name string
	do   func(t *testing.T, arch string) []string // what is not as it must be
}

var harms = []harm{
	{"QEMU is killed", func(t *testing.T, arch string) []string { return signalled(t, arch, syscall.SIGKILL, "QEMU ended") }},
	{"QEMU is stopped", func(t *testing.T, arch string) []string {
		return signalled(t, arch, syscall.SIGSTOP, "QEMU was stopped")
	}},
	{"the host's disk is full", func(t *testing.T, arch string) []string {
		m := *machine(t, arch)
		m.Saved = smallDisk(t, "4m")
		out := run(t, &m, deed(t, arch, "exit", "5"))
		if out.Kind != Exited || out.Results[0].Exit != 5 || len(out.Notes) != 1 || !strings.Contains(out.Notes[0], "no space left") {
			return []string{fmt.Sprintf("the job ended as %s (%s), notes %q", out.Kind, out.Error, out.Notes)}
		}
		return nil
	}},
	{"the saved machine is damaged", func(t *testing.T, arch string) []string {
		m := *machine(t, arch)
		m.Saved = t.TempDir()
		run(t, &m, deed(t, arch, "exit", "0"))
		files, err := filepath.Glob(filepath.Join(m.Saved, "*", "ram"))
		if err != nil || len(files) != 1 {
			return []string{fmt.Sprintf("saved machine: %v %v", files, err)}
		}
		damage(t, files[0], "bytes")
		out := run(t, &m, deed(t, arch, "exit", "5"))
		if out.Kind != Exited || out.Results[0].Exit != 5 || out.Boots != 1 {
			return []string{fmt.Sprintf("the job ended as %s (%s) after %d boots: %v", out.Kind, out.Error, out.Boots, out.Notes)}
		}
		return nil
	}},
}

// signalled sends QEMU a signal while a command runs.
func signalled(t *testing.T, arch string, signal syscall.Signal, text string) (wrong []string) {
	m := *machine(t, arch)
	run(t, &m, deed(t, arch, "exit", "0")) // so that the next run is a restore
	m.Scratch = t.TempDir()
	started := &notice{seen: make(chan struct{})}
	job := deed(t, arch, "speak")
	job.Budget, job.Stdout = 10*time.Minute, started
	pids := make(chan int, 1)
	go func() {
		<-started.seen
		pid := outside(t, m.Scratch)
		syscall.Kill(pid, signal)
		pids <- pid
	}()
	out := run(t, &m, job)
	if out.Kind != HarnessErr || !strings.Contains(out.Error, text) {
		wrong = append(wrong, fmt.Sprintf("the job ended as %s (%s), want %s with %q", out.Kind, out.Error, HarnessErr, text))
	}
	if r := out.Results[0]; r.Kind != HarnessErr || r.Plugins[0].Outcome != "unobserved" {
		wrong = append(wrong, fmt.Sprintf("the command ended as %s, its plugin as %s", r.Kind, r.Plugins[0].Outcome))
	}
	if pid := <-pids; syscall.Kill(pid, 0) == nil {
		wrong = append(wrong, "QEMU is still there")
	}
	return wrong
}

func TestHarmToQEMUIsTheHarnessesFault(t *testing.T) {
	for _, h := range harms[:2] { // the others have tests of their own
		for _, arch := range arches {
			t.Run(h.name+"/"+arch, func(t *testing.T) {
				for _, w := range h.do(t, arch) {
					t.Error(w)
				}
			})
		}
	}
}

// notice closes seen at the first byte.
type notice struct {
	seen chan struct{}
	done bool
}

func (n *notice) Write(p []byte) (int, error) {
	if !n.done {
		n.done = true
		close(n.seen)
	}
	return len(p), nil
}

func TestCancelLeavesNoQEMU(t *testing.T) {
	m := *machine(t, "amd64")
	m.Scratch = t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	pids := make(chan int, 1)
	go func() {
		pids <- outside(t, m.Scratch)
		cancel()
	}()
	_, err := m.Run(ctx, deed(t, "amd64", "sleep"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want %v", err, context.Canceled)
	}
	if pid := <-pids; syscall.Kill(pid, 0) == nil {
		t.Errorf("QEMU is still there")
	}
	left, _ := os.ReadDir(m.Scratch)
	if len(left) > 0 {
		t.Errorf("%d files are left in the scratch directory", len(left))
	}
}

var addresses = regexp.MustCompile("0x[0-9a-f]+")

func TestFreshBootAndRestoreAgree(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			restoring := *machine(t, arch)
			booting := restoring
			booting.Saved = ""
			job := deed(t, arch, "exit", "3")
			job.Commands = append(job.Commands, job.Commands[0], job.Commands[0])
			job.Commands[1].Args = []string{"fault", "panic"}
			job.Commands[2].Args = []string{"fault", "forge"}
			job.Plugins = append(job.Plugins, job.Plugins[0], job.Plugins[0])
			run(t, &restoring, job)
			a, b := run(t, &booting, job), run(t, &restoring, job)
			ignore := cmpopts.IgnoreFields(Result{}, "UserCPU", "SysCPU", "MaxRSS")
			for _, o := range []*Outcome{a, b} {
				o.Results[1].Stderr = addresses.ReplaceAll(o.Results[1].Stderr, []byte("0x"))
			}
			if diff := cmp.Diff(a.Results, b.Results, ignore); diff != "" {
				t.Errorf("booted (-) and restored (+) differ:\n%s", diff)
			}
			if r := a.Results; r[0].Exit != 3 || r[1].Kind != Thrown || r[2].Exit != 7 {
				t.Errorf("the commands ended as %s %d, %s and %s %d", r[0].Kind, r[0].Exit, r[1].Kind, r[2].Kind, r[2].Exit)
			}
			if a.Boots != 1 || b.Boots != 0 || a.Release != b.Release || a.Release == "" {
				t.Errorf("boots %d and %d, kernels %q and %q", a.Boots, b.Boots, a.Release, b.Release)
			}
			t.Logf("booted: %v CPU, %v; restored: %v CPU, %v", a.CPU, a.Wall, b.CPU, b.Wall)
		})
	}
}

func TestRestoredMachinesDiffer(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			m := machine(t, arch)
			job := deed(t, arch, "random")
			job.Commands = append(job.Commands, job.Commands[0])
			job.Commands[1].Args = []string{"fault", "clock"}
			job.Plugins = nil
			before := time.Now().Unix()
			a, b := run(t, m, job), run(t, m, job)
			if x, y := string(a.Results[0].Stdout), string(b.Results[0].Stdout); x == y || len(x) != 33 {
				t.Errorf("two machines drew %q and %q", x, y)
			}
			clock, err := strconv.ParseInt(strings.TrimSpace(string(b.Results[1].Stdout)), 10, 64)
			if err != nil || clock < before || clock > time.Now().Unix()+1 {
				t.Errorf("the guest's clock is %d (%v), the host's was %d; %s %s", clock, err, before, b.Results[1].Kind, b.Results[1].Stderr)
			}
		})
	}
}

func TestDamagedSavedMachineIsReplaced(t *testing.T) {
	m := *machine(t, "amd64")
	m.Saved = t.TempDir()
	run(t, &m, deed(t, "amd64", "exit", "0"))
	for _, tt := range []struct{ name, how string }{{"ram", "bytes"}, {"state", "short"}, {metaName, "bytes"}, {"ram", "gone"}} {
		t.Run(tt.name+"/"+tt.how, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(m.Saved, "*", tt.name))
			if err != nil || len(files) != 1 {
				t.Fatalf("saved machine: %v %v", files, err)
			}
			damage(t, files[0], tt.how)
			out := run(t, &m, deed(t, "amd64", "exit", "5"))
			if out.Kind != Exited || out.Results[0].Exit != 5 || out.Boots != 1 {
				t.Errorf("the job ended as %s (%s) after %d boots: %v", out.Kind, out.Error, out.Boots, out.Notes)
			}
			if out := run(t, &m, deed(t, "amd64", "exit", "6")); out.Boots != 0 || out.Results[0].Exit != 6 {
				t.Errorf("the replaced machine booted %d times: %v", out.Boots, out.Notes)
			}
		})
	}
}

// TestPayloadIsWhatWasGiven has the guest's kernel read a disk with all that its format knows.
func TestPayloadIsWhatWasGiven(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			big := make([]byte, 5<<20+1)
			for i := range big {
				big[i] = byte(i * 7 >> 3)
			}
			job := deed(t, arch, "tree", "/payload/t")
			job.Plugins = nil
			want := []string{"/payload/t drwxr-xr-x 1000"}
			add := func(f rootfs.File, line string) {
				job.Files, want = append(job.Files, f), append(want, line)
			}
			add(rootfs.File{Name: "t/big", Perm: 0o600, Data: big}, fmt.Sprintf("/payload/t/big -rw------- 1000 %x", sha256.Sum256(big)))
			add(rootfs.File{Name: "t/empty", Perm: 0o444}, fmt.Sprintf("/payload/t/empty -r--r--r-- 1000 %x", sha256.Sum256(nil)))
			add(rootfs.File{Name: "t/link", Target: strings.Repeat("x/", 100)}, "/payload/t/link Lrwxrwxrwx 1000 "+strings.Repeat("x/", 100))
			want = append(want, "/payload/t/many drwxr-xr-x 1000")
			for i := range 400 {
				name := fmt.Sprintf("t/many/%060d", i)
				add(rootfs.File{Name: name, Perm: 0o755, Data: []byte(name)}, fmt.Sprintf("/payload/%s -rwxr-xr-x 1000 %x", name, sha256.Sum256([]byte(name))))
			}
			r := run(t, machine(t, arch), job).Results[0]
			if diff := cmp.Diff(strings.Join(want, "\n")+"\n", string(r.Stdout)); diff != "" || r.Exit != 0 {
				t.Errorf("exit %d, %s; payload (-want +got):\n%.3000s", r.Exit, r.Stderr, diff)
			}
		})
	}
}

// TestManyFilesAtTheTop has a root directory that no saved machine knows: it is mounted anew.
func TestManyFilesAtTheTop(t *testing.T) {
	m := machine(t, "amd64")
	job := deed(t, "amd64", "tree", "/payload")
	job.Plugins = nil
	for i := range 300 {
		job.Files = append(job.Files, rootfs.File{Name: fmt.Sprintf("%040d", i), Perm: 0o644, Data: []byte("x")})
	}
	out := run(t, m, job)
	if r := out.Results[0]; r.Exit != 0 || strings.Count(string(r.Stdout), "\n") != 303 {
		t.Errorf("%s (%s), exit %d: %d lines, want 303", r.Kind, out.Error, r.Exit, strings.Count(string(r.Stdout), "\n"))
	}
}

// TestWritablePayload runs a command in a folder of the payload that it may write to.
func TestWritablePayload(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			job := deed(t, arch, "writes")
			job.Plugins = nil
			job.Commands[0].Dir, job.Commands[0].Writable = "/payload", true
			r := run(t, machine(t, arch), job).Results[0]
			if want := "/payload: <nil> <nil> <nil>\n"; string(r.Stdout) != want || r.Exit != 0 {
				t.Errorf("%s, exit %d: %q, want %q; %s %s", r.Kind, r.Exit, r.Stdout, want, r.Error, r.Stderr)
			}
		})
	}
}

func damage(t *testing.T, file, how string) {
	t.Helper()
	var err error
	switch how {
	case "bytes":
		var f *os.File
		if f, err = os.OpenFile(file, os.O_RDWR, 0); err == nil {
			_, err = f.WriteAt([]byte("damage"), 100)
			f.Close()
		}
	case "short":
		err = os.Truncate(file, 50)
	case "gone":
		err = os.Remove(file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestMissingQEMUHasAHint(t *testing.T) {
	_, err := Prepare(context.Background(), Setup{Arch: "arm", Cache: t.TempDir(), Path: []string{t.TempDir()}})
	var missing *MissingError
	if !errors.As(err, &missing) || !strings.Contains(missing.Hint(), "make deps") {
		t.Errorf("Prepare returned %v, want a *MissingError with a hint", err)
	}
}
