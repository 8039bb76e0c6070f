package xbps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// patternTable holds answers of xbps-uhelper pkgmatch (0.60.7).
const patternTable = `libplug-1.1_1	musl>1.1.24_10	0
foo-bar-1.5_3	foo-bar-1.5_3	1
foo-bar-1.5_3	foo>=0	0
musl-1.1.24_10	musl>=1.1<1.2	1
musl-1.2.3_1	musl>=1.1<1.2	0
go-1.27rc1_1	go<1.27	1
go-1.26.8_1	go>1.26.8_1	0
libplug-1.0_2	libplug<=1.0_2	1
libplug-1.0_2	libplug>=1.0_1	1
base-minimal-0.12_1	base-*	1
base-minimal-0.12_1	*	1
foo-1.0_1	foo>=1<2	1
foo-2.0_1	foo-*	1
musl-1.1.24_10	foo-bar>=1	0`

func TestMatch(t *testing.T)       { checkMatches(t, rows(t, patternTable)) }
func TestMatchCorpus(t *testing.T) { checkMatches(t, corpusTable(t, "pkgmatch.tsv")) }

func checkMatches(t *testing.T, table [][]string) {
	for _, r := range table {
		if got := Match(r[0], r[1]); got != (r[2] == "1") {
			t.Errorf("Match(%q, %q) = %v, want %s", r[0], r[1], got, r[2])
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"*", "", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[^a-c]x", "dx", true},
		{"[]]", "]", true},
		{"[a", "[a", true},
		{"[[:digit:]]*", "7up", true},
		{"[[:digit:]a]", "a", true},
		{"\\*", "*", true},
		{"\\*", "x", false},
		{"?", "/", true},
		{"*", ".hidden", false},
		{".*", ".hidden", true},
		{"foo-[0-9]*", "foo-bar-1.0_1", false},
	} {
		if got := glob(c.pattern, c.s); got != c.want {
			t.Errorf("glob(%q, %q) = %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
	if glob(strings.Repeat("a*", 2000)+"c", strings.Repeat("a", 4000)+"b") { // exponential in a careless matcher
		t.Error("a hostile glob matches")
	}
}

func TestNames(t *testing.T) {
	type names struct {
		Name, Version, Pattern, Dependency string
		Valid, Needed                      bool
	}
	got := map[string]names{}
	for _, s := range []string{"foo-1.0_1", "foo-bar-1.17_01_1", "foo-1.0", "foo", "foo-_1", "foo-a_1", "foo>=0", "foo-[0-9]*", "barename"} {
		var n names
		n.Name, n.Version, n.Valid = Split(s)
		n.Pattern, _ = PatternName(s)
		n.Dependency, n.Needed = DependencyName(s)
		got[s] = n
	}
	want := map[string]names{
		"foo-1.0_1":         {Name: "foo", Version: "1.0_1", Dependency: "foo", Valid: true, Needed: true},
		"foo-bar-1.17_01_1": {Name: "foo-bar", Version: "1.17_01_1", Dependency: "foo-bar", Valid: true, Needed: true},
		"foo-1.0":           {},
		"foo":               {},
		"foo-_1":            {},
		"foo-a_1":           {},
		"foo>=0":            {Pattern: "foo", Dependency: "foo", Needed: true},
		"foo-[0-9]*":        {Pattern: "foo", Dependency: "foo", Needed: true},
		"barename":          {},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	pkgver, arch, ok := SplitFile("foo-1.0_1.x86_64-musl.xbps")
	if pkgver != "foo-1.0_1" || arch != "x86_64-musl" || !ok {
		t.Errorf("SplitFile: %q %q %v", pkgver, arch, ok)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("foo-1.0_1", "foo>=1<2")
	f.Add("foo-1.0_1", "foo-[[:digit:]\\")
	f.Add("-", "<")
	f.Fuzz(func(t *testing.T, pkgver, pattern string) {
		if len(pkgver)+len(pattern) > 4096 {
			return
		}
		Match(pkgver, pattern)
		Split(pkgver)
		DependencyName(pattern)
		SplitFile(pkgver)
	})
}
