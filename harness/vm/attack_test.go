package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestAcceleratorIsTriedOnce(t *testing.T) {
	m := *machine(t, "amd64")
	m.Scratch = t.TempDir()
	said := 0
	setup := Setup{Arch: "amd64", Cache: t.TempDir(), Log: func(string) { said++ }}
	if err := m.choose(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	accel, why := m.Accel, m.AccelWhy
	if why == "" || accel == "tcg" && strings.Contains(why, "does not run") != (said == 1) {
		t.Errorf("%s, for %q, was said %d times", accel, why, said)
	}
	qemu := m.QEMU
	m.QEMU = "/nonexistent/qemu"
	if err := m.choose(t.Context(), setup); err != nil || m.Accel != accel || m.AccelWhy != why || said > 1 {
		t.Errorf("the second time: %s for %q, %v, said %d times; the first time %s for %q", m.Accel, m.AccelWhy, err, said, accel, why)
	}
	m.QEMU = qemu
	file := filepath.Join(setup.Cache, "accel-amd64.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", raw)
	for name, text := range map[string]string{
		"another boot": strings.Replace(string(raw), bootID(), "another", 1), "no JSON": "{", "an unknown accelerator": strings.Replace(string(raw), `"`+accel+`"`, `"hvf"`, 1),
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m.Accel = ""
		if err := m.choose(t.Context(), setup); err != nil || m.Accel != accel {
			t.Errorf("%s: %s, %v, want %s", name, m.Accel, err, accel)
		}
	}
}

// TestKVMThatOpensAndDoesNotRun falls back to emulation, says so once, leaves no QEMU, and does not try again in this boot of
// the host, not even for another Machine.
func TestKVMThatOpensAndDoesNotRun(t *testing.T) {
	m := *machine(t, "amd64")
	if why := m.kvmPossible(); why != "" {
		t.Skip(why)
	}
	m.Scratch = t.TempDir()
	var said []string
	setup := Setup{Arch: "amd64", Cache: t.TempDir(), Log: func(line string) { said = append(said, line) }}
	begun := time.Now()
	if err := m.choose(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	if m.Accel == "kvm" {
		t.Skip("KVM runs guests here")
	}
	t.Logf("fell back after %v: %s", took, m.AccelWhy)
	if m.Accel != "tcg" || len(said) != 1 || !strings.Contains(said[0], "using emulation") || !strings.Contains(said[0], m.AccelWhy) {
		t.Errorf("%s, for %q; said %q", m.Accel, m.AccelWhy, said)
	}
	// A busy host may be late in all it does, and the guest's own time is what counts: the rest is a start and a kill.
	if probeTime >= 5*time.Second || took > probeTime+time.Minute {
		t.Errorf("a guest has %v; the choice took %v", probeTime, took)
	}
	if left := machinesLeft(); left != "" {
		t.Errorf("left: %s", left)
	}
	other := Machine{Model: m.Model, QEMU: "/nonexistent/qemu", Version: m.Version}
	if err := other.choose(t.Context(), setup); err != nil || other.Accel != "tcg" || other.AccelWhy != m.AccelWhy || len(said) != 1 {
		t.Errorf("the second time: %s for %q, %v; said %q", other.Accel, other.AccelWhy, err, said)
	}
}

// TestSavedWhereNothingCanBeWritten runs all the same, and says why it boots.
func TestSavedWhereNothingCanBeWritten(t *testing.T) {
	m := *machine(t, "amd64")
	m.Saved = smallDisk(t, "4m")
	if err := syscall.Mount("", m.Saved, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
	out := run(t, &m, deed(t, "amd64", "exit", "5"))
	if out.Kind != Exited || out.Results[0].Exit != 5 || out.Boots != 1 || len(out.Notes) != 1 || !strings.Contains(out.Notes[0], "read-only") {
		t.Errorf("the job ended as %s, exit %d, after %d boots; notes %q", out.Kind, out.Results[0].Exit, out.Boots, out.Notes)
	}
}

// TestKilledWhileSaving has another process save a machine, kills it as soon as it has begun to write, and at once asks for the
// same machine.
func TestKilledWhileSaving(t *testing.T) {
	m := *machine(t, "amd64")
	if dir := os.Getenv("PLUGPROOF_TEST_SAVED"); dir != "" { // the other process
		m.Saved = dir
		run(t, &m, deed(t, "amd64", "exit", "0"))
		return
	}
	m.Saved = t.TempDir()
	other := exec.Command(os.Args[0], "-test.run=^TestKilledWhileSaving$")
	other.Env = append(os.Environ(), "PLUGPROOF_TEST_SAVED="+m.Saved)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for range 60_000 {
		if begun, _ := filepath.Glob(filepath.Join(m.Saved, ".new-*", "state")); len(begun) > 0 {
			break
		}
		<-look.C
	}
	other.Process.Kill()
	other.Wait()
	for n := range 2 {
		if out := run(t, &m, deed(t, "amd64", "exit", "5")); out.Results[0].Exit != 5 || out.Boots != 1-n || len(out.Notes) > 0 {
			t.Errorf("run %d: exit %d after %d boots, notes %q", n+1, out.Results[0].Exit, out.Boots, out.Notes)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(m.Saved, ".new-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestPruneKeepsWhatWasUsedLast(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, size int, age time.Duration) {
		t.Helper()
		for file, data := range map[string][]byte{"ram": make([]byte, size), "state": {1}, metaName: {1}} {
			path := filepath.Join(dir, name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-age)
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 6 {
		put(fmt.Sprintf("amd64-%d", i), 1<<20, time.Duration(i+1)*time.Minute)
	}
	put("amd64-keep", 1<<20, time.Hour)
	if err := os.Mkdir(filepath.Join(dir, ".new-amd64-x-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := prune(dir, "amd64-keep", 4<<20); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*-*"))
	var names []string
	for _, l := range left {
		names = append(names, filepath.Base(l))
	}
	if got := strings.Join(names, " "); got != ".new-amd64-x-1 amd64-0 amd64-1 amd64-keep" {
		t.Errorf("left: %s", got)
	}
}

// lateReader is somebody who, on a busy host, is kept from reading for a while: the delay is what is tested, nothing is waited for.
type lateReader struct {
	late time.Duration
	once sync.Once
}

func (r *lateReader) Write(b []byte) (int, error) {
	r.once.Do(func() { time.Sleep(r.late) })
	return len(b), nil
}

// TestConsoleThatIsReadLate is no hang of the command that writes to it.
func TestConsoleThatIsReadLate(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			job := deed(t, arch, "console")
			job.Commands[0].Root, job.Commands[0].IdleLimit, job.Talk = true, 2, &lateReader{late: 6 * time.Second}
			if r := run(t, machine(t, arch), job).Results[0]; r.Kind != Exited || r.Exit != 0 {
				t.Errorf("%s, exit %d (%s)", r.Kind, r.Exit, r.Error)
			}
		})
	}
}
