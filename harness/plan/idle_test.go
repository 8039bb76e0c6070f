package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdle(t *testing.T) {
	const matrix = "[matrix]\ngo = [\"go1.25.3\", \"tip=path:/src/go\"]\narch = [\"amd64\"]\n"
	expect := func(when string) string { return "[[expect]]\nwhen = { " + when + " }\nverdict = \"abort\"\n" }
	for _, tt := range []struct {
		name, text string
		sel        Selection
		want       []string
	}{
		{"a Go that is not listed", good + matrix + "[[matrix.exclude]]\nplugin_go = \"go1.25.4\"\n", Selection{},
			[]string{`plugproof.toml:9:1: it fits no cell: no go of [matrix] is "go1.25.4"`}},
		{"an architecture that is not listed", good + matrix + expect(`arch = "arm"`), Selection{}, []string{`plugproof.toml:9:10: it fits no cell: no arch of [matrix] is "arm"`}},
		{"the caller adds it", good + matrix + expect(`arch = "arm"`), Selection{Arch: []string{"arm"}}, nil},
		{"the caller adds the Go", good + matrix + expect(`host_go = "go1.26.8"`), Selection{Go: []string{"go1.26.8"}}, nil},
		{"listed by its name", good + matrix + expect(`host_go = "tip"`), Selection{}, nil},
		{"listed by its path", good + matrix + expect(`host_go = "tip=path:/src/go"`), Selection{}, nil},
		{"an include adds it", good + matrix + "[[matrix.include]]\narch = \"arm\"\n" + expect(`arch = "arm"`), Selection{}, nil},
		{"no matrix", good + expect(`host_go = "go1.26.8"`), Selection{}, nil},
		{"a plugin's own Go", good + "go = \"go1.24.6\"\n" + matrix + expect(`plugin_go = "go1.24.6"`), Selection{}, nil},
		{"an exclude of what is never together", good + "go = \"go1.24.6\"\n" + matrix + "[[matrix.exclude]]\nplugin_go = \"tip\"\n", Selection{},
			[]string{"plugproof.toml:9:3: it takes no cell away"}},
		{"an exclude of one pair", good + matrix + "[[matrix.exclude]]\nhost_go = \"tip\"\nplugin_go = \"go1.25.3\"\n", Selection{}, nil},
		{"an include that adds nothing", good + matrix + "[[matrix.include]]\nhost_go = \"tip\"\n", Selection{}, []string{"plugproof.toml:8:3: it adds no cell"}},
		{"an include of a pair", good + matrix + "[[matrix.include]]\nhost_go = \"tip\"\nplugin_go = \"go1.25.3\"\n", Selection{}, nil},
		{"an include of what was excluded", good + matrix + "[[matrix.exclude]]\nhost_go = \"tip\"\n[[matrix.include]]\nhost_go = \"tip\"\n", Selection{}, nil},
		{"an include without a matrix", good + "[[matrix.include]]\nhost_go = \"go1.27.0\"\n" + expect(`host_go = "go1.27.0"`), Selection{DefaultGo: "go1.26.8"}, nil},
		{"an include twice", good + matrix + "[[matrix.include]]\narch = \"arm\"\n[[matrix.include]]\nhost_go = \"tip\"\narch = \"arm\"\n", Selection{},
			[]string{"plugproof.toml:10:3: it adds no cell"}},
		{"an expectation of excluded cells", good + matrix + "[[matrix.exclude]]\nhost_go = \"tip\"\n" + expect(`host_go = "tip"`), Selection{}, []string{"plugproof.toml:10:3: it fits no cell"}},
		{"an expectation of a pair", good + matrix + expect(`host_go = "tip", plugin_go = "go1.25.3"`), Selection{}, nil},
		{"an expectation that is overridden", good + matrix + expect(`host_go = "tip"`) + expect(`arch = "amd64"`), Selection{},
			[]string{"plugproof.toml:8:3: later ones override it in every cell that it fits"}},
		{"of a plugin with its own Go", good + "go = \"go1.24.6\"\n" + matrix + expect(`plugin_go = "tip"`), Selection{}, []string{"plugproof.toml:9:3: it fits no cell"}},
		{"one of two plugins has its own Go", good + "[[plugin]]\npackage = \"./q\"\ngo = \"go1.24.6\"\n" + matrix + expect(`plugin_go = "tip"`), Selection{}, nil},
		{"the caller adds it to an open axis", good + "[[matrix.exclude]]\nhost_go = \"go1.22.1\"\n", Selection{Go: []string{"go1.26.8"}}, nil},
	} {
		if diff := cmp.Diff(tt.want, Idle(mustParse(t, tt.text), tt.sel)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// An include cannot say of a cell what it is not built with.
func TestIncludeAgainstAFixedGo(t *testing.T) {
	const shipped = "[host]\nfile = \"gw\"\n[[plugin]]\npackage = \"./p\"\n"
	for _, tt := range []struct{ name, text, want string }{
		{"plugins of another Go", good + "go = \"go1.24.6\"\n[[matrix.include]]\nplugin_go = \"go1.26.8\"\n", `plugproof.toml:7:1: plugin_go cannot be "go1.26.8": all plugins are of go "go1.24.6" in every cell`},
		{"plugins of that Go", good + "go = \"go1.24.6\"\n[[matrix.include]]\nplugin_go = \"go1.24.6\"\n", ""},
		{"a shipped host", shipped + "[[matrix.include]]\nhost_go = \"go1.26.8\"\n", `plugproof.toml:6:1: host_go cannot be "go1.26.8": the host is of go "shipped" in every cell`},
		{"plugins of several Gos", good + "go = \"go1.24.6\"\n[[plugin]]\npackage = \"./q\"\ngo = \"go1.25.3\"\n[[matrix.include]]\nplugin_go = \"go1.24.6\"\n",
			`plugproof.toml:10:1: plugin_go cannot be "go1.24.6": all plugins are of go "go1.24.6,go1.25.3" in every cell`},
	} {
		got := ""
		if _, err := ParseProject("plugproof.toml", []byte(tt.text)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Where every plugin has a Go of its own there is nothing to pair hosts with but those.
func TestPluginsOfSeveralGos(t *testing.T) {
	p := mustParse(t, good+"go = \"go1.24.6\"\n[[plugin]]\npackage = \"./q\"\ngo = \"go1.25.3\"\n")
	cells, err := Cells(p, Selection{Go: []string{"go1.26.8", "go1.25.3"}, Arch: []string{"arm"}, Pairs: "all"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"arm go1.25.3+go1.24.6,go1.25.3: predicted ok", "arm go1.26.8+go1.24.6,go1.25.3: predicted predicted"}, lines(cells)); diff != "" {
		t.Error(diff)
	}
}
