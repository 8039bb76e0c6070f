package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/fixtures"
)

func TestPlan(t *testing.T) {
	dir := t.TempDir()
	if err := fixtures.Extract("clock", filepath.Join(dir, "clock")); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"own.txtar":               "-- go.mod --\nmodule example.test/own\n-- plugproof.toml --\n[host]\npackage = \"./h\"\n[[plugin]]\npackage = \"./p\"\n-- h/main.go --\npackage main\n-- p/main.go --\npackage main\n",
		"lacks.txtar":             "-- go.mod --\nmodule example.test/own\n-- plugproof.toml --\n[host]\npackage = \"./h\"\n[[plugin]]\npackage = \"./p\"\n-- h/main.go --\npackage main\n",
		"escape.txtar":            "-- ../x --\n",
		"broken/go.mod":           "module example.test/broken\n",
		"broken/plugproof.toml":   "[host]\npackage = \"./h\"\n[[plugin]]\npackage = \"./p\"\n[build]\nflgs = []\n",
		"noconfig/go.mod":         "module example.test/noconfig\n",
		"nomodule/plugproof.toml": "",
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"plan clock", 0, "example.test/clock  amd64 GOAMD64=v1  ./plugins/hello  go1.26.8  embedded-time  ok\n", ""},
		{"plan --arch arm --go go1.25.3 fixture:go-minor own.txtar", 0, "2 cells\n", ""},
		{"plan lacks.txtar", 2, "", `lacks.txtar/plugproof.toml:4:1: package "./p": no such directory`},
		{"plan none", 2, "", `no such directory`},
		{"plan nomodule", 2, "", `no go.mod in`},
		{"plan noconfig", 2, "", "plugproof init"},
		{"plan broken", 2, "", `plugproof.toml:6:1: unknown key "flgs" in [build]`},
		{"plan fixture:none", 2, "", `unknown fixture "none"`},
		{"plan none.txtar", 2, "", `reading "none.txtar"`},
		{"plan escape.txtar", 2, "", `not a clean relative path`},
		{"plan --go go1.26 clock", 2, "", "did you mean go1.26.0?"},
		{"plan --pairs some clock", 2, "", `unknown pairs "some"`},
		{"plan clock clock", 2, "", "occurs twice"},
		{"init none", 2, "", `no such directory`},
		{"init clock", 2, "", `already`},
	} {
		r := run(t, dir, strings.Fields(tt.args)...)
		if r.code != tt.code || !strings.Contains(r.stdout, tt.stdout) || !strings.Contains(r.stderr, tt.stderr) {
			t.Errorf("%s: exit code %d\n%s%s", tt.args, r.code, r.stdout, r.stderr)
		}
	}
}
