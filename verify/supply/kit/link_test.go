package kit_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/verify/supply/kit"
)

func TestCheckLink(t *testing.T) {
	for _, tt := range []struct {
		name, target, want string
	}{
		{"projects/p/a/l", "b", ""},
		{"projects/p/a/l", "../b/c", ""},
		{"projects/p/a/l", "..", ""},
		{"projects/p/l", "a", ""},
		{"projects/p/l", "..", "out of its project"},
		{"projects/p/l", "../p2", "out of its project"},
		{"projects/p/a/l", "../../q", "out of its project"},
		{"projects/p/a/l", "../../../../etc/passwd", "out of its project"},
		{"projects/l", "a", "out of its project"},
		{"l", "a", "out of its project"},
		{"projects/p/l", "/etc/passwd", "absolute"},
		{"projects/p/a/l", "b/../c", "plainly"}, // b may be a link
		{"projects/p/l", "a//b", "plainly"},
		{"projects/p/l", "a\nb", "plainly"},
		{"projects/p/l", "\xff", "plainly"},
		{"projects/p/l", strings.Repeat("x", 2000), "plainly"},
		{"projects/p/l", "", "plainly"},
	} {
		err := kit.CheckLink(tt.name, tt.target)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s -> %q: %v, want %q", tt.name, tt.target, err, tt.want)
		}
	}
}

// linked is a manifest of files in which those named are links to what they hold.
func linked(files map[string]string, links ...string) *kit.Manifest {
	m := manifest(files)
	for i, p := range m.Parts {
		for _, l := range links {
			m.Parts[i].Link = m.Parts[i].Link || p.Path == l
		}
	}
	return m
}

func TestLinks(t *testing.T) {
	public, private := keys(t)
	unpack := func(m *kit.Manifest, files map[string]string, dir string) error {
		data := write(t, m, files, private)
		k, err := kit.Open(bytes.NewReader(data), int64(len(data)), public)
		if err != nil {
			return err
		}
		if err := k.Verify(ctx, nil); (err == nil) != (k.Unpack(ctx, t.TempDir()) == nil) {
			t.Error("verifying and unpacking do not agree: ", err)
		}
		return k.Unpack(ctx, dir)
	}
	good := map[string]string{"projects/p/a/file": "text", "projects/p/b/link": "../a/file", "projects/p/c": "a"}
	dir := t.TempDir()
	for range 2 {
		if err := unpack(linked(good, "projects/p/b/link", "projects/p/c"), good, dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/projects/p/b/link", "/projects/p/c/file"} {
		if data, err := os.ReadFile(dir + name); err != nil || string(data) != "text" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	for name, to := range map[string]string{"projects/p/up": "../../up", "projects/p/abs": "/etc/passwd"} {
		bad := map[string]string{name: to, "projects/p/file": "text"}
		fresh := t.TempDir()
		if err := unpack(linked(bad, name), bad, fresh); !errors.Is(err, kit.ErrPart) {
			t.Errorf("%s -> %s: %v", name, to, err)
		}
		if left, _ := os.ReadDir(fresh); len(left) > 0 {
			t.Errorf("%s -> %s left %v", name, to, left)
		}
	}
	// A link of before is not written through.
	next := map[string]string{"projects/p/c/file": "other"}
	m := manifest(next)
	m.Serial = 4
	if err := unpack(m, next, dir); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Error(err)
	}
	if data, err := os.ReadFile(dir + "/projects/p/a/file"); err != nil || string(data) != "text" {
		t.Errorf("written through a link: %q, %v", data, err)
	}
	m = linked(map[string]string{"projects/p/c": "a", "projects/p/c/file": "x"}, "projects/p/c")
	m.Sort()
	if err := m.Check(); !errors.Is(err, kit.ErrFormat) {
		t.Error("a part below a link: ", err)
	}
}
