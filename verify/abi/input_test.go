package abi_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/plugproof/plugproof/verify/abi"
)

// TestOpenInputDoesNotWait: a pipe that nobody writes to is refused at once.
func TestOpenInputDoesNotWait(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.so")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	in, done := abi.OpenInput(pipe)
	defer done()
	if in.Err == nil {
		t.Error("a named pipe was taken for a file")
	}
}

// TestOpenInputAsRealpath: what realpath refuses is not there, for whatever reason.
func TestOpenInputAsRealpath(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a.so", "other/sub/a.so"} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.Symlink("loop", filepath.Join(dir, "loop"))
	os.Symlink("other/sub", filepath.Join(dir, "link"))
	for name, real := range map[string]string{
		"": "", "loop": "", "loop/a.so": "", "a.so/": "", "a.so/../a.so": "", "link/../a.so": "", strings.Repeat("x", 300): "", "/" + strings.Repeat("x/", 4000): "",
		"a.so": "a.so", "link/a.so": "other/sub/a.so", "link/../sub/a.so": "other/sub/a.so",
	} {
		path := name
		if name != "" {
			path = dir + "/" + name
		}
		in, done := abi.OpenInput(path)
		done()
		if want := filepath.Join(dir, real); real != "" && in.Real != want || real == "" && (in.R != nil || !abi.NotExist(in)) {
			t.Errorf("%.40q: %q, %v; want %q", name, in.Real, in.Err, real)
		}
	}
}
