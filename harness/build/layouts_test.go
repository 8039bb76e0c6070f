package build

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/harness/proc"
)

var quiet = []string{"-trimpath", "-buildvcs=false"}

// same builds twins that must come out equal and gives side a's file.
func same(t *testing.T, b *Builder, j Job) string {
	t.Helper()
	r := twins(t, b, j)
	if r.Failed != nil {
		t.Fatalf("%+v", r.Failed)
	}
	if !r.Identical {
		t.Errorf("%s differs", j.Package)
	}
	return r.A.File
}

const plain = "package main\n\nimport _ \"example.test/lib\"\n\nfunc F() {}\n"

func TestLayouts(t *testing.T) {
	b, x := world(t)
	b.ModCache = filepath.Join(t.TempDir(), "mod") // empty: nothing may be needed
	for _, tt := range []struct {
		name, files, project string
		dirs                 []string
		dir                  string
	}{
		{"vendor", `
-- m/go.mod --
module example.test/m

go 1.21

require example.test/lib v1.0.0
-- m/vendor/modules.txt --
# example.test/lib v1.0.0
## explicit; go 1.21
example.test/lib
-- m/vendor/example.test/lib/lib.go --
package lib
-- m/p/main.go --
` + plain, "m", nil, ""},
		{"go.work", `
-- go.work --
go 1.21

use (
	./m
	./lib
)
-- m/go.mod --
module example.test/m

go 1.21
-- lib/go.mod --
module example.test/lib

go 1.21
-- lib/lib.go --
package lib
-- m/p/main.go --
` + plain, "m", nil, ""},
		{"replace", `
-- m/go.mod --
module example.test/m

go 1.21

require example.test/lib v1.0.0

replace example.test/lib => ../lib
-- lib/go.mod --
module example.test/lib

go 1.21
-- lib/lib.go --
package lib
-- m/p/main.go --
` + plain, "m", nil, ""},
		{"another checkout", `
-- m/go.mod --
module example.test/m

go 1.21
-- else/where/go.mod --
module example.test/lib

go 1.21
-- else/where/lib.go --
package lib
-- else/where/p/main.go --
` + plain, "m", []string{"../else/where"}, "../else/where"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := project(t, tt.files)
			before := snapshot(t, dir)
			j := x.job(t, tree(t, filepath.Join(dir, tt.project), tt.dirs...), "./p", quiet...)
			j.Plugin, j.Dir = true, tt.dir
			same(t, b, j)
			if after := snapshot(t, dir); strings.Join(before, "\n") != strings.Join(after, "\n") {
				t.Error("the user's tree was changed")
			}
		})
	}
}

func TestVCSStamp(t *testing.T) {
	b, x := world(t)
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	dir := project(t, small)
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@example.test", "commit", "-q", "-m", "x"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	file := same(t, b, x.job(t, tree(t, dir), "./cmd/host", "-trimpath"))
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.String(); !strings.Contains(s, "vcs.revision=") || !strings.Contains(s, "vcs.modified=false") {
		t.Errorf("no clean stamp in %s", s)
	}
}

func TestCommandAndBefore(t *testing.T) {
	b, x := world(t)
	tr := tree(t, project(t, small))
	job := func(before, command string) Job {
		j := x.job(t, tr, "./plugin/greet", append(quiet, "-ldflags=-X 'main.stamp=two words'")...)
		if before != "" {
			j.Before = [][]string{{"sh", "-c", before}}
		}
		if command != "" {
			j.Command = []string{"sh", "-ec", command}
		}
		return j
	}
	t.Run("command", func(t *testing.T) {
		file := same(t, b, job("", `[ -n "$CC" ]; "$GO" build -buildmode=plugin -o "$PLUGPROOF_OUT" "$PLUGPROOF_PACKAGE"`))
		if data, err := os.ReadFile(file); err != nil || !bytes.Contains(data, []byte("two words")) {
			t.Error("the flags did not reach it", err)
		}
	})
	t.Run("before writes the tree's clock", func(t *testing.T) {
		r := twins(t, b, job(`printf 'package main\nvar When = "%s"\n' "$(date +%s)" > plugin/greet/when.go`, ""))
		if r.Failed != nil || r.Identical {
			t.Errorf("%+v", r)
		}
	})
	t.Run("no side sees where build caches are stored", func(t *testing.T) {
		same(t, b, job("n=0; for s in a b; do if [ -n \"$(ls -A '"+filepath.Join(b.Cache, "gocache")+"'/$s)\" ]; then n=$((n+1)); fi; done; [ $n = 0 ]", ""))
	})
	t.Run("the module cache is read-only", func(t *testing.T) {
		if !proc.Isolation().Mount {
			t.Skip("no mounts here")
		}
		same(t, b, job("! touch \"$(go env GOMODCACHE)/x\"", ""))
	})
	for name, command := range map[string]string{"killed": "kill -9 $$", "disk full": "echo 'ld: final link failed: No space left on device' >&2; exit 1",
		"compiler killed": "echo 'go: example.test/x: /go/compile: signal: killed' >&2; exit 1"} {
		t.Run(name+" is the machine's fault", func(t *testing.T) {
			_, err := b.Twins(t.Context(), job("", command))
			if own := (*Error)(nil); !errors.As(err, &own) || own.Kind != Infrastructure {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWithoutNamespaces(t *testing.T) {
	b, x := world(t)
	b.iso = &proc.Report{Level: "subreaper"}
	r := twins(t, b, x.job(t, tree(t, project(t, small)), "./plugin/greet", quiet...))
	if r.Failed != nil || !r.Identical || r.Isolation["path"] != "copy" {
		t.Errorf("%+v", r)
	}
}

func TestArm(t *testing.T) {
	b, x := world(t)
	if x.c["arm"].CC == "" {
		t.Skip("no C toolchain for arm")
	}
	j := x.job(t, tree(t, project(t, small)), "./plugin/greet", quiet...)
	j.Arch, j.C, j.Env = "arm", x.c["arm"], map[string]string{"GOARM": "7"}
	same(t, b, j)
}
