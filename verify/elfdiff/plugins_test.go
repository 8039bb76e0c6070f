package elfdiff

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sources are a module with a plugin and a package that it shares with its host. EDIT stands where tests change it.
var sources = map[string]string{
	"go.mod":     "module example.test/gw\n\ngo 1.24\n",
	"api/api.go": "package api\n\nimport \"fmt\"\n\ntype Config struct {\n\tName string\n\tPort int\n}\n\nfunc Describe(c Config) string { return fmt.Sprintf(\"%s:%d\", c.Name, c.Port) }\n",
	"plugins/greet/main.go": "package main\n\nimport \"example.test/gw/api\"\n\nvar Stamp, BuildHost = \"none\", \"none\"\n\n" +
		"func Greet(n string) string { return api.Describe(api.Config{Name: n + extra + Stamp + BuildHost, Port: Number()}) }\n\n//go:noinline\nfunc Number() int { return 41 }\n\nfunc main() {}\n",
	"plugins/greet/off.go": "//go:build !extra\n\npackage main\n\nconst extra = \"off\"\n",
	"plugins/greet/on.go":  "//go:build extra\n\npackage main\n\nconst extra = \"turned on\"\n",
}

// builder builds plugins, each once.
type builder struct {
	t    testing.TB
	dir  string
	cc   string
	done map[string]string
}

type build struct {
	dir  string   // where the sources lie, below the test's directory; "" is "a"
	edit string   // "old=>new" in every file
	env  []string // beside GOFLAGS= CGO_ENABLED=1 CC=
	args []string
	pkg  string // "" is ./plugins/greet
}

var cc = sync.OnceValue(func() string {
	for _, c := range []string{"musl-gcc", "gcc"} {
		if _, err := exec.LookPath(c); err == nil {
			return c
		}
	}
	return ""
})

func newBuilder(t testing.TB) *builder {
	if testing.Short() {
		t.Skip("builds plugins: a minute of CPU when the build cache is cold")
	}
	if cc() == "" {
		t.Skip("there is no C compiler")
	}
	return &builder{t: t, dir: t.TempDir(), cc: cc(), done: map[string]string{}}
}

func (b *builder) build(v build) string {
	b.t.Helper()
	key := fmt.Sprint(v)
	if f := b.done[key]; f != "" {
		return f
	}
	if v.dir == "" {
		v.dir = "a"
	}
	root := filepath.Join(b.dir, fmt.Sprint(len(b.done)+100), v.dir) // the parts that differ have one length
	if v.edit == "" {
		root = filepath.Join(b.dir, v.dir)
	}
	for name, text := range sources {
		if old, repl, ok := strings.Cut(v.edit, "=>"); ok {
			text = strings.ReplaceAll(text, old, repl)
		}
		f := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	if v.pkg == "" {
		v.pkg = "./plugins/greet"
	}
	out := filepath.Join(b.dir, fmt.Sprintf("%d.so", len(b.done)))
	args := append([]string{"build", "-buildmode=plugin", "-o", out}, v.args...)
	cmd := exec.Command("go", append(args, strings.Fields(v.pkg)...)...)
	cmd.Dir = root
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=1", "GOTOOLCHAIN=local", "GOWORK=off", "CC="+b.cc), v.env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("building %v: %v\n%s", v, err, text)
	}
	b.done[key] = out
	return out
}

func openFile(t testing.TB, name string) Input {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return Input{Path: name, R: f, Size: info.Size()}
}

