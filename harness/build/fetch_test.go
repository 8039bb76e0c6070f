package build

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

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
