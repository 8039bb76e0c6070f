package abi

import (
	"bytes"
	"fmt"
	"go/format"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/images/links"
	"github.com/plugproof/plugproof/verify/goelf"
)

// lookups are symbols of a plugin, and declarations of each. a and b are two packages of the name api; in declarations their import paths stand.
var lookups = []struct {
	name, source string
	declared     []string
}{
	{"V1", "var V1 a.T", []string{"*a.T", "*b.T", "a.T", "*a.E"}},
	{"V2", "var V2 *a.T", []string{"**a.T", "*a.T"}},
	{"V3", "var V3 struct{ X a.T }", []string{"*struct{ X a.T }", "*struct{ X b.T }", "*struct{ Y a.T }", "*struct{ X a.T `json:\"x\"` }", "*struct{}"}},
	{"V4", "var V4 interface{ Do(a.T) }", []string{"*interface{ Do(a.T) }", "*interface{ Do(b.T) }", "*interface{ Do(a.T) error }"}},
	{"V5", "var V5 struct{ x int }", []string{"*struct{ x int }", "*struct{ x string }"}},
	{"V6", "var V6 a.G[a.T]", []string{"*a.G[a.T]", "*a.G[b.T]", "*b.G[a.T]"}},
	{"V7", "var V7 [4]a.T", []string{"*[4]a.T", "*[5]a.T", "*[0x4]a.T", "*[2+2]a.T", "*[2+2]b.T"}},
	{"V8", "var V8 error", []string{"*error", "*interface{ Error() string }"}},
	{"V9", "var V9 map[struct{ A a.T }]chan<- []*struct{ B b.T }", []string{"*map[struct{ A a.T }]chan<- []*struct{ B b.T }", "*map[struct{ A b.T }]chan<- []*struct{ B b.T }", "*map[struct{ A a.T }]<-chan []*struct{ B b.T }", "*map[struct{ A a.T }]chan<- []*struct{ B a.T }"}},
	{"V10", "var V10 [2]struct{ A, B int }", []string{"*[2]struct{ A, B int }", "*[2]struct{ A int; B int }", "*[1+1]struct{ A, B int }", "*[3]struct{ A, B int }"}},
	{"F1", "func F1(x struct{ A a.T; B int `json:\"b\"` }) {}", []string{"func(struct{ A a.T; B int `json:\"b\"` })", "func(struct{ A a.T; B int })", "func(struct{ A b.T; B int `json:\"b\"` })", "func(struct{ A a.T; B int `json:\"c\"` })"}},
	{"F2", "func F2(x interface{ a.I; Close() error }) {}", []string{"func(interface{ a.I; Close() error })", "func(interface{ Do(x int) error; Close() error })", "func(interface{ Close() error; Do(int) error })", "func(interface{ Do(int) error })", "func(interface{ a.I })"}},
	{"F3", "func F3(x struct{ a.T; *b.S }) {}", []string{"func(struct{ a.T; *b.S })", "func(struct{ T a.T; S *b.S })", "func(struct{ b.T; *b.S })"}},
	{"F4", "func F4(f func(struct{ X a.T }, ...struct{ Y int }) (a.I, error)) {}", []string{"func(func(struct{ X a.T }, ...struct{ Y int }) (a.I, error))", "func(func(struct{ X a.T }, []struct{ Y int }) (a.I, error))", "func(func(struct{ X a.T }, ...struct{ Y int }) a.I)"}},
	{"F5", "func F5(x any, y struct{}) (z interface{ String() string }) { return }", []string{"func(any, struct{}) interface{ String() string }", "func(interface{}, struct {}) (s interface{ String() string })", "func(any, struct{}) interface{ String() int }"}},
}

