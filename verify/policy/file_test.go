package policy_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/policy"
)

// program is testdata/dep, built once.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "policy")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", dir+"/dep", "./testdata/dep")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "dep"))
})

func built(t testing.TB) []byte {
	t.Helper()
	data, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(data)
}

func readFile(t testing.TB, data []byte) policy.File {
	t.Helper()
	f, err := policy.Read("dep", bytes.NewReader(data), int64(len(data)), results.DigestOf(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// root is this repository, as far as the program goes.
func root(t testing.TB, lines ...string) policy.Root {
	t.Helper()
	text := "module github.com/plugproof/plugproof\n\ngo 1.26\n\n" + strings.Join(lines, "\n") + "\n"
	m, err := policy.ParseGoMod("go.mod", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return policy.Root{Manifests: []policy.Manifest{m}, SumFile: "go.sum"}
}

// kinds are "KIND MODULE PACKAGE" of findings.
func kinds(r policy.Report) []string {
	out := []string{}
	for _, f := range r.Findings {
		out = append(out, strings.TrimSpace(string(f.Kind)+" "+f.Module+" "+f.Package))
	}
	return out
}

// edited replaces text of the same length that must be there.
func edited(t *testing.T, data []byte, from, to string) []byte {
	t.Helper()
	if len(from) != len(to) || !bytes.Contains(data, []byte(from)) {
		t.Fatalf("%q is not in the file, or %q is of another length", from, to)
	}
	return bytes.ReplaceAll(data, []byte(from), []byte(to))
}

// library is the standard library of the Go that runs the tests.
var library = sync.OnceValues(func() (map[string]bool, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	return policy.Standard(os.DirFS(filepath.Join(strings.TrimSpace(string(out)), "src")))
})

func TestStandard(t *testing.T) {
	std, err := library()
	if err != nil {
		t.Fatal(err)
	}
	for pkg, want := range map[string]bool{"fmt": true, "unsafe": true, "internal/abi": true, "vendor/golang.org/x/net/idna": true, "runtime/cgo": true, "cmd/go": true,
		"": false, ".": false, "fmt/testdata": false, "log/evil": false, "golang.org/x/net/idna": false, "encoding/json/testdata": false} {
		if std[pkg] != want {
			t.Errorf("%q: %v", pkg, !want)
		}
	}
}

// TestLooksStandard: a path like the standard library's is not enough to be of it.
func TestLooksStandard(t *testing.T) {
	f := readFile(t, built(t))
	f.Packages = []string{"fmt", "log/evil", "math/rand/v2"}
	for _, tt := range []struct {
		name string
		std  map[string]map[string]bool
		want []string
	}{
		{"its Go is at hand", map[string]map[string]bool{f.Go: {"fmt": true, "math/rand/v2": true}}, []string{"hidden  log/evil"}},
		{"another Go is", map[string]map[string]bool{"go1.2": {"fmt": true, "math/rand/v2": true, "log/evil": true}}, []string{"not-looked  fmt"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := policy.Check(&policy.Rules{}, policy.Evidence{Roots: []policy.Root{root(t)}, Files: []policy.File{f}, Std: tt.std})
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(kinds(r), func(k string) bool {
				return strings.HasPrefix(k, "pseudo-version") || strings.HasPrefix(k, "other-version")
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestBuiltFile: what a file is made of is held against what it says of itself and against go.mod.
func TestBuiltFile(t *testing.T) {
	data := built(t)
	std, err := library()
	if err != nil {
		t.Fatal(err)
	}
	info := readFile(t, data).Info
	version := map[string]string{}
	for _, d := range info.Deps {
		version[d.Path] = d.Version
	}
	mod, tools := "golang.org/x/mod@"+version["golang.org/x/mod"], "golang.org/x/tools@"+version["golang.org/x/tools"]
	requires := []string{"require golang.org/x/mod " + version["golang.org/x/mod"], "require golang.org/x/tools " + version["golang.org/x/tools"]}
	for _, tt := range []struct {
		name     string
		requires []string
		edit     func([]byte) []byte
		want     []string
	}{
		{"as it is", requires, nil, nil},
		{"a module that go.mod lacks", requires[:1], nil, []string{"hidden " + tools + " golang.org/x/tools/txtar"}},
		{"another version", []string{"require golang.org/x/mod v0.1.0", requires[1]}, nil, []string{"other-version " + mod}},
		{"build information that leaves a module out", requires, func(b []byte) []byte {
			return edited(t, b, "dep\tgolang.org/x/tools\t", "xep\tgolang.org/x/tools\t")
		}, []string{"hidden " + tools + " golang.org/x/tools/txtar"}},
		{"build information that names another one", requires, func(b []byte) []byte {
			return edited(t, b, "dep\tgolang.org/x/tools\t", "dep\tgolang.org/y/tools\t")
		}, []string{"hidden " + tools + " golang.org/x/tools/txtar"}},
		{"build information that names another version", requires, func(b []byte) []byte {
			v := version["golang.org/x/mod"]
			return edited(t, b, "dep\tgolang.org/x/mod\t"+v, "dep\tgolang.org/x/mod\tv9"+v[2:])
		}, []string{"other-version golang.org/x/mod@v9" + version["golang.org/x/mod"][2:]}},
		{"no build information", requires, func(b []byte) []byte {
			return edited(t, b, "\xff Go buildinf:", "\xff No buildinf:")
		}, []string{"no-build-info"}},
		{"no build information, and a module that go.mod lacks", requires[1:], func(b []byte) []byte {
			return edited(t, b, "\xff Go buildinf:", "\xff No buildinf:")
		}, []string{"no-build-info", "hidden  golang.org/x/mod/semver"}},
		{"another project's", []string{"// none"}, func(b []byte) []byte {
			return edited(t, b, "mod\tgithub.com/plugproof/plugproof\t", "mod\tgithub.com/plugproof/plugfroop\t")
		}, []string{"foreign github.com/plugproof/plugfroop github.com/plugproof/plugproof/verify/policy/testdata/dep"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := data
			if tt.edit != nil {
				b = tt.edit(bytes.Clone(data))
			}
			r, err := policy.Check(&policy.Rules{}, policy.Evidence{Roots: []policy.Root{root(t, tt.requires...)}, Files: []policy.File{readFile(t, b)}, Std: map[string]map[string]bool{readFile(t, data).Go: std}})
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(kinds(r), func(k string) bool { return strings.HasPrefix(k, "pseudo-version") })
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(append([]string{}, tt.want...), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestShipped: a file that plugproof.toml names may be of any module; what it was made of is held against the rules all the same.
func TestShipped(t *testing.T) {
	std, err := library()
	if err != nil {
		t.Fatal(err)
	}
	f := readFile(t, edited(t, built(t), "mod\tgithub.com/plugproof/plugproof\t", "mod\tgithub.com/plugproof/plugfroop\t"))
	f.Info.Path = "github.com/plugproof/plugfroop/x"
	f.Packages = slices.DeleteFunc(f.Packages, func(p string) bool { return strings.HasPrefix(p, "github.com/plugproof/") })
	for shipped, want := range map[bool][]string{true: {"forbidden", "forbidden"}, false: {"forbidden", "forbidden", "foreign"}} {
		f.Shipped = shipped
		r, err := policy.Check(&policy.Rules{Forbid: []string{"golang.org/x/..."}}, policy.Evidence{Roots: []policy.Root{root(t)}, Files: []policy.File{f}, Std: map[string]map[string]bool{f.Go: std}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range kinds(r) {
			got = append(got, strings.Fields(k)[0])
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.DeleteFunc(got, func(k string) bool { return k == "pseudo-version" })); diff != "" {
			t.Errorf("shipped %v: %s", shipped, diff)
		}
	}
}

// TestShippedOfOwnModule: a shipped file of the project's own module may be linked from what its own package imports, and from nothing that the
// host alone does; what is not listed is not known.
func TestShippedOfOwnModule(t *testing.T) {
	const own = "example.test/app/own"
	file := func(packages ...string) policy.File {
		return policy.File{Name: "own.so", Go: "go1.26.0", Shipped: true, Packages: packages, Info: &debug.BuildInfo{
			GoVersion: "go1.26.0", Path: own, Main: debug.Module{Path: "example.test/app"},
			Deps:     []*debug.Module{{Path: "example.test/raw", Version: pseudo}, {Path: "example.test/greet", Version: "v1.2.0"}},
			Settings: []debug.BuildSetting{{Key: "GOARCH", Value: "amd64"}}}}
	}
	build := policy.Build{Subject: "own.so", Path: own, Arch: "amd64", Packages: []policy.Package{
		pkg("fmt", "std"), pkg("example.test/greet/more", "example.test/greet@v1.2.0"), pkg("example.test/app/hers", ""), pkg(own, "", "fmt", "example.test/greet/more", "example.test/app/hers")}}
	for _, tt := range []struct {
		name     string
		listed   bool
		packages []string
		want     []string
	}{
		{"what it imports", true, []string{own, "fmt", "plugin", "runtime", "example.test/greet/more", "example.test/app/hers"}, nil},
		{"what the host alone imports", true, []string{own, "example.test/raw"}, []string{"own.so unlisted example.test/raw@" + pseudo}},
		{"what a plugin alone imports", true, []string{own, "example.test/app/inner"}, []string{"own.so unlisted example.test/app"}},
		{"what nobody imports", true, []string{own, "example.test/app/secret"}, []string{"own.so unlisted example.test/app"}},
		{"of a module that nothing names", true, []string{own, "example.test/none"}, []string{"own.so hidden"}},
		{"what it imports is not listed", false, []string{own, "example.test/greet/more", "example.test/app/inner"}, []string{"own.so not-looked example.test/greet@v1.2.0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := app(t)
			if e.Roots[0].Unlisted = !tt.listed; tt.listed {
				e.Roots[0].Builds = append(e.Roots[0].Builds, build)
			}
			e.Std = map[string]map[string]bool{"go1.26.0": {"fmt": true, "plugin": true, "runtime": true}}
			e.Files = []policy.File{file(tt.packages...)}
			check(t, &policy.Rules{Pseudo: listed}, e, tt.want)
		})
	}
}

// TestPlaces: a finding about a version that a shipped file alone has is at the file, and not at the requirement of another version.
func TestPlaces(t *testing.T) {
	for _, tt := range []struct{ name, main, version, want string }{
		{"the version that is required", "example.test/other", "v1.2.0", "go.mod:6 forbidden example.test/greet@v1.2.0"},
		{"another version, in a file of another module", "example.test/other", "v1.1.0", "own.so forbidden example.test/greet@v1.1.0"},
		{"another version, in a file of the project's own", "example.test/app", "v1.1.0", "own.so forbidden example.test/greet@v1.1.0,own.so other-version example.test/greet@v1.1.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := app(t)
			e.Files = []policy.File{{Name: "own.so", Shipped: true, Info: &debug.BuildInfo{Path: tt.main + "/own", Main: debug.Module{Path: tt.main},
				Deps: []*debug.Module{{Path: "example.test/greet", Version: tt.version}}}}}
			check(t, &policy.Rules{Pseudo: listed, Forbid: []string{"example.test/greet@" + tt.version}}, e, strings.Split(tt.want, ","))
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("text"), built(t)[:4096], append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)} {
		if f, err := policy.Read("x", bytes.NewReader(data), int64(len(data)), ""); err == nil {
			t.Errorf("%d bytes were taken: %+v", len(data), f)
		}
	}
}

func TestPackageOf(t *testing.T) {
	for symbol, want := range map[string]string{
		"runtime.main":                             "runtime",
		"main.main":                                "",
		"example.test/x.(*T).M":                    "example.test/x",
		"example.test/x.F[go.shape.int]":           "example.test/x",
		"example.test/x.F[example.test/y.T]":       "example.test/x",
		"example.test/x%2ey.init.0.func1":          "example.test/x.y",
		"gopkg.in/yaml%2ev3.Unmarshal":             "gopkg.in/yaml.v3",
		"example.test/x.(*T).example.test/y.m":     "example.test/x",
		"type:.eq.example.test/x.T":                "",
		"go:struct { sync.Mutex; os/exec.x }.Lock": "",
		"struct { example.test/x.T }.M":            "",
		"go.uber.org/zap.New":                      "go.uber.org/zap",
		"vendor/golang.org/x/net/idna.ToASCII":     "vendor/golang.org/x/net/idna",
		"_cgo_topofstack":                          "",
		"x_cgo_munmap.cold":                        "",
		"f.isra.0":                                 "",
		"f.part.0.cold":                            "",
		"tiny.Part":                                "tiny",
		"plugin/unnamed-0123456789abcdef.Hello":    "plugin/unnamed-0123456789abcdef",
		"example.test/%zz.F":                       "",
		"example.test/../x.F":                      "",
		"":                                         "",
		".":                                        "", "/": "", "/.": "", "a/": "",
	} {
		got, ok := policy.PackageOf(symbol)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%s is of %q, want %q", symbol, got, want)
		}
	}
}
