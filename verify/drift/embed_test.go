package drift

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEmbedded finds other files in a variable of type embed.FS: content of the same length, of another, a file more.
func TestEmbedded(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const use = "import \"example.test/em\"\n\nfunc Use() int { return em.Len() }\n"
	write("go.mod", "module example.test\n\ngo 1.20\n")
	write("em/em.go", "package em\n\nimport \"embed\"\n\n//go:embed *.txt\nvar FS embed.FS\n\n//go:noinline\nfunc Len() int { b, _ := FS.ReadFile(\"a.txt\"); return len(b) }\n")
	write("em/a.txt", "alpha")
	write("p/main.go", "package main\n\n"+use)
	write("host/main.go", "package main\n\nimport _ \"plugin\"\n"+use+"\nfunc main() { println(Use()) }\n")
	host := build(t, dir, "./host", filepath.Join(dir, "host.exe"), true)
	for _, tt := range []struct{ file, text, want string }{
		{"a.txt", "alpha", ""},
		{"a.txt", "bravo", "example.test/em.FS"},
		{"a.txt", "alphabet", "example.test/em.FS"},
		{"b.txt", "more", "example.test/em.FS"},
	} {
		write("em/a.txt", "alpha")
		write("em/"+tt.file, tt.text)
		r := compare(t, host, build(t, dir, "./p", filepath.Join(dir, "p.so"), true), func(pkg string) bool { return pkg == "example.test/em" })
		if d := cmp.Diff(tt.want, strings.Join(names(r.Undecided), " ")); d != "" {
			t.Errorf("%s with %q: %s", tt.file, tt.text, d)
		}
	}
}
