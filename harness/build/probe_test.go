package build

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/proc"
)

func TestRenameMainLeavesEveryOtherByte(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "package main\n\nfunc main() { main2() }\n", "package main\n\nfunc plugproofShippedMain() { main2() }\n"},
		{"odd spacing, CRLF, comments", "// func main()\r\npackage main\r\nfunc/*main*/ \t main /*x*/ ( ) {\r\n\t_ = \"func main()\"}", "// func main()\r\npackage main\r\nfunc/*main*/ \t plugproofShippedMain /*x*/ ( ) {\r\n\t_ = \"func main()\"}"},
		{"byte order mark and line directive", "\ufeff//line other.go:9\npackage main\nfunc main(){}", "\ufeff//line other.go:9\npackage main\nfunc plugproofShippedMain(){}"},
		{"a method is not it", "package main\ntype T int\nfunc (T) main() {}\n", ""},
		{"a variable is not it", "package x\nvar main = func() {}\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := renameMain("x.go", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				got = nil
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// hosts are mains of several kinds, and plugins with contracts.
const hosts = `
-- go.mod --
module example.test/hosts

go 1.21
-- api/api.go --
package api

type Greeter interface{ Greet(name string) string }
-- thin/main.go --
package main

import (
	"plugin"

	_ "example.test/hosts/api"
)

func main() {
	plugin.Open("")
	println("thin main")
}
-- cgo/a.go --
package main

import "os"

func init() { os.Stderr.WriteString("init ran\n") }
-- cgo/main.go --
package main

/*
static int answer(void) { return 42; }
*/
import "C"

import (
	"fmt"
	"os"

	"example.test/hosts/deep"
)

func main() {
	deep.Open("")
	fmt.Println("cgo main", C.answer(), os.Args[1:])
}
-- deep/deep.go --
package deep

import (
	"plugin"

	_ "example.test/hosts/api"
)

func Open(s string) { plugin.Open(s) }
-- tagged/main.go --
//go:build extra

package main

import "plugin"

func main() { plugin.Open(""); println("extra main") }
-- tagged/other.go --
//go:build !extra

package main

import "plugin"

func main() { plugin.Open(""); println("other main") }
-- none/main.go --
package main

func main() {}
-- plugin/good/good.go --
package main

import "example.test/hosts/api"

type hello struct{}

func (hello) Greet(name string) string { return name }

var Greeter api.Greeter = hello{}

var Typed struct{ A int }

func Function(x *hello, m map[string][]api.Greeter, more ...int) (chan<- bool, error) { return nil, nil }
-- plugin/other/api/api.go --
package api
-- plugin/bad/bad.go --
package main

func init() { panic("bad on purpose") }
`

// report runs a probe on this machine, which has musl's loader, and gives what it reported, with the hexadecimal text readable.
func report(t *testing.T, probe string, env []string, args ...string) (lines []string, out string, res proc.Result) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var said bytes.Buffer
	res, err = proc.Run(t.Context(), proc.Cmd{Path: probe, Args: args, Env: env, Stdout: &said, Stderr: &said, ExtraFiles: []*os.File{w}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	all.ReadFrom(r)
	for line := range strings.Lines(all.String()) {
		f := strings.Fields(line)
		if n := len(f) - 1; len(f[n])%2 == 0 && len(f[n]) > 2 {
			if b, err := hex.DecodeString(f[n]); err == nil {
				f[n] = string(b)
			}
		}
		lines = append(lines, strings.Join(f, " "))
	}
	return lines, said.String(), res
}

func TestProbe(t *testing.T) {
	b, x := world(t)
	if _, err := os.Stat("/lib/ld-musl-x86_64.so.1"); err != nil {
		t.Skip("no musl loader on this machine to run probes with")
	}
	tr := tree(t, project(t, hosts))
	flags := []string{"-trimpath", "-buildvcs=false"}
	var plugins []string
	for _, pkg := range []string{"./plugin/good", "./plugin/bad"} {
		r := twins(t, b, x.job(t, tr, pkg, flags...))
		if r.Failed != nil {
			t.Fatalf("%+v", r.Failed)
		}
		plugins = append(plugins, r.A.File)
	}
	good, bad := plugins[0], plugins[1]
	missing := filepath.Join(t.TempDir(), "missing.so")
	symbols := "PLUGPROOF_SYMBOLS=0 Greeter 0 Typed 0 Function 0 None 1 X"
	for _, tt := range []struct {
		pkg   string
		flags []string
		env   []string
		args  []string
		types TypeReport
		lines []string
		out   string
	}{
		{"./cgo", nil, []string{symbols, "PLUGPROOF_CALL_MAIN=1"}, []string{good, missing, "--", "a", "b c"}, FullTypes, []string{
			"open 0", "ok 0", "open 1", fmt.Sprintf("err 1 plugin.Open(%q): realpath failed", missing),
			"sym 0 Greeter ok *example.test/hosts/api.Greeter", "sym 0 Typed ok *struct { A int }",
			"sym 0 Function ok func(*example.test/hosts/plugin/good.hello, map[string][]example.test/hosts/api.Greeter, ...int) (chan<- bool, error)",
			"sym 0 None err plugin: symbol None not found in plugin example.test/hosts/plugin/good", "end"}, "init ran\ncgo main 42 [a b c]\n"},
		{"./thin", nil, []string{symbols}, []string{good}, ShortTypes, []string{
			"open 0", "ok 0", "sym 0 Greeter ok *api.Greeter", "sym 0 Typed ok *struct { A int }",
			"sym 0 Function ok func(*main.hello, map[string][]api.Greeter, ...int) (chan<- bool, error)",
			"sym 0 None err plugin: symbol None not found in plugin example.test/hosts/plugin/good", "end"}, ""},
		{"./thin", nil, []string{"PLUGPROOF_CALL_MAIN=1"}, []string{good, good}, ShortTypes, []string{"open 0", "ok 0", "open 1", "ok 1", "end"}, "thin main\n"},
		{"./tagged", []string{"-tags=extra"}, []string{"PLUGPROOF_CALL_MAIN=1"}, nil, ShortTypes, []string{"end"}, "extra main\n"},
		{"./tagged", nil, []string{"PLUGPROOF_CALL_MAIN=1"}, nil, ShortTypes, []string{"end"}, "other main\n"},
	} {
		t.Run(tt.pkg+strings.Join(tt.flags, ""), func(t *testing.T) {
			r, err := b.Probe(t.Context(), x.job(t, tr, tt.pkg, append(flags, tt.flags...)...))
			if err != nil || r.Failed != nil {
				t.Fatalf("%v %+v", err, r)
			}
			if r.Types != tt.types || !slices.Contains(r.Packages, "plugin") {
				t.Errorf("types %s, %d packages", r.Types, len(r.Packages))
			}
			lines, out, res := report(t, r.File, tt.env, tt.args...)
			if diff := cmp.Diff(tt.lines, lines); diff != "" || !res.OK() || out != tt.out {
				t.Errorf("%s%v, said %q", diff, res, out)
			}
			t.Log(r.CPU)
		})
	}

	j := x.job(t, tr, "./thin", flags...)
	r, err := b.Probe(t.Context(), j)
	if err != nil || r.Failed != nil {
		t.Fatalf("%v %+v", err, r)
	}
	t.Run("a plugin that panics", func(t *testing.T) {
		lines, out, res := report(t, r.File, nil, good, bad, good)
		if diff := cmp.Diff([]string{"open 0", "ok 0", "open 1"}, lines); diff != "" || res.ExitCode != 2 || !strings.Contains(out, "bad on purpose") {
			t.Errorf("%s%v, said %q", diff, res, out)
		}
	})
	t.Run("no descriptor 3", func(t *testing.T) {
		res, err := proc.Run(t.Context(), proc.Cmd{Path: r.File, Args: []string{good}})
		if err != nil || res.ExitCode != 125 {
			t.Error(res, err)
		}
	})
	t.Run("paths in the bytes are the same in host and plugin", func(t *testing.T) {
		untrimmed := twins(t, b, x.job(t, tr, "./plugin/good"))
		p, err := b.Probe(t.Context(), x.job(t, tr, "./thin"))
		if err != nil || p.Failed != nil || untrimmed.Failed != nil {
			t.Fatalf("%v %+v", err, p)
		}
		if lines, _, _ := report(t, p.File, nil, untrimmed.A.File); strings.Join(lines, "; ") != "open 0; ok 0; end" {
			t.Errorf("side a's: %q", lines)
		}
		if lines, _, _ := report(t, p.File, nil, untrimmed.B.File); !strings.Contains(strings.Join(lines, "; "), "plugin was built with a different version of package") {
			t.Errorf("side b's, from another path: %q", lines)
		}
	})
	t.Run("holds no plugin", func(t *testing.T) {
		_, err := b.Probe(t.Context(), x.job(t, tr, "./none", flags...))
		if own := (*Error)(nil); !errors.As(err, &own) || own.Kind != NotProbeable {
			t.Errorf("%v", err)
		}
	})
	t.Run("broken", func(t *testing.T) {
		r, err := b.Probe(t.Context(), x.job(t, tr, "./nowhere", flags...))
		if err != nil || r.Failed == nil || !strings.Contains(r.Failed.Text, "directory not found") {
			t.Errorf("%v %+v", err, r)
		}
	})
}
