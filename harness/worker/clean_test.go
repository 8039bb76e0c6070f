package worker

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/images/rootfs"
	"github.com/plugproof/plugproof/results"
)

// elsewhere is a directory on another file system than the one that temporary directories are on.
func elsewhere(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "plugproof-test-")
	if err != nil {
		t.Skipf("there is no second file system to try it on: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var here, there syscall.Stat_t
	if syscall.Stat(t.TempDir(), &here) != nil || syscall.Stat(dir, &there) != nil || here.Dev == there.Dev {
		t.Skip("there is no second file system to try it on")
	}
	return dir
}

// failed is a cell that is not as expected, with files.
func failed(t *testing.T) *cell {
	t.Helper()
	c := &cell{Cell: plan.Cell{Cell: results.Cell{Project: "p"}}, dir: filepath.Join(t.TempDir(), "cell"), bad: true}
	for name, perm := range map[string]os.FileMode{"host.a": 0o755, "load/repro": 0o755, "load/seen.txt": 0o644, "load/machine/kernel": 0o644} {
		file := filepath.Join(c.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), perm); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, perm); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	return c
}

// TestFolderElsewhere: a run that lies on another file system than the cache has the folders of its failing cells, too.
func TestFolderElsewhere(t *testing.T) {
	run := elsewhere(t)
	c := failed(t)
	own := filepath.Join(run, machinesDir, "k")
	if err := os.MkdirAll(filepath.Dir(own), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, []byte("load/machine/kernel"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(own, 0o644); err != nil {
		t.Fatal(err)
	}
	c.machine = []rootfs.File{{Name: kernelName, Source: own}}
	w := &Worker{Dir: run, Event: func(e Event) { t.Errorf("%+v", e) }}
	w.start()
	w.clean(c)
	for name, perm := range map[string]os.FileMode{"host.a": 0o755, "load/repro": 0o755, "load/seen.txt": 0o644, "load/machine/kernel": 0o644} {
		file := filepath.Join(run, failuresDir, string(c.ID()), name)
		text, err := os.ReadFile(file)
		info, err2 := os.Stat(file)
		if err != nil || err2 != nil || string(text) != name || info.Mode().Perm() != perm {
			t.Errorf("%s: %q, %v, %v", name, text, err, err2)
		}
	}
	if !sameInode(t, own, filepath.Join(run, failuresDir, string(c.ID()), loadDir, kernelName)) {
		t.Error("the machine was copied once more")
	}
	if entries, err := os.ReadDir(filepath.Join(run, failuresDir)); err != nil || len(entries) != 2 {
		t.Errorf("what is left there: %v, %v", entries, err)
	}
	again := &cell{Cell: c.Cell, dir: c.dir}
	w.clean(again) // and made again, it is as expected
	if _, err := os.Stat(filepath.Join(run, failuresDir, string(c.ID()))); !os.IsNotExist(err) {
		t.Errorf("the folder of an earlier attempt is still there: %v", err)
	}
}

// TestFolderLost: that a folder could not be kept is said.
func TestFolderLost(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, failuresDir), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	said := ""
	w := &Worker{Dir: dir, Event: func(e Event) { said += e.Lost }}
	w.start()
	w.clean(failed(t))
	if said == "" {
		t.Error("nothing was said")
	}
}

func sameInode(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}
