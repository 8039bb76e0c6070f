package drift

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPointed finds a number that a function puts into a variable on its stack whose address it gives away. The callee reads its argument only
// through the first register.
func TestPointed(t *testing.T) {
	const source = `package rules

type Opt struct {
	N    int
	Name string
}

//go:noinline
func take(o *Opt) int { return o.N + len(o.Name) }

//go:noinline
func sum(list ...int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

//go:noinline
func Opts() int { return take(&Opt{30, "opt"}) }

//go:noinline
func List() int { return sum(61, 62, 63) }

type Entry struct {
	X, Y int
	Name string
}

//go:noinline
func Put(m map[string]Entry, n int) { m["k"] = Entry{X: n, Y: 26, Name: "gold"} }

//go:noinline
func Cut(n int) int { return int(int16(n)) }

//go:noinline
func Pick(n int) int { return [5]int{2, 3, 5, 7, 11}[n] }
`
	dir := t.TempDir()
	write := func(name, text string) {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const use = "import \"example.test/rules\"\n\nfunc Use() int {\n\trules.Put(map[string]rules.Entry{}, 1)\n\treturn rules.Opts() + rules.List() + rules.Cut(1) + rules.Pick(2)\n}\n"
	write("go.mod", "module example.test\n\ngo 1.20\n")
	write("rules/rules.go", source)
	write("p/main.go", "package main\n\n"+use)
	write("host/main.go", "package main\n\nimport _ \"plugin\"\n"+use+"\nfunc main() { println(Use()) }\n")
	host := build(t, dir, "./host", filepath.Join(dir, "host.exe"), false)
	all := func(pkg string) bool { return true }
	for _, tt := range []struct{ old, new, differ, undecided string }{
		{"", "", "", ""},
		{"Opt{30", "Opt{31", "Opts", ""},
		{"62", "64", "List", ""},
		{`"opt"`, `"opu"`, "Opts", ""},
		{"Y: 26", "Y: 27", "Put", ""},
		{`"gold"`, `"lead"`, "Put", ""},
		{"int16", "int8", "Cut", ""},
		{"3, 5, 7", "3, 6, 7", "", "Pick"},
	} {
		write("rules/rules.go", strings.Replace(source, tt.old, tt.new, 1))
		include := all // of what matches
		if tt.old != "" {
			include = func(pkg string) bool { return pkg == "example.test/rules" }
		}
		r := compare(t, host, build(t, dir, "./p", filepath.Join(dir, "p.so"), false), include)
		if got := strings.Join(names(r.Differ), " "); got != tt.differ {
			t.Errorf("%q: %q differ, want %q", tt.new, got, tt.differ)
		}
		if got := names(r.Undecided); tt.undecided != "" && !slices.Contains(got, tt.undecided) {
			t.Errorf("%q: %q undecided, want %q among them", tt.new, got, tt.undecided)
		}
		t.Logf("%q: %d functions, undecided %d", tt.new, r.Functions, len(r.Undecided))
	}
}
