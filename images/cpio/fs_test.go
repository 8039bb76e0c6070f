package cpio

import (
	"bytes"
	"errors"
	"io/fs"
	"syscall"
	"testing"
)

func TestFS(t *testing.T) {
	raw, err := Bytes([]Entry{
		Symlink("lib", "usr/lib"), Symlink("usr/lib/ld", "/usr/lib/libc.so"), File("usr/lib/libc.so", 0o755, []byte("libc")),
		Symlink("up", "../../usr/lib/libc.so"), Symlink("loop", "loop"), Symlink("lost", "nowhere"),
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFS(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"usr/lib/libc.so", "lib/libc.so", "lib/ld", "up"} {
		data, err := fs.ReadFile(f, name)
		if err != nil || string(data) != "libc" {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	if _, err := f.Open("loop"); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("loop: %v", err)
	}
	for _, name := range []string{"lost", "usr/lib/none", "usr/lib/libc.so/x"} {
		if _, err := f.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Open("../x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("up and out: %v", err)
	}
	for _, name := range []string{".", "usr", "lib"} {
		if st, err := fs.Stat(f, name); err != nil || !st.IsDir() {
			t.Errorf("%s: %v %v", name, st, err)
		}
	}
}
