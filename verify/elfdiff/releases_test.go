package elfdiff

import (
	"debug/dwarf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/verify/goelf"
)

// program is small, so that little of the standard library is compiled for it: runtime alone.
const program = `package main

type shape interface{ area() int }
type square struct{ side int }

func (s square) area() int { return s.side * s.side }

//go:noinline
func first(n int) int { return n + 41 }

//go:noinline
func second(s shape, names ...string) (sum int) {
	defer func() { sum++ }()
	for _, n := range names {
		sum += len(n) + s.area()
	}
	return sum
}

func main() { println(first(1), second(square{3}, "alpha", "beta")) }
`

// localGo is the Go of a release if it is on this machine: the one that runs the tests, or one that GOTOOLCHAIN finds without a network.
func localGo(t *testing.T, version string) string {
	t.Helper()
	cmd := exec.Command("go", "env", "GOROOT")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOPROXY=off", "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("%s is not on this machine; GOTOOLCHAIN=%s go version fetches it", version, version)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "bin", "go")
}

// TestReleases reads and compares programs of several Go releases for several machines: the line table has another form, place or
// surroundings in each. An edit must be found in its function and nowhere else, a directory in file names alone.
func TestReleases(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs with several Go releases: a minute of CPU when the build cache is cold")
	}
	for _, tt := range []struct {
		version string
		arch    string
	}{
		{"go1.20.14", "amd64"}, {"go1.22.12", "amd64"}, {"go1.24.6", "amd64"}, {"go1.25.3", "amd64"}, {"go1.27.0", "amd64"},
		{"go1.22.12", "arm"}, {"go1.27.0", "arm"}, {"local", "amd64"}, {"local", "arm"}, {"local", "arm64"}, {"local", "386"}, {"local", "riscv64"},
	} {
		t.Run(tt.version+" "+tt.arch, func(t *testing.T) {
			gobin := "go"
			if tt.version != "local" {
				gobin = localGo(t, tt.version)
			}
			dir, builds := t.TempDir(), 0
			build := func(sub, text string, args ...string) string {
				src := filepath.Join(dir, sub)
				if err := os.MkdirAll(src, 0o755); err != nil {
					t.Fatal(err)
				}
				os.WriteFile(filepath.Join(src, "go.mod"), []byte("module example.test/p\n\ngo 1.20\n"), 0o644)
				os.WriteFile(filepath.Join(src, "main.go"), []byte(text), 0o644)
				builds++
				out := filepath.Join(dir, fmt.Sprint(builds))
				cmd := exec.Command(gobin, append([]string{"build", "-o", out, "-buildvcs=false"}, args...)...)
				cmd.Dir = src
				cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+tt.arch)
				if b, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, b)
				}
				return out
			}
			compare := func(a, b string) *Report {
				x, y := openFile(t, a), openFile(t, b)
				r, err := Compare(x, y)
				if err != nil {
					t.Fatal(err)
				}
				checkMaskOf(t, x, y, r)
				return r
			}
			base := build("a", program)
			readsAll(t, base, tt.arch)

			r := compare(base, build("b", program))
			if r.Verdict > DebugOnly || len(r.Causes) != 1 || r.Causes[0].ID != "build-path" || r.Bytes.Explained != r.Bytes.Differing {
				t.Errorf("another directory of the same length\n%s", Text(r, true))
			}
			r = compare(base, build("much/longer/b", program))
			if r.Verdict > DebugOnly || len(r.Causes) != 1 || r.Causes[0].ID != "build-path" || r.Bytes.Explained != r.Bytes.Differing {
				t.Errorf("a longer directory\n%s", Text(r, true))
			}
			trim := []string{"-trimpath", "-ldflags=-buildid="}
			trimmed := build("a", program, trim...)
			r = compare(trimmed, build("a", strings.Replace(program, "n + 41", "n + 42", 1), trim...))
			if got := strings.Join(r.Symbols.Changed, " "); r.Verdict != Code || got != "main.first" {
				t.Errorf("an edit: symbols %s changed\n%s", got, Text(r, true))
			}
			r = compare(trimmed, build("a", strings.Replace(program, "return n + 41", "if n > 1000 {\n\t\tprintln(n)\n\t}\n\treturn n + 41", 1), trim...))
			if got := r.Symbols.Changed; r.Verdict != Code || !slices.Contains(got, "main.first") || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "main.") }) {
				t.Errorf("a longer edit: symbols %s changed\n%s", strings.Join(got, " "), Text(r, false))
			}
		})
	}
}

// readsAll reads what goelf knows out of a program.
func readsAll(t *testing.T, name, arch string) {
	t.Helper()
	in := openFile(t, name)
	f, err := goelf.Open(in.R, in.Size)
	if err != nil {
		t.Fatal(err)
	}
	if m := machineName(f.Machine); m != arch {
		t.Errorf("machine is %s", m)
	}
	bi, err := f.BuildInfo()
	if err != nil || bi.Path != "example.test/p" {
		t.Errorf("build information: %+v, %v", bi, err)
	}
	if f.GoBuildID() == "" {
		t.Error("no build ID")
	}
	names, err := f.FileNames()
	if err != nil || !slices.ContainsFunc(names, func(s string) bool { return strings.HasSuffix(s, "/a/main.go") }) {
		t.Errorf("%d file names, %v", len(names), err)
	}
	sym, err := f.GoSym()
	if err != nil {
		t.Fatal(err)
	}
	fn := sym.LookupFunc("main.first")
	if fn == nil {
		t.Fatal("main.first is not in the line table")
	}
	if file, line, _ := sym.PCToLine(fn.Entry); !strings.HasSuffix(file, "/a/main.go") || line != 9 {
		t.Errorf("main.first is at %s:%d", file, line)
	}
	for s, err := range f.Symbols() {
		if err != nil {
			t.Fatal(err)
		}
		if s.Name == "main.first" && s.Value != fn.Entry {
			t.Errorf("main.first is at %#x in the line table, %#x in the symbols", fn.Entry, s.Value)
		}
	}
	d, err := f.DWARF(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	var all, units []string
	for rd := d.Reader(); ; rd.SkipChildren() {
		e, err := rd.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			break
		}
		n, _ := e.Val(dwarf.AttrName).(string)
		all = append(all, n)
	}
	if err := f.CompileUnits(64<<20, func(e *dwarf.Entry) bool {
		n, _ := e.Val(dwarf.AttrName).(string)
		units = append(units, n)
		return true
	}); err != nil || !slices.Equal(all, units) {
		t.Errorf("units are %q, %v; all entries say %q", units, err, all)
	}
	found := slices.Contains(all, "main") || slices.Contains(all, "example.test/p")
	if !found {
		t.Error("the DWARF has no compile unit of package main")
	}
}
