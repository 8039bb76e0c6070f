package actions

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const graphText = `[
	{"ID": 0, "Mode": "link-install", "Package": "p", "Deps": [1], "BuildID": "L/M/m/l", "Cmd": null},
	{"ID": 1, "Mode": "link", "Package": "p", "Deps": [2, 3], "ActionID": "L", "BuildID": "L/M/m/l", "TimeDone": "2026-11-23T06:23:35Z"},
	{"ID": 2, "Mode": "build", "Package": "p", "Deps": [3, 4], "NeedBuild": true, "ActionID": "M", "BuildID": "M/m"},
	{"ID": 3, "Mode": "build", "Package": "lib", "Deps": [4], "ActionID": "B", "BuildID": "B/b", "Cmd": ["compile -o x"], "CmdUser": 12},
	{"ID": 4, "Mode": "some mode to come", "Package": "", "News": {"a": [1]}},
	{"ID": 5, "Mode": "build", "Package": "unsafe", "Deps": []}
]`

func readGraphText(t *testing.T, s string) *Graph {
	t.Helper()
	g, err := ReadGraph(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCompareGraphs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		edit    []string // old and new in turn
		roots   []string
		cascade int
	}{
		{name: "the same"},
		{name: "other inputs", edit: []string{`"ActionID": "B", "BuildID": "B/b"`, `"ActionID": "C", "BuildID": "C/b"`}, roots: []string{"inputs: B => C (build lib)"}},
		{name: "other contents", edit: []string{"B/b", "B/c", `"M"`, `"N"`, "M/m", "N/m", `"L"`, `"K"`, "L/M", "K/N"}, cascade: 2, roots: []string{"output: b => c (build lib)"}},
		{name: "other file", edit: []string{"L/M/m/l", "L/M/m/k"}, roots: []string{"output: l => k (link p)"}},
		{name: "a cascade", edit: []string{`"ActionID": "B", "BuildID": "B/b"`, `"ActionID": "C", "BuildID": "C/c"`, `"M"`, `"N"`, "M/m", "N/m", `"L"`, `"K"`, "L/M", "K/N"},
			roots: []string{"inputs: B => C (build lib)"}, cascade: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := readGraphText(t, graphText), readGraphText(t, strings.NewReplacer(tt.edit...).Replace(graphText))
			got := Compare(Side{Graph: a}, Side{Graph: b})
			var roots []string
			for _, r := range got.Roots {
				roots = append(roots, r.text())
			}
			if d := cmp.Diff(tt.roots, roots); d != "" || got.Cascade != tt.cascade || got.Actions != 3 {
				t.Errorf("cascade is %d of %d, roots (-want +got):\n%s", got.Cascade, got.Actions, d)
			}
		})
	}
}

// TestLinkIsUnstable: logs are equal, for what links is no input, and the graph shows the file.
func TestLinkIsUnstable(t *testing.T) {
	l := readLog(t, base().log())
	g := strings.NewReplacer(`"p"`, `"example.test/p"`, `"lib"`, `"example.test/lib"`).Replace(graphText)
	got := Compare(Side{l, readGraphText(t, g)}, Side{l, readGraphText(t, strings.ReplaceAll(g, "L/M/m/l", "L/M/m/k"))})
	if r := got.First(); r == nil || !r.Unstable() || !r.Whole || r.text() != "output: l => k (link example.test/p)" {
		t.Errorf("got %+v", got)
	}
}

func TestBadGraphs(t *testing.T) {
	for name, s := range map[string]string{
		"empty":                 "",
		"no array":              `{"ID": 1}`,
		"cut":                   graphText[:len(graphText)-20],
		"two of one ID":         `[{"ID": 1}, {"ID": 1}]`,
		"an action that is not": `[{"ID": 1, "Deps": [7]}]`,
		"something behind":      graphText + "[]",
		"another type":          `[{"ID": "x"}]`,
	} {
		if g, err := ReadGraph(strings.NewReader(s)); err == nil {
			t.Errorf("%s: %d actions and no error", name, len(g.nodes))
		}
	}
	endless := io.MultiReader(strings.NewReader(`[{"Mode": "`), repeated("x"))
	if _, err := ReadGraph(endless); !errors.Is(err, ErrTooLong) {
		t.Errorf("an endless graph: %v", err)
	}
	circle := readGraphText(t, `[{"ID":1,"Mode":"build","Package":"a","Deps":[2],"ActionID":"A","BuildID":"A/a"},{"ID":2,"Mode":"build","Package":"b","Deps":[1],"ActionID":"B","BuildID":"B/b"}]`)
	Compare(Side{Graph: circle}, Side{Graph: circle})
}

type repeated string

func (r repeated) Read(b []byte) (int, error) {
	return copy(b, strings.Repeat(string(r), len(b)/len(r))), nil
}

func TestLongLogs(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"an endless line": io.MultiReader(strings.NewReader("HASH[build x]\nHASH[build x]: \""), repeated("x")),
		"endless inputs":  io.MultiReader(strings.NewReader("HASH[build x]\n"), &numbered{}),
	} {
		if _, err := ReadLog(r); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l, err := ReadLog(io.MultiReader(io.LimitReader(repeated("x"), 1<<20), strings.NewReader("\n"+base().log())))
	if err != nil || len(l.actions) != 4 {
		t.Errorf("a long line of a compiler: %v", err)
	}
}

// numbered writes inputs that are all different.
type numbered struct{ n int }

func (r *numbered) Read(b []byte) (int, error) {
	r.n++
	return copy(b, "HASH[build x]: \"file "+strings.Repeat(string(rune('a'+r.n%26)), 200)+" "+strings.Repeat("0123456789"[r.n%10:r.n%10+1], r.n/10%64)+string(rune(0x100+r.n/640))+"\"\n"), nil
}

func FuzzReadLog(f *testing.F) {
	f.Add([]byte(base().log()))
	p := base()
	p.dir, p.extra, p.cflags = "/src", true, `["-D" "a b"]`
	f.Add([]byte(p.log()))
	f.Add([]byte("HASH[build x]\nHASH[build x]: \"go1\"\nHASH[link x]\nHASH[build x]: \"import x y\\n\"\nHASH[build x]: 00\n"))
	other := readFuzzed([]byte(base().log()))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := readFuzzed(b)
		if l == nil {
			return
		}
		if got := Compare(Side{Log: l}, Side{Log: l}); len(got.Roots)+got.Cascade+len(got.OnlyA)+len(got.OnlyB) > 0 {
			t.Fatalf("a log differs from itself: %+v", got)
		}
		x, y := Compare(Side{Log: l}, Side{Log: other}), Compare(Side{Log: other}, Side{Log: l})
		if len(x.OnlyA) != len(y.OnlyB) || x.Actions != y.Actions {
			t.Fatalf("one way %+v, the other %+v", x, y)
		}
	})
}

func readFuzzed(b []byte) *Log {
	l, err := ReadLog(strings.NewReader(string(b)))
	if err != nil {
		return nil
	}
	return l
}

func FuzzReadGraph(f *testing.F) {
	f.Add([]byte(graphText))
	f.Add([]byte(`[{"ID":1,"Mode":"build","Package":"a","Deps":[2],"BuildID":"A/a"},{"ID":2,"Mode":"link","Package":"b","Deps":[1,1,2],"BuildID":"B"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := ReadGraph(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		if got := Compare(Side{Graph: g}, Side{Graph: g}); len(got.Roots)+got.Cascade+len(got.OnlyA)+len(got.OnlyB) > 0 {
			t.Fatalf("a graph differs from itself: %+v", got)
		}
	})
}
