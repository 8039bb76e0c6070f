package cachedir_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/cli/cachedir"
)

// entry makes DIR/KIND/NAME/data of 64 KiB, last used at the given minute.
func entry(t *testing.T, dir, kind, name string, minute int) string {
	t.Helper()
	p := filepath.Join(dir, kind, name)
	if err := os.MkdirAll(p, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p, "data"), make([]byte, 64<<10), 0o666); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 11, 23, 3, minute, 0, 0, time.UTC)
	for _, f := range []string{filepath.Join(p, "data"), p} {
		if err := os.Chtimes(f, when, when); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func names(entries []cachedir.Entry) []string {
	var s []string
	for _, e := range entries {
		s = append(s, e.Kind+"/"+e.Name)
	}
	return s
}

func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := cachedir.Scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	return names(entries)
}

func prune(t *testing.T, dir string, max int64) cachedir.Pruned {
	t.Helper()
	p, err := cachedir.Prune(dir, max, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newCache(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cache")
	if err := cachedir.Tag(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPruneRemovesLeastRecentlyUsed(t *testing.T) {
	dir := newCache(t)
	entry(t, dir, "gocache", "b", 2)
	entry(t, dir, "gocache", "c", 3)
	entry(t, dir, "images", "a", 1)
	p := prune(t, dir, 150<<10)
	if diff := cmp.Diff([]string{"images/a"}, names(p.Removed)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"gocache/b", "gocache/c"}, left(t, dir)); diff != "" {
		t.Error(diff)
	}
	if p = prune(t, dir, 150<<10); len(p.Removed) != 0 {
		t.Errorf("a second prune removed %v", names(p.Removed))
	}
	prune(t, dir, 0)
	if got := left(t, dir); got != nil {
		t.Errorf("left of all: %v", got)
	}
}

func TestModuleCacheGoesAsAWhole(t *testing.T) {
	dir := newCache(t)
	mod := entry(t, dir, "gomod", "example.test", 1)
	entry(t, dir, "gomod", "cache", 1)
	if err := os.Chmod(mod, 0o555); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"gomod/gomod"}, left(t, dir)); diff != "" {
		t.Error(diff)
	}
	prune(t, dir, 0)
	if _, err := os.Lstat(filepath.Join(dir, "gomod")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the module cache is still there: %v", err)
	}
}

func TestEntriesInUseStay(t *testing.T) {
	locks := map[string]func(string) string{
		"the entry":      func(e string) string { return e },
		"beside it":      func(e string) string { return e + ".lock" },
		"inside":         func(e string) string { return filepath.Join(e, "lock") },
		"the whole kind": func(e string) string { return filepath.Join(filepath.Dir(e), "lock") },
		"kind, outside":  func(e string) string { return filepath.Dir(e) + ".lock" },
	}
	for name, where := range locks {
		t.Run(name, func(t *testing.T) {
			dir := newCache(t)
			e := entry(t, dir, "images", "a", 1)
			p := where(e)
			if p != e {
				if err := os.WriteFile(p, nil, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			f, err := os.Open(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"images/a"}, names(prune(t, dir, 0).InUse)); diff != "" {
				t.Error(diff)
			}
			f.Close()
			if diff := cmp.Diff([]string{"images/a"}, names(prune(t, dir, 0).Removed)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	dir := newCache(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "keep"), make([]byte, 1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	e := entry(t, dir, "images", "a", 1)
	for _, link := range []string{filepath.Join(e, "out"), filepath.Join(dir, "images", "b"), filepath.Join(dir, "kind")} {
		if err := os.Symlink(outside, link); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := cachedir.Scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Bytes >= 1<<20 {
			t.Errorf("%s counts what is outside: %d", e.Name, e.Bytes)
		}
	}
	prune(t, dir, 0)
	if got := left(t, dir); got != nil {
		t.Errorf("left: %v", got)
	}
	if _, err := os.Stat(filepath.Join(outside, "keep")); err != nil {
		t.Error(err)
	}
}

func TestPruneRefusesForeignDirectories(t *testing.T) {
	dir := t.TempDir()
	entry(t, dir, "Documents", "thesis", 1)
	if _, err := cachedir.Prune(dir, 0, nil); !errors.Is(err, cachedir.ErrNotTagged) {
		t.Errorf("got %v", err)
	}
	if got := left(t, dir); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
	none := filepath.Join(dir, "none")
	if p, err := cachedir.Prune(none, 0, nil); err != nil || len(p.Removed) > 0 {
		t.Errorf("a cache that is not there: %v", err)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("pruning made the directory")
	}
}

func TestRemovalThatWasCutShortIsFinished(t *testing.T) {
	dir := newCache(t)
	p := entry(t, dir, "images", ".removed-a", 1)
	if got := left(t, dir); got != nil {
		t.Errorf("half an entry is listed: %v", got)
	}
	prune(t, dir, 1<<40)
	if _, err := os.Lstat(p); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}
