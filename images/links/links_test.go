package links

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFollow(t *testing.T) {
	long := map[string]string{}
	for i := range Max {
		long[fmt.Sprintf("l%d", i)] = fmt.Sprintf("l%d", i+1)
	}
	cases := []struct {
		name, path, want string
		links            map[string]string
	}{
		{"no link", "usr/lib/libc.so", "usr/lib/libc.so", nil},
		{"the root", "/", ".", nil},
		{"empty elements", "//usr//./lib/", "usr/lib", nil},
		{"a relative link", "usr/lib64/libc.so", "usr/lib/libc.so", map[string]string{"usr/lib64": "lib"}},
		{"an absolute link", "lib/ld.so", "usr/lib/libc.so", map[string]string{"lib": "/usr/lib", "usr/lib/ld.so": "/lib/libc.so"}},
		{"up from the link's target", "a/../x", "usr/x", map[string]string{"a": "usr/lib"}},
		{"not above the root", "../../etc", "etc", nil},
		{"a link not above the root", "a/etc", "etc", map[string]string{"a": "../../.."}},
		{"as many links as Linux follows", "l0", "l40", long},
	}
	for _, c := range cases {
		got, err := Follow(c.path, func(name string) (string, bool) { to, ok := c.links[name]; return to, ok })
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	long["l40"] = "l41"
	for _, links := range []map[string]string{long, {"l0": "l0"}, {"l0": "x/l0", "x": "."}} {
		if got, err := Follow("l0", func(name string) (string, bool) { to, ok := links[name]; return to, ok }); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("%d links: %q, %v; want %v", len(links), got, err, syscall.ELOOP)
		}
	}
}

func TestDir(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	root := t.TempDir()
	for _, err := range []error{
		os.WriteFile(outside, []byte("outside"), 0o600),
		os.MkdirAll(root+"/usr/lib", 0o755),
		os.WriteFile(root+"/usr/lib/libc.so", []byte("libc"), 0o600),
		os.Symlink("/usr/lib", root+"/lib"),
		os.Symlink(outside, root+"/leak"),
		os.Symlink("../../../usr/lib/libc.so", root+"/up"),
		os.Symlink("loop", root+"/loop"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, name := range []string{"lib/libc.so", "up", "leak", "loop", "absent", "../x"} {
		b, err := fs.ReadFile(Dir(root), name)
		got[name] = string(b)
		if err != nil {
			got[name] = err.Error()[strings.LastIndex(err.Error(), ": ")+2:]
		}
	}
	want := map[string]string{
		"lib/libc.so": "libc", "up": "libc", "leak": "no such file or directory", "loop": syscall.ELOOP.Error(),
		"absent": "no such file or directory", "../x": "invalid argument",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
