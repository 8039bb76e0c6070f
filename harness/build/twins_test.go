package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small is a host with a plugin and a package that both share.
const small = `
-- go.mod --
module example.test/small

go 1.21
-- api/api.go --
package api

type Greeter interface{ Greet(name string) string }
-- cmd/host/main.go --
package main

import (
	"os"
	"plugin"

	"example.test/small/api"
)

var stamp = "none"

func main() {
	p, err := plugin.Open(os.Args[1])
	if err != nil {
		println(stamp, err.Error())
		os.Exit(1)
	}
	s, err := p.Lookup("Greeter")
	if err != nil {
		panic(err)
	}
	println((*s.(*api.Greeter)).Greet("you"))
}
-- plugin/greet/greet.go --
package main

import "example.test/small/api"

var stamp = "none"

type hello struct{}

func (hello) Greet(name string) string { return stamp + name }

var Greeter api.Greeter = hello{}
-- plugin/broken/broken.go --
package main

func F() int { return "no" }
-- plugin/cgo/cgo.go --
package main

/*
static const char *when(void) { return __TIME__; }
*/
import "C"

func When() string { return C.GoString(C.when()) }
`

func twins(t *testing.T, b *Builder, j Job) *TwinResult {
	t.Helper()
	r, err := b.Twins(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed == nil {
		t.Logf("%s: identical %v, CPU %v + %v, wall %v + %v, warm %v", j.Package, r.Identical, r.A.CPU, r.B.CPU, r.A.Wall, r.B.Wall, r.A.Warm)
	}
	return r
}

func TestTwins(t *testing.T) {
	b, x := world(t)
	tr := tree(t, project(t, small))
	ok := []string{"-trimpath", "-buildvcs=false"}
	for _, tt := range []struct {
		name, pkg string
		flags     []string
		identical bool
		hold      [2]string // what the files of side a and b must hold
	}{
		{"host", "./cmd/host", ok, true, [2]string{}},
		{"plugin", "./plugin/greet", ok, true, [2]string{}},
		{"plugin without -trimpath", "./plugin/greet", nil, false, [2]string{"/at/a/", "/at/b/rebuilt/"}},
		{"clock in -ldflags", "./plugin/greet", append(ok, "-ldflags=-X main.stamp=at{{cmd:date +%s}}"), false, [2]string{}},
		{"zone", "./plugin/greet", append(ok, "-ldflags=-X main.stamp=in{{cmd:date +%Z}}"), false, [2]string{"inUTC", "inIST"}},
		{"host name", "./plugin/greet", append(ok, "-ldflags=-X main.stamp=on-{{cmd:uname -n}}"), false, [2]string{"on-control", "on-different.example"}},
		{"quotes in -ldflags", "./plugin/greet", append(ok, `-ldflags=-X 'main.stamp=two words' -X "main.other=x"`), true, [2]string{"two words", "two words"}},
		{"command in quotes", "./plugin/greet", append(ok, `-ldflags=-X 'main.stamp={{cmd:printf '%s %s' "a b" c\ d}}'`), true, [2]string{"a b c d", "a b c d"}},
		{"clock of the C compiler", "./plugin/cgo", ok, false, [2]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := twins(t, b, x.job(t, tr, tt.pkg, tt.flags...))
			if r.Failed != nil {
				t.Fatalf("%+v", r.Failed)
			}
			if r.Identical != tt.identical {
				t.Errorf("identical: %v", r.Identical)
			}
			for i, file := range []string{r.A.File, r.B.File} {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(data, []byte(tt.hold[i])) {
					t.Errorf("%s does not hold %q", filepath.Base(file), tt.hold[i])
				}
				if tt.identical && (bytes.Contains(data, []byte(b.Cache)) || bytes.Contains(data, []byte(b.Scratch))) {
					t.Errorf("%s holds a path of this machine", filepath.Base(file))
				}
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(b.Scratch, "run-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestBrokenSourceIsData(t *testing.T) {
	b, x := world(t)
	tr := tree(t, project(t, small))
	for _, tt := range []struct {
		name string
		job  func(*Job)
		op   string
		want string
	}{
		{"compile error", func(j *Job) {}, "go build", "cannot use \"no\""},
		{"no such package", func(j *Job) { j.Package = "./plugin/none" }, "go build", "directory not found"},
		{"template fails", func(j *Job) { j.Flags = []string{"-tags={{cmd:false}}"} }, "{{cmd:false}}", "exit status 1"},
		{"template unknown", func(j *Job) { j.Flags = []string{"-tags={{cmd:no-such-program}}"} }, "{{cmd:no-such-program}}", "executable file not found"},
		{"template without end", func(j *Job) { j.Flags = []string{"-tags={{cmd:yes}}"} }, "{{cmd:yes}}", "printed more than"},
		{"before fails", func(j *Job) { j.Before = [][]string{{"sh", "-c", "echo sorry >&2; exit 3"}} }, "before sh -c echo sorry >&2; exit 3", "sorry"},
		{"command writes nothing", func(j *Job) { j.Command = []string{"true"} }, "command", "nothing was written"},
		{"not a main package", func(j *Job) { j.Package = "./api"; j.Plugin = false }, "go build", "is no ELF file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := x.job(t, tr, "./plugin/broken", "-trimpath")
			tt.job(&j)
			r := twins(t, b, j)
			if r.Failed == nil || r.Identical {
				t.Fatal("it was built")
			}
			if r.Failed.Op != tt.op || r.Failed.Side != "" || strings.Count(r.Failed.Text, tt.want) != 1 {
				t.Errorf("%+v, want %s: ... %s, once", r.Failed, tt.op, tt.want)
			}
			if strings.Contains(r.Failed.Text, b.Cache) || strings.Contains(r.Failed.Text, b.Scratch) {
				t.Errorf("it tells a path of this machine: %s", r.Failed.Text)
			}
		})
	}
}
