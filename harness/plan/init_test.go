package plan

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/fixtures"
)

func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOPROXY=off", "GOFLAGS=")
	return cmd.Output()
}

func tree(t *testing.T, text string) string {
	t.Helper()
	a, err := fixtures.ParseArchive("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := a.Extract(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

const several = `
-- go.mod --
module example.test/m
go 1.20
-- loader/loader.go --
package loader
import "plugin"
func Load(p string) error { _, err := plugin.Open(p); return err }
-- cmd/b/main.go --
package main
import "example.test/m/loader"
func main() { loader.Load("x") }
-- cmd/a/main.go --
package main
import _ "plugin"
func main() { println() }
-- cmd/tool/main.go --
package main
func main() { println() }
-- p/one/main.go --
package main
func X() {}
-- p/two/main.go --
package main
func main() {}
-- broken/main.go --
package main
func main() {
`

func TestInit(t *testing.T) {
	dir := tree(t, several)
	d, err := Init(context.Background(), dir, "", goCommand)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"./cmd/a", "./cmd/b"}, {"./p/one", "./p/two"}}, [][]string{packages(d.Hosts), packages(d.Plugins)}); diff != "" {
		t.Error(diff)
	}
	if len(d.Broken) == 0 || !strings.Contains(string(d.Text), "# package = \"./cmd/b\"\n") || !strings.Contains(string(d.Text), "choose one") {
		t.Errorf("broken %q, text:\n%s", d.Broken, d.Text)
	}
	if err := d.Write(dir); err != nil {
		t.Fatal(err)
	}
	p, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "example.test/m" || p.Host.Package != "./cmd/a" || len(p.Plugins) != 2 {
		t.Errorf("read back: %+v", p)
	}
	if err := d.Write(dir); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("second write: %v", err)
	}
	if _, err := Init(context.Background(), dir, "", goCommand); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("second init: %v", err)
	}
}

func packages(ps []Place) (out []string) {
	for _, p := range ps {
		out = append(out, p.String())
	}
	return out
}

// TestInitWorkspace: the host and the plugins are in two modules of one go.work, and either may hold the file.
func TestInitWorkspace(t *testing.T) {
	dir := tree(t, `-- go.work --
go 1.20
use (
	./api
	./gw
	./plug
)
-- api/go.mod --
module example.test/api
go 1.20
-- api/api.go --
package api
-- gw/go.mod --
module example.test/gw
go 1.20
-- gw/cmd/main.go --
package main
import _ "plugin"
func main() { println() }
-- plug/go.mod --
module example.test/plug
go 1.20
-- plug/greet/main.go --
package main
func X() {}
`)
	for _, tt := range []struct{ dir, host, plugin string }{
		{"plug", "../gw ./cmd", "./greet"},
		{"gw", "./cmd", "../plug ./greet"},
		{"api", "../gw ./cmd", "../plug ./greet"},
	} {
		at := filepath.Join(dir, tt.dir)
		d, err := Init(context.Background(), at, "", goCommand)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{{tt.host}, {tt.plugin}}, [][]string{packages(d.Hosts), packages(d.Plugins)}); diff != "" {
			t.Error(diff)
		}
		if err := d.Write(at); err != nil {
			t.Fatal(err)
		}
		if p, err := Load(at); err != nil || (tt.dir != "gw" && p.Host.Dir != "../gw") {
			t.Errorf("read back: %+v, %v", p, err)
		}
	}
	var bad *Error
	if _, err := Init(context.Background(), dir, "", goCommand); !errors.As(err, &bad) || !strings.Contains(bad.Error(), "is a workspace and no module") {
		t.Errorf("the workspace itself: %v", err)
	}
}

func TestInitErrors(t *testing.T) {
	elsewhere := "-- go.mod --\nmodule example.test/m\ngo 1.20\n-- p/main.go --\npackage main\nfunc X() {}\n"
	for _, tt := range []struct{ text, want, hint string }{
		{elsewhere, "no host in", "--host"},
		{"-- go.mod --\nmodule example.test/m\ngo 1.20\n-- h/main.go --\npackage main\nimport _ \"plugin\"\nfunc main() { println() }\n", "no plugin in", "func main"},
	} {
		_, err := Init(context.Background(), tree(t, tt.text), "", goCommand)
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(bad.Error(), tt.want) || !strings.Contains(bad.Hint(), tt.hint) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	d, err := Init(context.Background(), tree(t, elsewhere), "example.test/gw/cmd/gateway@v1.4.0", goCommand)
	if err != nil || !strings.Contains(string(d.Text), "gateway@v1.4.0") {
		t.Errorf("with a host from elsewhere: %v", err)
	}
	if _, err := Init(context.Background(), tree(t, elsewhere), "../x.go", goCommand); err == nil {
		t.Error("a host that is a file was written")
	}
}

func TestLoad(t *testing.T) {
	dir := tree(t, "-- go.mod --\nmodule example.test/m // comment\n-- sub/dir/plugproof.toml --\n"+good+"-- bad/plugproof.toml --\n[host\n-- empty/x --\n")
	p, err := Load(filepath.Join(dir, "sub", "dir"))
	if err != nil || p.Name != "example.test/m//sub/dir" || p.Module != "example.test/m" {
		t.Errorf("%+v, %v", p, err)
	}
	outside := t.TempDir()
	for _, tt := range []struct{ dir, want, hint string }{
		{filepath.Join(dir, "none"), "no such directory", ""},
		{filepath.Join(dir, "go.mod"), "is not a directory", ""},
		{filepath.Join(dir, "empty"), "no plugproof.toml in", "plugproof init"},
		{filepath.Join(dir, "bad"), "plugproof.toml:1:6: ", ""},
		{outside, "no go.mod in", "go mod init"},
	} {
		_, err := Load(tt.dir)
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(bad.Error(), tt.want) || !strings.Contains(bad.Hint(), tt.hint) {
			t.Errorf("%s: got %v, want %s", tt.dir, err, tt.want)
		}
	}
}

// Every fixture plans a cell for each architecture, and says what it expects there.
func TestFixtures(t *testing.T) {
	for _, name := range fixtures.Names() {
		a, err := fixtures.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := LoadArchive(a, fixtures.Prefix+name)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := Cells(p, Selection{DefaultGo: "go1.26.8"})
		if err != nil {
			t.Fatal(err)
		}
		if len(cells) != len(Arches) {
			t.Errorf("%s: %d cells", name, len(cells))
		}
		for _, c := range cells {
			for _, pl := range c.Plugins {
				if pl.Expected == Predicted {
					t.Errorf("%s: nothing is expected of %s with the default Go", c.Cell, pl.Subject)
				}
			}
		}
	}
}
