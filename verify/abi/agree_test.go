package abi

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plugproof/plugproof/images/links"
)

// yard builds hosts and plugins once per test, in a directory of its own.
type yard struct {
	t    testing.TB
	dir  string
	cc   string
	libc string
}

// newYard skips where programs of that libc cannot be built and run.
func newYard(t testing.TB, libc, cc string) *yard {
	t.Helper()
	if testing.Short() {
		t.Skip("builds programs and opens plugins for real")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("runs amd64 programs natively")
	}
	for _, tool := range []string{"go", cc} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	y := &yard{t: t, dir: t.TempDir(), cc: cc, libc: libc}
	y.tree("base")
	return y
}

// tree writes the sources, with replacements: file, old, new.
func (y *yard) tree(name string, edit ...string) {
	y.t.Helper()
	ar, err := txtar.ParseFile("testdata/agree.txtar")
	if err != nil {
		y.t.Fatal(err)
	}
	for _, f := range ar.Files {
		data := string(f.Data)
		for i := 0; i+2 < len(edit); i += 3 {
			if edit[i] == f.Name {
				if !strings.Contains(data, edit[i+1]) {
					y.t.Fatalf("%s does not contain %q", f.Name, edit[i+1])
				}
				data = strings.Replace(data, edit[i+1], edit[i+2], 1)
			}
		}
		y.write(filepath.Join("src", name, f.Name), []byte(data))
	}
}

func (y *yard) write(name string, data []byte) {
	y.t.Helper()
	file := filepath.Join(y.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		y.t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) read(name string) []byte {
	y.t.Helper()
	b, err := os.ReadFile(filepath.Join(y.dir, name))
	if err != nil {
		y.t.Fatal(err)
	}
	return b
}

// build makes dir/out from a package of a tree. Names that end in .so are plugins.
func (y *yard) build(out, tree, pkg string, env []string, flags ...string) {
	y.t.Helper()
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(y.dir, out)}
	if strings.HasSuffix(out, ".so") {
		args = append(args, "-buildmode=plugin")
	}
	cmd := exec.Command("go", append(append(args, flags...), "./"+pkg)...)
	cmd.Dir = filepath.Join(y.dir, "src", tree)
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOTOOLCHAIN=local", "GOWORK=off", "CGO_ENABLED=1", "CC="+y.cc), env...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		y.t.Fatalf("building %s: %v\n%s", out, err, msg)
	}
}

func (y *yard) run(name string, args ...string) {
	y.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = y.dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		y.t.Fatalf("%s %q: %v\n%s", name, args, err, msg)
	}
}

// result is one open as a process saw it.
type result struct {
	Outcome string // ok, error, dead (the process ended inside it), not-reached
	Text    string
}

// open runs the host for real.
func (y *yard) open(host string, plugins []string) []result {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(y.dir, host), plugins...)
	cmd.Dir = y.dir
	cmd.Env = []string{"LD_LIBRARY_PATH="}
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		y.t.Fatalf("running %s: %v", host, err)
	}
	res := make([]result, len(plugins))
	for i := range res {
		res[i].Outcome = "not-reached"
	}
	for line := range strings.Lines(string(out)) {
		var kind string
		var i int
		if n, _ := fmt.Sscan(line, &kind, &i); n != 2 || i >= len(res) {
			continue
		}
		switch kind {
		case "open":
			res[i].Outcome = "dead"
		case "ok":
			res[i].Outcome = "ok"
		case "err":
			res[i] = result{"error", strings.TrimPrefix(strings.TrimSuffix(line, "\n"), fmt.Sprintf("err %d ", i))}
		}
	}
	return res
}

// predict makes the same question of Predict. Paths are given as the process gets them, relative to its directory.
func (y *yard) predict(host string, plugins []string) *Report {
	y.t.Helper()
	return y.predictFrom(y.input(host), plugins)
}

func (y *yard) input(name string) Input {
	in, done := OpenInput(filepath.Join(y.dir, name))
	y.t.Cleanup(func() { done() })
	in.Path = name
	return in
}

func (y *yard) predictFrom(host Input, plugins []string) *Report {
	y.t.Helper()
	var ins []Input
	for _, p := range plugins {
		ins = append(ins, y.input(p))
	}
	r, err := Predict(host, ins, Options{Root: links.Dir("/"), RootName: "/"})
	if err != nil {
		y.t.Fatalf("Predict(%s, %q): %v", host.Path, plugins, err)
	}
	return r
}

// answers are a report's claims without the causes and without what was compared of the code, for which a lock has less evidence.
func answers(r *Report) []Plugin {
	out := append([]Plugin{}, r.Plugins...)
	for i := range out {
		out[i].Cause, out[i].Code = nil, nil
	}
	return out
}

// predictLock predicts from the host's lock, written and read again.
func (y *yard) predictLock(t *testing.T, host string, plugins []string) *Report {
	in, done := OpenInput(filepath.Join(y.dir, host))
	defer done()
	l, err := Export(in)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseLock(l.Text())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(l.Text()), string(back.Text())); d != "" {
		t.Errorf("the lock changes when it is read (-written +read):\n%s", d)
	}
	return y.predictFrom(back.Input(host), plugins)
}

// said is what a prediction claims about a process.
func said(p Plugin) result {
	switch {
	case p.Verdict == NotReached:
		return result{"not-reached", ""}
	case p.Verdict == Poisoned:
		return result{"ok", ""} // and it crashes later
	case p.KillsHost:
		return result{"dead", ""}
	case p.Error != nil:
		return result{"error", *p.Error}
	}
	return result{"ok", ""}
}

// agree opens a sequence for real and compares it with the prediction and with the verdicts that are expected.
func (y *yard) agree(name, host string, plugins []string, want ...Verdict) {
	y.t.(*testing.T).Run(name, func(t *testing.T) {
		rep := y.predict(host, plugins)
		var verdicts []Verdict
		var predicted []result
		for _, p := range rep.Plugins {
			verdicts = append(verdicts, p.Verdict)
			predicted = append(predicted, said(p))
		}
		if d := cmp.Diff(want, verdicts); d != "" {
			t.Errorf("verdicts (-want +got):\n%s", d)
		}
		if d := cmp.Diff(y.open(host, plugins), predicted); d != "" {
			t.Errorf("the prediction disagrees with reality (-real +predicted):\n%s", d)
		}
		if d := cmp.Diff(answers(rep), answers(y.predictLock(t, host, plugins))); d != "" {
			t.Errorf("the host's lock gives other answers (-host +lock):\n%s", d)
		}
		counts.Lock()
		defer counts.Unlock()
		counts.sequences, counts.opens = counts.sequences+1, counts.opens+len(plugins)
	})
}

var counts struct {
	sync.Mutex
	sequences, opens int
}

// withoutSections cuts off the section headers, which the loader does not need.
func withoutSections(b []byte) []byte {
	b = bytes.Clone(b)
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return b
	}
	end := uint64(0)
	for _, p := range f.Progs {
		end = max(end, p.Off+p.Filesz)
	}
	clear(b[40:48]) // e_shoff
	clear(b[58:64]) // e_shentsize, e_shnum, e_shstrndx
	return b[:end]
}
