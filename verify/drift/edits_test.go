package drift

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edited has one function for each way in which a value can be kept from view: behind an address, in a variable on the stack, among arguments and
// results on the stack and in registers, in data that the compiler made, in a type. Between "old" and "new" of an edit nothing else changes.
const edited = `package rules

import (
	"encoding/json"
	"reflect"
)

type P struct {
	X, Y int
	Name string
	In   [3]int
}

//go:noinline
func ptr(p *P) int { return p.X*3 + p.Y + len(p.Name) + p.In[1] }

//go:noinline
func val(p P) int { return p.X*5 + p.Y + len(p.Name) + p.In[1] }

//go:noinline
func add(p *int) { *p += 5 }

//go:noinline
func pair() (int, int) { return 4, 9 }

//go:noinline
func list(x ...string) (n int) {
	for i, s := range x {
		n += i * len(s)
	}
	return n
}

//go:noinline
func Behind(a, b int) int { return ptr(&P{X: a, Y: b}) }

//go:noinline
func Inside(a, b int) int { return val(P{X: a, Y: b, In: [3]int{b, a, 3}}) }

//go:noinline
func Variadic(s, t string) int { return list(s, "x", t) }

//go:noinline
func Indexed(i, v, u int) int {
	a := [4]int{v, u, v, 1}
	a[i&3] = 5
	return a[1]*3 + a[2]
}

//go:noinline
func Order(a int) int {
	x := a
	y := x
	add(&x)
	return y * 100
}

//go:noinline
func Passed() (int, int) {
	p, q := pair()
	return p, q
}

//go:noinline
func Struct(a, b int) P { return P{X: a, Y: b, Name: "s"} }

//go:noinline
func Part(c complex128) float64 { return real(c) }

//go:noinline
func Key(m map[P]int, a, b int) int { return m[P{X: a, Y: b}] }

//go:noinline
func Sent(c chan P, a, b int) { c <- P{X: a, Y: b} }

//go:noinline
func Number(c chan int) { c <- 70 }

//go:noinline
func Signal(c chan struct{}) { c <- struct{}{} }

//go:noinline
func Static(k int) string {
	a := [...]string{"mon", "tue", "wed", "thu", "fri"}
	return a[k%5]
}

//go:noinline
func Boxed() any { return [3]int{70, 71, 72} }

type tagged struct {
	A string ` + "`json:\"aa\"`" + `
	B int
}

//go:noinline
func Tagged(b []byte) int {
	var t tagged
	json.Unmarshal(b, &t)
	return t.B
}

//go:noinline
func Local() string {
	type loc struct {
		A int ` + "`k:\"one\"`" + `
	}
	return reflect.TypeOf(loc{}).Field(0).Tag.Get("k")
}
`

// TestEdits finds, or says that it cannot tell, each edit of what is kept from view, and says neither of the same functions without one.
func TestEdits(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a host and two plugins")
	}
	edits := []struct{ function, old, new string }{
		{"Behind", "ptr(&P{X: a, Y: b}", "ptr(&P{X: b, Y: a}"},
		{"Inside", "{b, a, 3}", "{a, b, 3}"},
		{"Variadic", `list(s, "x", t)`, `list(t, "x", s)`},
		{"Indexed", "{v, u, v, 1}", "{u, v, v, 1}"},
		{"Order", "y := x\n\tadd(&x)", "add(&x)\n\ty := x"},
		{"Passed", "return p, q", "return q, p"},
		{"Struct", `X: a, Y: b, Name: "s"`, `X: b, Y: a, Name: "s"`},
		{"Part", "real(c)", "imag(c)"},
		{"Key", "m[P{X: a, Y: b}]", "m[P{X: b, Y: a}]"},
		{"Sent", "c <- P{X: a, Y: b}", "c <- P{X: b, Y: a}"},
		{"Number", "c <- 70", "c <- 71"},
		{"Static", `"wed"`, `"web"`},
		{"Boxed", "70, 71, 72", "70, 71, 73"},
		{"Tagged", `json:"aa"`, `json:"ab"`},
		{"Local", `k:"one"`, `k:"won"`},
	}
	var all []string
	source := edited
	for _, e := range edits {
		if strings.Count(source, e.old) != 1 {
			t.Fatalf("%q stands %d times in the source", e.old, strings.Count(source, e.old))
		}
		source = strings.Replace(source, e.old, e.new, 1)
		all = append(all, e.function)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	use := "import \"example.test/rules\"\n\nvar Use = []any{rules.Signal, rules." + strings.Join(all, ", rules.") + "}\n"
	write("go.mod", "module example.test\n\ngo 1.20\n")
	write("rules/rules.go", edited)
	write("p/main.go", "package main\n\n"+use)
	write("host/main.go", "package main\n\nimport _ \"plugin\"\n"+use+"\nfunc main() { println(len(Use)) }\n")
	rules := func(pkg string) bool { return pkg == "example.test/rules" }
	for _, strip := range []bool{true, false} {
		write("rules/rules.go", edited)
		host := build(t, dir, "./host", filepath.Join(dir, "host.exe"), strip)
		r := compare(t, host, build(t, dir, "./p", filepath.Join(dir, "same.so"), strip), rules)
		if doubt := without(names(r.Undecided), "Signal", "Struct"); len(r.Differ) > 0 || len(doubt) > 0 && !(strip && slices.Equal(doubt, []string{"Number"})) {
			t.Errorf("a matching plugin, stripped %v: %v differ, %v undecided", strip, r.Differ, doubt)
		}
		write("rules/rules.go", source)
		r = compare(t, host, build(t, dir, "./p", filepath.Join(dir, "p.so"), strip), rules)
		differ := names(r.Differ)
		if slices.Contains(differ, "Signal") || !strip && !slices.Contains(differ, "Number") {
			t.Errorf("%v differ, stripped %v: Signal sends nothing, and a number's size is in .symtab", differ, strip)
		}
		found := without(append(differ, names(r.Undecided)...), "Signal")
		slices.Sort(found)
		slices.Sort(all)
		if d := cmp.Diff(all, slices.Compact(found)); d != "" {
			t.Errorf("functions that differ or are undecided, stripped %v (-want +got):\n%s", strip, d)
		}
	}
}

// without is a list without some names.
func without(list []string, names ...string) []string {
	return slices.DeleteFunc(list, func(name string) bool { return slices.Contains(names, name) })
}

// TestDecodeARM decodes what was told apart too little: floating-point numbers of 32 and 64 bits, and an address that is counted on afterwards.
func TestDecodeARM(t *testing.T) {
	type short struct {
		op   string
		size int
		disp int64
		dst  []loc
	}
	for _, tt := range []struct {
		code uint32
		want short
	}{
		{0xed910a02, short{"VLDR" + single, 4, 8, []loc{floatLoc}}},
		{0xed910b02, short{"VLDR", 8, 8, []loc{floatLoc}}},
		{0xe4c13001, short{"STRB post1" + writeback, 1, 0, []loc{1}}},
	} {
		in := arm{}.decode(binary.LittleEndian.AppendUint32(nil, tt.code), 0x1000)
		got := short{op: in.op, dst: in.dst}
		for _, a := range in.src {
			if a.kind == argMem {
				got.size, got.disp = a.size, a.disp
			}
		}
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(short{})); d != "" {
			t.Errorf("%#x (-want +got):\n%s", tt.code, d)
		}
	}
}
