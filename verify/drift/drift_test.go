package drift

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plugproof/plugproof/verify/goelf"
)

// extract writes the fixture that shows drift and returns its directory.
func extract(t testing.TB) string {
	t.Helper()
	ar, err := txtar.ParseFile("../../fixtures/drift.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range ar.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// build makes a file from a package; names that end in .so are plugins.
func build(t testing.TB, dir, pkg, out string, strip bool) *goelf.File {
	t.Helper()
	cc := "musl-gcc"
	for _, tool := range []string{"go", cc} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", out}
	if strings.HasSuffix(out, ".so") {
		args = append(args, "-buildmode=plugin")
	}
	if strip {
		args = append(args, "-ldflags=-s -w")
	}
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOTOOLCHAIN=local", "GOWORK=off", "CGO_ENABLED=1", "CC="+cc)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", out, err, msg)
	}
	return open(t, out)
}

func open(t testing.TB, name string) *goelf.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	e, err := goelf.Open(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func compare(t testing.TB, host, plugin *goelf.File, include func(string) bool) *Result {
	t.Helper()
	h, err := Read(host)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(plugin)
	if err != nil {
		t.Fatal(err)
	}
	return Compare(h, p, include, map[string]bool{})
}

func names(list []Finding) []string {
	out := []string{}
	for _, f := range list {
		out = append(out, strings.TrimPrefix(f.Function, "example.test/rules."))
	}
	return out
}

// TestDrift finds each kind of difference, also in stripped files, and nothing in a plugin that was built from the host's own tree, of whose
// standard library it compares everything.
func TestDrift(t *testing.T) {
	if testing.Short() {
		t.Skip("builds hosts and plugins")
	}
	dir := extract(t)
	rules := func(pkg string) bool { return pkg == "example.test/rules" }
	for _, strip := range []bool{false, true} {
		t.Run(fmt.Sprintf("stripped=%v", strip), func(t *testing.T) {
			out := t.TempDir()
			host := build(t, dir, "./host", filepath.Join(out, "host"), strip)
			plugin := build(t, filepath.Join(dir, "plugin"), "./check", filepath.Join(out, "p.so"), strip)
			r := compare(t, host, plugin, rules)
			if d := cmp.Diff([]string{"Allowed", "Limit", "Name", "Which"}, names(r.Differ)); d != "" {
				t.Errorf("functions of which there are two versions (-want +got):\n%s", d)
			}
			if len(r.Undecided) != 0 || r.Functions != 7 {
				t.Errorf("%d functions, undecided: %v", r.Functions, r.Undecided)
			}
		})
	}
	if err := os.CopyFS(filepath.Join(dir, "same"), os.DirFS(filepath.Join(dir, "plugin", "check"))); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	host := build(t, dir, "./host", filepath.Join(out, "host"), true)
	r := compare(t, host, build(t, dir, "./same", filepath.Join(out, "same.so"), true), func(string) bool { return true })
	if len(r.Differ) > 0 {
		t.Errorf("a matching pair differs: %v", r.Differ)
	}
	if r.Functions < 1000 || len(r.Undecided) > r.Functions/20 {
		t.Errorf("%d of %d functions of a matching pair are undecided", len(r.Undecided), r.Functions)
	}
	t.Logf("%d functions, %d undecided", r.Functions, len(r.Undecided))
}

// TestCorrupted changes bytes of a plugin: each is compared or refused, in bounded memory and without a panic.
func TestCorrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a host and a plugin")
	}
	dir, out := extract(t), t.TempDir()
	host := build(t, dir, "./host", filepath.Join(out, "host"), true)
	build(t, filepath.Join(dir, "plugin"), "./check", filepath.Join(out, "p.so"), true)
	good, err := os.ReadFile(filepath.Join(out, "p.so"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := Read(host)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	var before, after runtime.MemStats
	for i := range 60 {
		b := bytes.Clone(good)
		for range 1 + rng.IntN(200) {
			b[rng.IntN(len(b))] = byte(rng.Uint32())
		}
		runtime.ReadMemStats(&before)
		if e, err := goelf.Open(bytes.NewReader(b), int64(len(b))); err == nil {
			if p, err := Read(e); err == nil {
				Compare(h, p, func(pkg string) bool { return strings.HasPrefix(pkg, "example.test/") || pkg == "strconv" }, map[string]bool{})
			}
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 256<<20 {
			t.Fatalf("corruption %d: %d bytes were allocated", i, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

// FuzzDecode decodes what no compiler writes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x48, 0x8d, 0x05, 1, 2, 3, 4, 0xc3})
	f.Add([]byte{0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x05, 0x96, 0x0f, 0x4c, 0})
	f.Add([]byte{0x08, 0xe0, 0x2d, 0xe5, 0x04, 0xf0, 0x9d, 0xe4})
	f.Add([]byte{0x0b, 0xb0, 0x8f, 0xe0, 0x00, 0x20, 0x9b, 0x15})
	f.Fuzz(func(t *testing.T, code []byte) {
		for _, d := range []decoder{amd64{}, arm{}} {
			for at := 0; at < len(code); {
				in := d.decode(code[at:], uint64(at))
				if in.kind == kindBad || in.next <= uint64(at) {
					break
				}
				at = int(in.next)
			}
		}
	})
}

// FuzzRead reads what is no file of Go's.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := goelf.Open(strings.NewReader(string(b)), int64(len(b)))
		if err != nil {
			return
		}
		if c, err := Read(e); err == nil {
			Compare(c, c, func(string) bool { return true }, map[string]bool{})
		}
	})
}