func TestBuiltPlugins(t *testing.T) {
	b := newBuilder(t)
	trim := []string{"-trimpath", "-buildvcs=false"}
	with := func(args ...string) []string { return append(slices.Clone(trim), args...) }
	base := build{args: trim}
	noTrim := []string{"-buildvcs=false"}
	for _, tt := range []struct {
		name    string
		a, b    build
		verdict Verdict
		proof   Proof
		causes  string // ids
		changed string // symbols; "" is not looked at
		moves   bool   // from one temporary directory to the next the linker was seen to lay it out in two ways: what moved is proved by structure
	}{
		{name: "another directory, trimmed", a: base, b: build{dir: "other/place", args: trim}, verdict: Identical, proof: ProofHash},
		{name: "path of equal length", a: build{args: noTrim}, b: build{dir: "b", args: noTrim}, verdict: ABI, proof: ProofMask, causes: "build-path", moves: true},
		{name: "longer path", a: build{args: noTrim}, b: build{dir: "longer/place", args: noTrim}, verdict: ABI, proof: ProofStructure, causes: "build-path"},
		{name: "trimmed and not", a: base, b: build{args: noTrim}, verdict: ABI, proof: ProofStructure, causes: "trimpath-one-side"},
		{name: "clock", a: build{args: with("-ldflags=-X=main.Stamp=1790000000")}, b: build{args: with("-ldflags=-X=main.Stamp=1790000007")}, verdict: Data, proof: ProofMask, causes: "embedded-time"},
		{name: "date", a: build{args: with("-ldflags=-X=main.Stamp=2026-01-02")}, b: build{args: with("-ldflags=-X=main.Stamp=2026-01-02T03:04:05Z")}, verdict: Data, proof: ProofStructure, causes: "embedded-time"},
		{name: "host", a: build{args: with("-ldflags=-X=main.BuildHost=alpha")}, b: build{args: with("-ldflags=-X=main.BuildHost=builder-17")}, verdict: Data, proof: ProofStructure, causes: "embedded-host"},
		{name: "directory", a: build{args: with("-ldflags=-X=main.Stamp=/home/a/src")}, b: build{args: with("-ldflags=-X=main.Stamp=/home/other/src")}, verdict: Data, proof: ProofStructure, causes: "embedded-path"},
		{name: "word", a: build{args: with("-ldflags=-X=main.Stamp=blue")}, b: build{args: with("-ldflags=-X=main.Stamp=yellow")}, verdict: Data, proof: ProofStructure, causes: "ldflags"},
		{name: "value on one side", a: base, b: build{args: with("-ldflags=-X=main.Stamp=blue")}, verdict: Data, proof: ProofStructure, causes: "ldflags"},
		{name: "tags", a: base, b: build{args: with("-tags=extra")}, verdict: Code, proof: ProofStructure, causes: "build-tags"},
		{name: "gcflags", a: base, b: build{args: with("-gcflags=-N")}, verdict: Code, proof: ProofStructure, causes: "gcflags"},
		{name: "edit", a: base, b: build{edit: "return 41=>return 42", args: trim}, verdict: Code, proof: ProofMask, causes: "unknown", changed: "example.test/gw/plugins/greet.Number"},
		{name: "type", a: base, b: build{edit: "Port int\n=>Port int\n\tMore string\n", args: trim}, verdict: ABI, proof: ProofStructure},
		{name: "stripped", a: base, b: build{args: with("-ldflags=-s -w")}, verdict: SymbolTable, proof: ProofStructure, causes: "stripped"},
		{name: "build ID", a: build{args: with("-ldflags=-buildid=one")}, b: build{args: with("-ldflags=-buildid=two")}, verdict: BuildIDOnly, proof: ProofMask, causes: "build-id"},
		{name: "file arguments", a: base, b: build{args: trim, pkg: "plugins/greet/main.go plugins/greet/off.go"}, verdict: ABI, proof: ProofStructure, causes: "plugin-path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.t = t
			inA, inB := openFile(t, b.build(tt.a)), openFile(t, b.build(tt.b))
			r, err := Compare(inA, inB)
			if err != nil {
				t.Fatal(err)
			}
			checkMaskOf(t, inA, inB, r)
			var ids []string
			for _, c := range r.Causes {
				ids = append(ids, c.ID)
			}
			if r.Verdict != tt.verdict || r.Proof != tt.proof && !(tt.moves && r.Proof == ProofStructure) || (tt.causes != "" && strings.Join(ids, " ") != tt.causes) {
				t.Errorf("verdict %v by %v, causes %v; want %v by %v, %v\n%s", r.Verdict, r.Proof, ids, tt.verdict, tt.proof, tt.causes, Text(r, false))
			}
			if got := strings.Join(r.Symbols.Changed, " "); tt.changed != "" && got != tt.changed {
				t.Errorf("changed symbols are %s", got)
			}
			if tt.causes != "" && tt.causes != "unknown" && tt.causes != "plugin-path" && r.Bytes.Explained != r.Bytes.Differing {
				t.Errorf("bytes are %+v\n%s", r.Bytes, Text(r, true))
			}
		})
	}
}

// TestEditedPlugins: one string more, or a longer one, moves hundreds of others. Only the edited function's instructions differ.
func TestEditedPlugins(t *testing.T) {
	b := newBuilder(t)
	for _, tt := range []struct {
		name, edit string
		flags      []string
	}{
		{"longer string", "%s:%d\"=>%s listens at port %d\"", nil},
		{"longer string, stripped", "%s:%d\"=>%s listens at port %d\"", []string{"-ldflags=-s -w"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.t = t
			args := append([]string{"-trimpath", "-buildvcs=false"}, tt.flags...)
			inA, inB := openFile(t, b.build(build{args: args})), openFile(t, b.build(build{args: args, edit: tt.edit}))
			r, err := Compare(inA, inB)
			if err != nil {
				t.Fatal(err)
			}
			if r.Proof != ProofStructure || r.Bytes.Moved == 0 {
				t.Errorf("nothing moved: %v, %+v", r.Proof, r.Bytes)
			}
			edited := 0
			for _, e := range r.Evidence {
				if e.Verdict != Code {
					continue
				}
				if edited++; !strings.HasPrefix(packageOf(e.Symbol), "example.test/gw") {
					t.Errorf("%s differs at %#x", e.Symbol, e.OffsetA)
				}
			}
			if known := strings.Join(r.Known, "; "); edited == 0 || !strings.Contains(known, "instructions differ in ") || len(r.Causes) != 1 || r.Causes[0].ID != "unknown" {
				t.Errorf("%d places, causes %+v, known: %s", edited, r.Causes, known)
			}
		})
	}
}

func TestCorruptPlugins(t *testing.T) {
	b := newBuilder(t)
	trim := []string{"-trimpath", "-buildvcs=false"}
	for _, name := range []string{b.build(build{args: trim}), b.build(build{args: append(slices.Clone(trim), "-ldflags=-s -w")})} {
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(3, 4))
		for range 20 {
			checkPair(t, good, good[:rng.IntN(len(good))])
			checkPair(t, good, corrupt(rng, good))
		}
	}
}
