package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/harness/proc"
)

func TestMain(m *testing.M) {
	proc.Main()
	os.Exit(m.Run())
}

// store is a Store with a cache of its own that shares the inputs and fetched Gos of the machine's.
func store(t *testing.T) *Store {
	t.Helper()
	s := &Store{Cache: t.TempDir(), Offline: true, Log: func(line string) { t.Log(line) }}
	s.Bootstrap, _ = exec.LookPath("go")
	for _, name := range []string{"inputs", "gomod", "gopath"} {
		if from := filepath.Join(machineCache(t), name); exists(from) {
			if err := os.Symlink(from, filepath.Join(s.Cache, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func machineCache(t *testing.T) string {
	if dir := os.Getenv("PLUGPROOF_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache directory: ", err)
	}
	return filepath.Join(dir, "plugproof")
}

// need skips a test for which a program or an input is missing.
func need(t *testing.T, s *Store, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := lookIn(s.path(), p); err != nil {
			t.Skipf("%q is not installed: run scripts/deps", p)
		}
	}
	if !exists(filepath.Join(s.Cache, "inputs", "musl-armhf", "lib", "libc.so")) {
		t.Skip("musl for arm is not there: run scripts/deps")
	}
}

// write makes a file for a test, and its directories.
func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	mode := os.FileMode(0o644)
	if strings.HasPrefix(data, "#!") {
		mode = 0o755
	}
	if err := os.WriteFile(path, []byte(data), mode); err != nil {
		t.Fatal(err)
	}
}
