package plan

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
)

func mustParse(t *testing.T, text string) *Project {
	t.Helper()
	p, err := ParseProject("plugproof.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p.Name = "example.test/m"
	return p
}

// line is "arch host+plugin: verdicts" of a cell.
func lines(cells []Cell) []string {
	var out []string
	for _, c := range cells {
		s := c.Arch + " " + c.HostGo + "+" + c.PluginGo + ":"
		for _, pl := range c.Plugins {
			s += " " + pl.Expected
		}
		out = append(out, s)
	}
	return out
}

func TestCells(t *testing.T) {
	def := Selection{DefaultGo: "go1.26.8"}
	for _, tt := range []struct {
		name, text string
		sel        Selection
		want       []string
	}{
		{"defaults", good, def, []string{"amd64 go1.26.8+go1.26.8: ok", "arm go1.26.8+go1.26.8: ok"}},
		{"selection wins", good + "[matrix]\ngo = [\"go1.20.14\"]\narch = [\"arm\"]\n", Selection{Go: []string{"go1.25.3"}, Arch: []string{"amd64"}},
			[]string{"amd64 go1.25.3+go1.25.3: ok"}},
		{"pairs", good + "expect = \"mismatch\"\n[matrix]\ngo = [\"go1.26.8\", \"go1.9.7\"]\narch = [\"arm\"]\n", Selection{Pairs: "all"},
			[]string{"arm go1.9.7+go1.9.7: mismatch", "arm go1.9.7+go1.26.8: predicted", "arm go1.26.8+go1.9.7: predicted", "arm go1.26.8+go1.26.8: mismatch"}},
		{"own go", good + "go = \"go1.25.3\"\n[[expect]]\nwhen = { host_go = \"go1.26.8\" }\nverdict = \"abort\"\n",
			Selection{Go: []string{"go1.26.8", "go1.25.3", "go1.24.6"}, Arch: []string{"arm"}},
			[]string{"arm go1.24.6+go1.25.3: predicted", "arm go1.25.3+go1.25.3: ok", "arm go1.26.8+go1.25.3: abort"}},
		{"two plugins, one with its own go", good + "[[plugin]]\npackage = \"./q\"\ngo = \"go1.26.7\"\n", Selection{DefaultGo: "go1.26.8", Arch: []string{"arm"}},
			[]string{"arm go1.26.8+go1.26.8: ok predicted"}},
		{"the last expectation wins", good + "[[expect]]\nwhen = { arch = \"arm\" }\nverdict = \"abort\"\n[[expect]]\nwhen = { libc = \"musl\" }\nplugin = \"./p\"\nverdict = \"mismatch\"\n",
			def, []string{"amd64 go1.26.8+go1.26.8: mismatch", "arm go1.26.8+go1.26.8: mismatch"}},
		{"shipped host", "[host]\nfile = \"gw\"\n[[plugin]]\npackage = \"./p\"\n", Selection{DefaultGo: "go1.26.8", Arch: []string{"arm"}},
			[]string{"arm shipped+go1.26.8: ok"}},
		{"a lock for a host", "[host]\nlock = \"gw.lock\"\n[[plugin]]\npackage = \"./p\"\n", Selection{DefaultGo: "go1.26.8", Arch: []string{"arm"}},
			[]string{"arm shipped+go1.26.8: ok"}},
		{"include and exclude", good + "[matrix]\ngo = [\"go1.25.3\", \"go1.26.8\"]\n[[matrix.exclude]]\narch = \"arm\"\nhost_go = \"go1.25.3\"\n" +
			"[[matrix.include]]\nhost_go = \"go1.25.3\"\nplugin_go = \"go1.26.8\"\narch = \"amd64\"\n", def,
			[]string{"amd64 go1.25.3+go1.25.3: ok", "amd64 go1.25.3+go1.26.8: predicted", "amd64 go1.26.8+go1.26.8: ok", "arm go1.26.8+go1.26.8: ok"}},
		{"include outside the selection", good + "[[matrix.include]]\nhost_go = \"go1.25.3\"\n", Selection{Go: []string{"go1.26.8"}, Arch: []string{"arm"}},
			[]string{"arm go1.26.8+go1.26.8: ok"}},
		{"named path", good + "[matrix]\ngo = [\"tip=path:/src/go\"]\n", Selection{Go: []string{"tip", "path:/x/dev"}, Arch: []string{"arm"}},
			[]string{"arm dev+dev: ok", "arm tip+tip: ok"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cells, err := Cells(mustParse(t, tt.text), tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(cells)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCellsErrors(t *testing.T) {
	for _, tt := range []struct {
		text string
		sel  Selection
		want string
	}{
		{good, Selection{Go: []string{"1.26"}}, `go "1.26" is not a version`},
		{good, Selection{Go: []string{"a=path:/x", "a=path:/y"}}, "two toolchains are named"},
		{good, Selection{DefaultGo: "go1.26.8", Arch: []string{"x86"}}, `unknown arch "x86"`},
		{good, Selection{DefaultGo: "go1.26.8", Pairs: "some"}, `unknown pairs "some"`},
		{good + "[[matrix.exclude]]\nlibc = \"musl\"\n", Selection{DefaultGo: "go1.26.8"}, "no cell is left"},
	} {
		if _, err := Cells(mustParse(t, tt.text), tt.sel); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func TestJobs(t *testing.T) {
	cells, err := Cells(mustParse(t, full), Selection{Arch: []string{"arm"}, Go: []string{"tip"}})
	if err != nil {
		t.Fatal(err)
	}
	c := cells[0]
	want := Job{Subject: "host", Package: "./cmd/gateway", Dir: "../gateway", Go: GoSpec{Name: "go1.25.3"}, Rebuild: "build-id-only",
		Flags: []string{"-trimpath", "-buildvcs=false", "-buildmode=pie"}, Env: map[string]string{"CGO_CFLAGS": "-O2", "GOAMD64": "v2", "GOARM": "7"}}
	if diff := cmp.Diff(want, c.HostJob); diff != "" {
		t.Error(diff)
	}
	pl := c.Plugins[0]
	if pl.Env["CGO_CFLAGS"] != "-O1" || pl.Go.String() != "tip=path:/src/go" || len(pl.Flags) != 4 || c.CC == "" || c.Level != "GOARM=7" {
		t.Errorf("plugin job: %+v of %+v", pl, c)
	}
	if old := c.Plugins[1]; old.Rebuild != "" || old.Go != (GoSpec{}) || old.File != "dist/old.so" {
		t.Errorf("shipped plugin: %+v", old)
	}
	for _, tt := range []struct {
		verdict string
		causes  []string
		want    bool
	}{{"debug-only", []string{"build-path"}, true}, {"debug-only", nil, false}, {"identical", []string{"build-path"}, false}} {
		if got := pl.RebuildAsExpected(tt.verdict, tt.causes); got != tt.want {
			t.Errorf("RebuildAsExpected(%v) = %v", tt, got)
		}
	}
}

func ids(t *testing.T, p *Project, sel Selection) []results.CellID {
	t.Helper()
	cells, err := Cells(p, sel)
	if err != nil {
		t.Fatal(err)
	}
	if err := Distinct(cells); err != nil {
		t.Fatal(err)
	}
	var out []results.CellID
	for _, pc := range ToPlan("run", "test", 1, cells).Cells {
		out = append(out, pc.ID)
	}
	return out
}

// The order of tables, keys and axis values does not matter: neither for the ids nor for their order.
func TestCellIDsProperty(t *testing.T) {
	tables := []string{
		"[host]\n" + "package = \"./host\"\n",
		"[[plugin]]\npackage = \"./p\"\nexpect = \"ok\"\n",
		"[[expect]]\nverdict = \"abort\"\nwhen = { arch = \"arm\", host_go = \"go1.25.3\" }\n",
	}
	env := []string{"A = \"1\"", "B = \"2\"", "GOARM = \"6\"", "C = \"3\""}
	gos := []string{`"go1.25.3"`, `"go1.26.8"`, `"go1.20.14"`, `"tip=path:/src/go"`}
	arches := []string{`"amd64"`, `"arm"`}
	var want []results.CellID
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		for _, s := range [][]string{tables, env, gos, arches} {
			rnd.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		}
		all := append(slices.Clone(tables), "[build]\nflags = [\"-trimpath\"]\nenv = { "+strings.Join(env, ", ")+" }\n",
			"[matrix]\narch = ["+strings.Join(arches, ", ")+"]\ngo = ["+strings.Join(gos, ", ")+"]\n")
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got := ids(t, mustParse(t, strings.Join(all, "")), Selection{Pairs: "all"})
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
	if len(want) != 32 {
		t.Errorf("%d cells, want 2 x 4 x 4", len(want))
	}
}

// The id of a cell is part of what other machines and later versions rely on.
func TestCellIDIsStable(t *testing.T) {
	got := ids(t, mustParse(t, good+"[build]\nflags = [\"-trimpath\"]\n"), Selection{DefaultGo: "go1.26.8", Arch: []string{"amd64"}})
	if diff := cmp.Diff([]results.CellID{"c1ef384ec3d094221cda953b43f2a95795e863e50644a7c10777a003ee2ff571"}, got); diff != "" {
		t.Error(diff)
	}
}