// TestDamagedTypes changes bytes of a plugin at seeded places, most of them among its types: its declarations are answered, whatever the answer.
func TestDamagedTypes(t *testing.T) {
	y := newYard(t, libcGlibc, "gcc")
	y.write("src/types/go.mod", []byte("module example.test/types\n\ngo 1.20\n"))
	y.write("src/types/p/main.go", []byte("package main\n\ntype T struct{ N int }\n\nvar V struct {\n\tA map[string]func(...T) []*T\n\tB interface{ Do(chan<- T) [3]T }\n}\n\nfunc main() {}\n"))
	y.build("p.so", "types", "p", nil, "-ldflags=-s -w")
	y.build("host", "base", "host", nil)
	good := y.read("p.so")
	f, err := goelf.Open(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := f.Layout()
	if err != nil {
		t.Fatal(err)
	}
	types, room, _ := f.Offset(l.Types)
	rng := rand.New(rand.NewPCG(3, 4))
	host := y.input("host")
	for range 200 {
		b := bytes.Clone(good)
		for range 1 + rng.IntN(2000) {
			b[types+rng.Uint64N(room)] = byte(rng.Uint32())
		}
		in := inputOf("p.so", b)
		in.Symbols = map[string]string{"V": "*struct { A map[string]func(...main.T) []*main.T; B interface{ Do(chan<- main.T) [3]main.T } }"}
		if _, err := Predict(host, []Input{in}, Options{NoDigest: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLookups compares declarations with what assertions in a real host say of the values that Lookup gives.
func TestLookups(t *testing.T) {
	y := newYard(t, libcGlibc, "gcc")
	const pkg = "package api\n\ntype T struct{ N int }\n\ntype S struct{ N int }\n\ntype I interface{ Do(x int) error }\n\ntype G[X any] struct{ V X }\n\ntype E = T\n"
	imports := "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"plugin\"\n\n\ta \"example.test/types/a/api\"\n\tb \"example.test/types/b/api\"\n)\n\nvar (\n\t_ a.T\n\t_ b.T\n\t_ = fmt.Sprint\n\t_ = os.Args\n)\n\n"
	plug, host := strings.Replace(imports, "\t\"plugin\"\n", "", 1), imports+"func main() {\n\tp, err := plugin.Open(os.Args[1])\n\tif err != nil {\n\t\tpanic(err)\n\t}\n"
	for _, l := range lookups {
		plug += l.source + "\n\n"
		host += fmt.Sprintf("\t{\n\t\ts, err := p.Lookup(%q)\n\t\tif err != nil {\n\t\t\tpanic(err)\n\t\t}\n", l.name)
		for i, d := range l.declared {
			host += fmt.Sprintf("\t\t_, ok%d := s.(%s)\n\t\tfmt.Println(ok%d)\n", i, d, i)
		}
		host += "\t}\n"
	}
	write := func(name, text string) {
		b, err := format.Source([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		y.write("src/types/"+name, b)
	}
	y.write("src/types/go.mod", []byte("module example.test/types\n\ngo 1.20\n"))
	write("a/api/api.go", pkg)
	write("b/api/api.go", pkg)
	write("p/main.go", plug+"func main() {}\n")
	write("host/main.go", host+"}\n")
	y.build("host", "types", "host", nil)
	y.build("p.so", "types", "p", nil)
	y.build("bare.so", "types", "p", nil, "-ldflags=-s -w")
	real, err := exec.Command(filepath.Join(y.dir, "host"), filepath.Join(y.dir, "p.so")).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(real))
	full := regexp.MustCompile(`\b([ab])\.([A-Z])`)
	for _, l := range lookups {
		for _, d := range l.declared {
			fits := lines[0] == "true"
			lines = lines[1:]
			for _, file := range []string{"p.so", "bare.so"} {
				in := y.input(file)
				in.Symbols = map[string]string{l.name: full.ReplaceAllString(d, "example.test/types/$1/api.$2")}
				rep, err := Predict(y.input("host"), []Input{in}, Options{Root: links.Dir("/")})
				if err != nil {
					t.Fatal(err)
				}
				got := rep.Plugins[0]
				if alias := strings.Contains(d, ".E"); alias { // it has no trace in the file
					if got.Verdict != Symbol || !strings.Contains(got.Cause.Evidence, "if that is an alias") {
						t.Errorf("%s: %s, declared as an alias: %s, %+v", file, l.source, got.Verdict, got.Cause)
					}
				} else if ok := got.Verdict == OK; ok != fits || len(rep.Limits) > 0 {
					t.Errorf("%s: %s, declared %s: %s, %+v, %q; the assertion says %v", file, l.source, d, got.Verdict, got.Cause, rep.Limits, fits)
				}
			}
		}
	}
}
