package vm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/plugproof/plugproof/images/rootfs"
)

// smallDisk is a directory on a file system of that size in tmpfs's notation. Mounting needs root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestPayloadOnFullDisk(t *testing.T) {
	m := Machine{Scratch: smallDisk(t, "4m")}
	_, _, err := m.payload([]rootfs.File{{Name: "big", Data: make([]byte, 8<<20)}})
	var full *FullError
	if !errors.As(err, &full) || full.Dir != m.Scratch || !strings.Contains(err.Error(), m.Scratch) {
		t.Errorf("payload: %v; want a *FullError that names %s", err, m.Scratch)
	}
	if f, _, err := m.payload([]rootfs.File{{Name: "small", Data: make([]byte, 1<<20)}}); err != nil {
		t.Errorf("what is left of the first takes room: %v", err)
	} else {
		f.Close()
	}
	if left, _ := os.ReadDir(m.Scratch); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := writeSealed(filepath.Join(m.Scratch, "sealed"), make([]byte, 8<<20)); !errors.As(err, &full) || full.Dir != m.Scratch {
		t.Errorf("writing a file of the cache: %v", err)
	}
	if left, _ := os.ReadDir(m.Scratch); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestSavingOnFullDisk runs jobs all the same. The first file system is full before the boot, the second is too small for what is saved.
func TestSavingOnFullDisk(t *testing.T) {
	for size, boots := range map[string]int{"4m": 1, "41m": 2} {
		t.Run(size, func(t *testing.T) {
			m := *machine(t, "amd64")
			m.Saved = smallDisk(t, size)
			out := run(t, &m, deed(t, "amd64", "exit", "5"))
			if out.Kind != Exited || out.Results[0].Exit != 5 || out.Boots != boots {
				t.Errorf("the job ended as %s (%s), exit %d, after %d boots", out.Kind, out.Error, out.Results[0].Exit, out.Boots)
			}
			if len(out.Notes) != 1 || !strings.Contains(out.Notes[0], m.Saved) || !strings.Contains(out.Notes[0], "no space left") {
				t.Errorf("notes %q do not say that %s is full", out.Notes, m.Saved)
			}
			left, _ := filepath.Glob(filepath.Join(m.Saved, "*"))
			for _, name := range left {
				if !strings.HasSuffix(name, ".lock") {
					t.Errorf("left: %s", name)
				}
			}
			if hidden, _ := filepath.Glob(filepath.Join(m.Saved, ".new-*")); len(hidden) > 0 {
				t.Errorf("left: %v", hidden)
			}
		})
	}
}
