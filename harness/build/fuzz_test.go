package build

import (
	"bytes"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

func FuzzRenameMain(f *testing.F) {
	for _, s := range []string{"package main\nfunc main() {}\n", "package main\r\nfunc/**/main(){}", "\ufeffpackage main\n//line x:1\nfunc main()", "package p\ntype T int\nfunc (T) main() {}", "func main"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 || bytes.Contains(data, []byte(shippedMain)) {
			return
		}
		got, ok, err := renameMain("x.go", data)
		if err != nil {
			return
		}
		if back := bytes.Replace(got, []byte(shippedMain), []byte("main"), 1); !bytes.Equal(back, data) {
			t.Errorf("%q became %q", data, got)
		}
		if !ok {
			return
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "x.go", got, parser.SkipObjectResolution); err != nil {
			t.Errorf("%q does not parse: %v", got, err)
		}
	})
}

func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{"date +%s", `a 'b c' "d\"e"`, `\`, `''`, "\xff\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := SplitWords(s)
		if (err == nil) != (len(words) > 0) {
			t.Errorf("%q: %q, %v", s, words, err)
		}
		if n := len(strings.Join(words, "")); n > 3*len(s) { // a byte that is no UTF-8 becomes three
			t.Errorf("%q: %d bytes of words", s, n)
		}
	})
}
