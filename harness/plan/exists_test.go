package plan

import (
	"strings"
	"testing"

	"github.com/plugproof/plugproof/fixtures"
)

func TestCheckPackages(t *testing.T) {
	const files = "-- go.mod --\nmodule example.test/m\n-- host/main.go --\npackage main\n-- p/main.go --\npackage main\n-- docs/x.txt --\nx\n-- sub/go.mod --\nmodule example.test/m/sub\n-- sub/q/main.go --\npackage main\n"
	for _, tt := range []struct{ name, toml, want string }{
		{"all there", "[host]\npackage = \"./host\"\n[[plugin]]\npackage = \"./p\"\n", ""},
		{"by import path", "[host]\npackage = \"example.test/m/host\"\n[[plugin]]\npackage = \"example.test/m/p\"\n", ""},
		{"of another module", "[host]\npackage = \"example.test/gw/cmd/gw@v1.4.0\"\n[[plugin]]\npackage = \"example.test/other/p\"\n", ""},
		{"in another checkout", "[host]\npackage = \"./q\"\ndir = \"sub\"\n[[plugin]]\npackage = \"./p\"\n", ""},
		{"made before the build", "[host]\npackage = \"./made\"\n[[plugin]]\npackage = \"./p\"\n[build]\nbefore = [[\"true\"]]\n", ""},
		{"no host", "[host]\npackage = \"./hots\"\n[[plugin]]\npackage = \"./p\"\n", `plugproof.toml:2:1: package "./hots": no such directory`},
		{"no Go files", "[host]\npackage = \"./host\"\n[[plugin]]\npackage = \"./p\"\n[[plugin]]\npackage = \"./docs\"\n", `plugproof.toml:6:1: package "./docs": no Go files in its directory`},
		{"not in the other checkout", "[host]\npackage = \"./host\"\n[[plugin]]\npackage = \"./p\"\ndir = \"sub\"\n", `plugproof.toml:4:1: package "./p": no such directory`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := fixtures.ParseArchive("t.txtar", []byte(files+"-- plugproof.toml --\n"+tt.toml))
			if err != nil {
				t.Fatal(err)
			}
			check := func(p *Project, a *fixtures.Archive) {
				t.Helper()
				err := p.CheckPackages(a)
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
			p, err := LoadArchive(a, "")
			if err != nil {
				t.Fatal(err)
			}
			check(p, a)
			dir := t.TempDir()
			if err := a.Extract(dir); err != nil {
				t.Fatal(err)
			}
			p, err = Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			check(p, nil)
		})
	}
}
