package abi

import (
	"testing"

	"github.com/plugproof/plugproof/verify/goelf"
)

func TestSameType(t *testing.T) {
	run := func(symbol string) goelf.Export {
		return goelf.Export{Name: "Run", Type: "func(*shared.Config) string", TypeSymbol: symbol}
	}
	const decl = "func(*example.test/abi/shared.Config) string"
	ptr := goelf.Export{Name: "G", Type: "*api.Greeter", TypeSymbol: typeSymbols("*example.test/api.Greeter")[1]}
	tests := []struct {
		want string
		e    goelf.Export
		same bool
	}{
		{decl, run("type:PexYuHk5"), true}, // as go1.26.8 wrote it
		{decl, run("type:PROnR4bG"), true}, // go1.21.13
		{decl, run("type:l/TaM0UN"), true}, // go1.20.14
		{decl, run(""), true},              // the symbol is not there
		{"func(*example.test/abi/shared.Config) int", run("type:PexYuHk5"), false},
		{"func(*other.test/abi/shared.Config) string", run("type:PexYuHk5"), false}, // another import path
		{"func(c *example.test/abi/shared.Config) (string)", run("type:PexYuHk5"), true},
		{"func(string) string", goelf.Export{Type: "func(string) string", TypeSymbol: "type:zp/4vYf+"}, true}, // go1.24.6
		{"*int", goelf.Export{Type: "*int", TypeSymbol: "type:*int"}, true},
		{"*example.test/api.Greeter", ptr, true},
		{"*other.test/api.Greeter", ptr, false},
		{"example.test/api.Greeter", ptr, false},
	}
	for _, tt := range tests {
		if got := (&matcher{main: "example.test/types/p"}).compare(tt.want, tt.e) != other; got != tt.same {
			t.Errorf("compare(%q, %+v) = %v", tt.want, tt.e, got)
		}
	}
}

func TestLinkForm(t *testing.T) {
	for _, tt := range []struct {
		want, form string
		ok         bool
	}{
		{"func( a,b byte, rest ...example.test/x.T ) ( n int, err error )", "func(uint8, uint8, ...example.test/x.T) (int, error)", true},
		{"map[string][]*a.b/c.D", "map[string][]*a.b/c.D", true},
		{"func() io.Reader", "func() io.Reader", true},
		{"[4]rune", "[4]int32", true},
		{"*any", "*interface {}", true},
		{"a.b/c.G[int, a.b/c.T]", "a.b/c.G[int,a.b/c.T]", true},
		{"*main.T", "*example.test/p.T", true},
		{"chan (<-chan int)", "chan (<-chan int)", true},
		{"<-chan chan<- byte", "<-chan chan<- uint8", true},
		{"[N]int", "", false},
		{"struct{ A int }", "", false},
		{"interface{ M() }", "", false},
		{"func(", "", false},
	} {
		form, ok := linkForm(tt.want, "example.test/p")
		if ok != tt.ok || ok && form != tt.form {
			t.Errorf("linkForm(%q) = %q, %v; want %q, %v", tt.want, form, ok, tt.form, tt.ok)
		}
	}
}

// TestTypes are variables and functions of a plugin as go1.26.8 exports them: each is what it is declared to be, and nothing else.
func TestTypes(t *testing.T) {
	const api = "example.test/types/api"
	tests := []struct{ typ, symbol, want, wrong string }{
		{"*[2][3]string", "type:gc/Sh+BP", "*[2][3]string", "*[3][2]string"},
		{"*<-chan string", "type:Z0nZ097d", "*<-chan string", "*chan string"},
		{"*chan (<-chan int)", "type:jklP05qE", "*chan (<-chan int)", "*chan (chan<- int)"},
		{"*map[string][]api.T", "type:hktXAZtU", "*map[string][]" + api + ".T", "*map[string][]other.test/api.T"},
		{"*func(int, ...string) (bool, error)", "type:b5Gp8I+8", "*func(n int, more ...string) (ok bool, err error)", "*func(int, []string) (bool, error)"},
		{"*api.Pair[int,example.test/types/api.T]", "type:wSMsDlMt", "*" + api + ".Pair[int, " + api + ".T]", "*" + api + ".Pair[int, int]"},
		{"*api.hidden", "type:vmBCmArX", "*" + api + ".hidden", "*" + api + ".Hidden"},
		{"*main.Own", "type:+DLM0rb4", "*main.Own", "*main.Other"},
		{"*main.Own", "type:+DLM0rb4", "*example.test/types/p.Own", "*example.test/types/q.Own"},
		{"*func(func(int) string) func() error", "type:94oxd1Ne", "*func(func(int) string) func() error", "*func(func(int) string) error"},
		{"***api.T", "type:frT98hGG", "***" + api + ".T", "**" + api + ".T"},
		{"func(api.Pair[string,int]) *api.Pair[string,int]", "type:ppc3wKOV", "func(p " + api + ".Pair[string, int]) *" + api + ".Pair[string,int]", "func(" + api + ".Pair[int,string]) *" + api + ".Pair[string,int]"},
		{"*unsafe.Pointer", "type:FcJTzs+s", "*unsafe.Pointer", "*uintptr"},
		{`*struct { A int; B string "json:\"b\"" }`, "type:anything", "*struct{ A int; B string `json:\"b\"` }", "*struct{ A int; B string }"},
		{"*interface { M(int) string }", "type:anything", "*interface{ M(n int) string }", "*interface{ M(int) error }"},
		{"*struct { api.T; N int }", "type:anything", "*struct { " + api + ".T; N int }", "*struct { T " + api + ".T; N int }"},
	}
	for _, tt := range tests {
		e := goelf.Export{Type: tt.typ, TypeSymbol: tt.symbol}
		if m := (matcher{main: "example.test/types/p"}); m.compare(tt.want, e) == other {
			t.Errorf("%s is not what it is declared to be, %s", tt.typ, tt.want)
		}
		if m := (matcher{main: "example.test/types/p"}); m.compare(tt.wrong, e) != other {
			t.Errorf("%s passes for %s", tt.typ, tt.wrong)
		}
	}
	if got := escapeDots("func(*gopkg.in/yaml.v3.Node)"); got != "func(*gopkg.in/yaml%2ev3.Node)" {
		t.Errorf("escapeDots = %q", got)
	}
}
