package goelf

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
)

// openSelf opens the running test binary: a Go file that is always there.
func openSelf(t testing.TB) *File {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the test binary is no ELF file here")
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	st, err := r.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSelf(t *testing.T) {
	f := openSelf(t)
	bi, err := f.BuildInfo()
	if err != nil || bi.GoVersion != runtime.Version() {
		t.Errorf("BuildInfo: %v, %v, want %s", bi, err, runtime.Version())
	}
	if id := f.GoBuildID(); strings.Count(id, "/") != 3 {
		t.Errorf("GoBuildID = %q", id)
	}
	names, err := f.FileNames()
	if err != nil || len(names) < 100 {
		t.Errorf("FileNames: %d, %v", len(names), err)
	}
	if _, err := f.Plugin(); !errors.Is(err, ErrNoPlugin) {
		t.Errorf("Plugin of a program: %v", err)
	}
	table, err := f.GoSym()
	if err != nil {
		t.Fatal(err)
	}
	if table.LookupFunc("runtime.main") == nil {
		t.Error("GoSym has no runtime.main")
	}
}

func TestNotELF(t *testing.T) {
	for _, s := range []string{"", "x", "#!/bin/sh\necho hello, this is text\n", "\x7fELF"} {
		if _, err := Open(strings.NewReader(s), int64(len(s))); !errors.Is(err, ErrNotELF) {
			t.Errorf("Open(%q) = %v", s, err)
		}
	}
}
