package build

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/toolchain"
)

func TestMain(m *testing.M) {
	proc.Main()
	os.Exit(m.Run())
}

// cacheDir is plugproof's own cache: the build caches in it are named by content, so tests may use and fill them.
func cacheDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("PLUGPROOF_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache directory: ", err)
	}
	return filepath.Join(dir, "plugproof")
}

type tools struct {
	g   toolchain.Go
	c   map[string]toolchain.C
	err error
}

var findTools = sync.OnceValue(func() (x tools) {
	cache := os.Getenv("PLUGPROOF_CACHE")
	if cache == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(dir, "plugproof")
		}
	}
	s := &toolchain.Store{Cache: cache, Offline: true}
	if x.g, x.err = s.Go(testContext, "path:"+goroot()); x.err != nil {
		return x
	}
	x.c = map[string]toolchain.C{}
	c, err := s.C(testContext, "amd64", "musl", nil)
	if err != nil {
		x.err = err
		return x
	}
	x.c["amd64"] = c
	if c, err := s.C(testContext, "arm", "musl", nil); err == nil {
		x.c["arm"] = c
	}
	return x
})

// world gives a builder and jobs with the real tools, or skips.
func world(t testing.TB) (*Builder, tools) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds for real: tens of CPU seconds on an empty cache")
	}
	x := findTools()
	if x.err != nil {
		t.Skip("no toolchain: ", x.err)
	}
	cache := cacheDir(t)
	return &Builder{Cache: filepath.Join(cache, "build"), Scratch: t.TempDir(), ModCache: filepath.Join(cache, "mod"), Now: time.Now}, x
}

// project writes a txtar archive to a new directory.
func project(t testing.TB, archive string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "the project")
	extract(t, dir, archive)
	return dir
}

func extract(t testing.TB, dir, archive string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

func tree(t testing.TB, dir string, dirs ...string) *Tree {
	t.Helper()
	tr, err := NewTree(dir, dirs)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func (x tools) job(t testing.TB, tr *Tree, pkg string, flags ...string) Job {
	return Job{Tree: tr, Subject: pkg, Plugin: strings.Contains(pkg, "plugin"), Package: pkg, Arch: "amd64", Go: x.g, C: x.c["amd64"],
		Flags: flags, Env: map[string]string{"GOAMD64": "v1"}, Out: t.TempDir(), Name: "out"}
}
