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
	} {
		if diff := cmp.Diff(tt.want, Idle(mustParse(t, tt.text), tt.sel)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
