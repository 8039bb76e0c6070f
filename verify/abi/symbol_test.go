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
		if got := sameType(tt.want, tt.e); got != tt.same {
			t.Errorf("sameType(%q, %+v) = %v", tt.want, tt.e, got)
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
		{"struct{ A int }", "", false},
		{"interface{ M() }", "", false},
		{"a.b/c.G[int]", "", false},
		{"func(", "", false},
	} {
		form, ok := linkForm(tt.want)
		if ok != tt.ok || ok && form != tt.form {
			t.Errorf("linkForm(%q) = %q, %v; want %q, %v", tt.want, form, ok, tt.form, tt.ok)
		}
	}
}
