package supply

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tarball holds each file of names with its name for content.
func tarball(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(name))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sparse holds a file of which nothing is stored, and which has size bytes (the GNU format 1.0 in pax headers).
func sparse(t *testing.T, size int64) []byte {
	t.Helper()
	record := func(key, value string) string {
		for n := len(key) + len(value) + 4; ; n++ {
			if s := fmt.Sprintf("%d %s=%s\n", n, key, value); len(s) == n {
				return s
			}
		}
	}
	header := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "./usr/big") + record("GNU.sparse.realsize", fmt.Sprint(size))
	body := fmt.Sprintf("1\n%d\n0\n", size)
	block := func(kind byte, name, data string) string {
		h := make([]byte, 512)
		copy(h, name)
		copy(h[100:], "0000644\x000000000\x000000000\x00")
		copy(h[124:], fmt.Sprintf("%011o\x0000000000000\x00        ", len(data)))
		h[156] = kind
		copy(h[257:], "ustar\x0000")
		sum := 0
		for _, b := range h {
			sum += int(b)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		return string(h) + data + strings.Repeat("\x00", (512-len(data)%512)%512)
	}
	return []byte(block('x', "pax", header) + block('0', "./usr/big", body+strings.Repeat("\x00", 512-len(body))) + strings.Repeat("\x00", 1024))
}

func listing(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestUnpackTools: a package that is refused leaves nothing of itself, and the root that was there.
func TestUnpackTools(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "a[b") // which no pattern matches
	put := func(data []byte) {
		t.Helper()
		if err := os.MkdirAll(cache+"/tools", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cache+"/tools/a.deb", deb(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(tarball(t, "./usr/bin/one"))
	if n, err := UnpackTools(context.Background(), cache); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	was := listing(t, cache)
	if d := cmp.Diff([]string{"toolroot/.plugproof-tools", "toolroot/usr/bin/one", "tools/a.deb"}, was); d != "" {
		t.Error(d)
	}
	for name, data := range map[string][]byte{
		"sparse":        sparse(t, 1<<50),
		"it leaves the": tarball(t, "./usr/bin/two", "../up"),
		"more than":     tarballOf(t, "./usr/bin/two", maxTools),
	} {
		put(data)
		if _, err := UnpackTools(context.Background(), cache); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(was, listing(t, cache)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if !HasTools(cache) {
			t.Errorf("%s: the tools are gone", name)
		}
	}
	for _, left := range []string{"toolroot.new/usr/bin/half", "toolroot.old/usr/bin/half"} { // by one that was killed
		if err := os.MkdirAll(filepath.Dir(filepath.Join(cache, left)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cache, left), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(tarball(t, "./usr/bin/two"))
	if n, err := UnpackTools(context.Background(), cache); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if d := cmp.Diff([]string{"toolroot/.plugproof-tools", "toolroot/usr/bin/two", "tools/a.deb"}, listing(t, cache)); d != "" {
		t.Error(d)
	}
}

// tarballOf says that it holds a file of one byte more than size.
func tarballOf(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: size + 1}); err != nil {
		t.Fatal(err)
	}
	b.Write(make([]byte, 1024))
	return b.Bytes()
}
