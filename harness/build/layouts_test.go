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
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"

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
	t.Run("each side sees its own build cache only", func(t *testing.T) {
		same(t, b, job("n=0; for s in a b; do if [ -n \"$(ls -A '"+filepath.Join(b.Cache, "gocache")+"'/$s)\" ]; then n=$((n+1)); fi; done; [ $n = 1 ]", ""))
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

// proxy makes a GOPROXY directory of modules, given as txtar archives by "path@version", and the go.sum lines for them.
func proxy(t *testing.T, modules map[string]string) (url, sums string) {
	t.Helper()
	dir := t.TempDir()
	for name, files := range modules {
		path, version, _ := strings.Cut(name, "@")
		src := t.TempDir()
		extract(t, src, files)
		at := filepath.Join(dir, path, "@v")
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		mod, err := os.ReadFile(filepath.Join(src, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		if err := zip.CreateFromDir(&packed, module.Version{Path: path, Version: version}, src); err != nil {
			t.Fatal(err)
		}
		for ext, data := range map[string][]byte{".info": []byte(`{"Version":"` + version + `"}`), ".mod": mod, ".zip": packed.Bytes()} {
			if err := os.WriteFile(filepath.Join(at, version+ext), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(at, "list"), []byte(version+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		h, err := dirhash.HashZip(filepath.Join(at, version+".zip"), dirhash.Hash1)
		if err != nil {
			t.Fatal(err)
		}
		sums += path + " " + version + " " + h + "\n"
	}
	return "file://" + dir, sums
}

func TestFetchAndVersionedHost(t *testing.T) {
	b, x := world(t)
	b.ModCache = filepath.Join(t.TempDir(), "mod")
	t.Cleanup(func() { removeAll(b.ModCache) })
	const lib = "-- go.mod --\nmodule example.test/lib\n\ngo 1.21\n-- lib.go --\npackage lib\n\ntype T struct{ N int }\n"
	url, sums := proxy(t, map[string]string{
		"example.test/lib@v1.0.0": lib,
		"example.test/gw@v1.2.3": `
-- go.mod --
module example.test/gw

go 1.21

require example.test/lib v1.0.0
-- api/api.go --
package api

import "example.test/lib"

type Hook func(lib.T) error
-- cmd/gw/main.go --
package main

import (
	"fmt"
	"os"
	"plugin"

	"example.test/gw/api"
)

func main() {
	p, err := plugin.Open(os.Args[1])
	fmt.Println(p, err)
	var h api.Hook
	_ = h
}
`})
	dir := project(t, `
-- go.mod --
module example.test/ext

go 1.21

require (
	example.test/gw v1.2.3
	example.test/lib v1.0.0
)
-- plugin/hook/hook.go --
package main

import (
	"example.test/gw/api"
	"example.test/lib"
)

var Hook api.Hook = func(lib.T) error { return nil }
-- go.sum --
`)
	// The go.sum lines of the go.mod files are added by cmd/go; the test takes them from a copy of its own.
	full := filepath.Join(t.TempDir(), "m")
	extract(t, full, "-- go.mod --\nmodule m\n\ngo 1.21\n\nrequire example.test/gw v1.2.3\n-- m.go --\npackage m\n\nimport _ \"example.test/gw/api\"\n")
	cmd := exec.Command(filepath.Join(x.g.GOROOT, "bin", "go"), "mod", "tidy")
	cmd.Dir = full
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin", "GOPROXY=" + url, "GOSUMDB=off", "GOTOOLCHAIN=local", "GOMODCACHE=" + filepath.Join(t.TempDir(), "mod"), "GOFLAGS=-modcacherw"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sum, err := os.ReadFile(filepath.Join(full, "go.sum"))
	if err != nil || !strings.Contains(string(sum), strings.Split(sums, "\n")[0]) {
		t.Fatalf("%v %s", err, sum)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	tr := tree(t, dir)
	plug := x.job(t, tr, "./plugin/hook", quiet...)
	host := x.job(t, tr, "example.test/gw/cmd/gw", quiet...)
	host.Plugin, host.Version = false, "v1.2.3"
	for _, j := range []Job{plug, host} {
		r, err := b.Twins(t.Context(), j)
		if own := (*Error)(nil); !errors.As(err, &own) || own.Kind != NotFetched || own.Hint() == "" {
			t.Errorf("before fetching: %v %+v", err, r)
		}
	}
	b.Offline = true
	if looked, err := b.Fetch(t.Context(), plug); looked || err != nil {
		t.Errorf("offline without a kit: %v %v", looked, err)
	}
	b.FetchEnv = []string{"GOPROXY=" + url, "GOSUMDB=off"}
	b.Cache = filepath.Join(b.Cache, "..", "build") // the same; marks are per module cache
	for _, j := range []Job{plug, host} {
		for i := range 2 {
			if looked, err := b.Fetch(t.Context(), j); looked != (i == 0) || err != nil {
				t.Fatalf("fetch %d: %v %v", i, looked, err)
			}
		}
	}
	so := same(t, b, plug)
	same(t, b, host)
	if after := snapshot(t, dir); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Error("the user's tree was changed")
	}
	host.Name = "probe"
	p, err := b.Probe(t.Context(), host)
	if err != nil || p.Failed != nil {
		t.Fatalf("%v %+v", err, p)
	}
	if _, err := os.Stat("/lib/ld-musl-x86_64.so.1"); err != nil {
		t.Skip("no musl loader here to try the load with")
	}
	lines, out, res := report(t, p.File, []string{"PLUGPROOF_SYMBOLS=0 Hook"}, so)
	if got := strings.Join(lines, "; "); got != "open 0; ok 0; sym 0 Hook ok *example.test/gw/api.Hook; end" {
		t.Errorf("%s, %v, said %s", got, res, out)
	}
}

func TestColdAndPrune(t *testing.T) {
	b, x := world(t)
	b.Cache = t.TempDir()
	b.Now = func() time.Time { return time.Now() }
	j := x.job(t, tree(t, project(t, small)), "./plugin/greet", quiet...)
	if testing.Short() {
		t.Skip()
	}
	j.Command = []string{"sh", "-c", "exit 1"} // caches are opened, nothing is compiled
	b.Cold = true
	for range 2 {
		if r := twins(t, b, j); r.Failed == nil {
			t.Fatal("built")
		}
	}
	all, err := b.Caches()
	if err != nil || len(all) != 2 || all[0].Side == all[1].Side {
		t.Fatalf("%v %+v", err, all)
	}
	marked := filepath.Join(all[0].Path, "mark")
	if err := os.WriteFile(marked, make([]byte, 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	twins(t, b, j)
	if _, err := os.Stat(marked); err != nil {
		t.Error("a cold builder threw its cache away twice")
	}
	fresh := &Builder{Cache: b.Cache, Scratch: b.Scratch, ModCache: b.ModCache, Now: b.Now, Cold: true}
	twins(t, fresh, j)
	if _, err := os.Stat(marked); err == nil {
		t.Error("a cold builder used an old cache")
	}
	if err := b.Prune(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if all, _ := b.Caches(); len(all) > 0 {
		t.Logf("%+v", all)
		for _, c := range all {
			if c.Size > 0 {
				t.Error("not pruned")
			}
		}
	}
}

func TestCacheNameHoldsTheWholeToolchain(t *testing.T) {
	b := &Builder{Cache: t.TempDir(), Now: time.Now}
	base := Job{Arch: "amd64"}
	base.Go.Digest, base.C.Digest = digest("go"), digest("c")
	names := map[string]string{}
	for name, change := range map[string]func(*Job){
		"base": func(*Job) {}, "go": func(j *Job) { j.Go.Digest = digest("other go, same version") },
		"libc": func(j *Job) { j.C.Digest = digest("other libc, same banner") }, "arch": func(j *Job) { j.Arch = "arm" },
	} {
		for _, side := range sideNames {
			j := base
			change(&j)
			dir, warm, release, err := b.gocache(t.Context(), j, side)
			if err != nil || warm {
				t.Fatal(err, warm)
			}
			release()
			if was, twice := names[dir]; twice {
				t.Errorf("%s and %s on side %s share %s", was, name, side, dir)
			}
			names[dir] = name
		}
	}
	base.C.Digest = ""
	if _, _, _, err := b.gocache(t.Context(), base, "a"); err == nil {
		t.Error("an unknown C toolchain has a cache")
	}
}
