package base

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/elfinfo/elftest"
)

// parts are small: programs that are none, and a libc that says its version.
func parts() Parts {
	libc := elftest.Musl
	libc.Interp, libc.Needed = "", nil
	static := elftest.Musl
	static.Interp, static.Needed = "", nil
	return Parts{Arch: "amd64", Init: static.Build(), Userland: static.Build(), Names: []string{"sh", "ls"},
		Loader: append(libc.Build(), "\x00not 1.2\x001.2.3\x00"...), LoaderPath: "/lib/ld-musl-x86_64.so.1"}
}

func TestRoot(t *testing.T) {
	root, err := Root(context.Background(), t.TempDir(), parts())
	if err != nil {
		t.Fatal(err)
	}
	if root.Origin != Origin || root.Tree.IsVoid() {
		t.Errorf("origin %q, Void %v", root.Origin, root.Tree.IsVoid())
	}
	if d := cmp.Diff([]string{"plugproof-files-1_1", "musl-1.2.3_1", "plugproof-userland-1_1", "plugproof-guest-1_1"}, root.Pkgvers); d != "" {
		t.Error(d)
	}
	for _, name := range []string{"/bin/sh", "/usr/bin/env", "/lib/ld-musl-x86_64.so.1", "/sbin/ls", "/init"} {
		if _, ok := root.Tree.Program(name); ok != (name != "/usr/bin/env") {
			t.Errorf("%s: %v", name, ok)
		}
	}
	if libc, at := root.Tree.Loader(); libc != "musl" || at != "/lib/ld-musl-x86_64.so.1" {
		t.Errorf("%s %s", libc, at)
	}
	again, err := Root(context.Background(), t.TempDir(), parts())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(root.Tree.Nodes(), again.Tree.Nodes()); d != "" {
		t.Error(d)
	}
	if _, err := Root(context.Background(), t.TempDir(), Parts{Arch: "sparc"}); err == nil {
		t.Error("sparc has an image")
	}
}

// TestRealTools lets xbps itself read the packages, the index and the database.
func TestRealTools(t *testing.T) {
	install, err := exec.LookPath("xbps-install")
	if err != nil {
		t.Skip("xbps is not installed: its own judgement of the packages is not asked")
	}
	repo, target, disk := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "root")
	names, err := Repository(context.Background(), repo, parts())
	if err != nil {
		t.Fatal(err)
	}
	root, err := Root(context.Background(), t.TempDir(), parts())
	if err == nil {
		if err = os.Mkdir(disk, 0o755); err == nil {
			err = root.Tree.Write(disk)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "XBPS_ARCH=x86_64-musl")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
		}
		return string(out)
	}
	run(install, append([]string{"-r", target, "-C", t.TempDir(), "-c", t.TempDir(), "-i", "-R", repo, "-y"}, names...)...)
	query := filepath.Join(filepath.Dir(install), "xbps-query")
	theirs, ours := run(query, "-r", target, "-C", target, "-l"), run(query, "-r", disk, "-C", disk, "-l")
	if d := cmp.Diff(theirs, ours); d != "" || strings.Count(ours, "\n") != 4 {
		t.Errorf("packages that xbps and we installed:\n%s\n%s", d, ours)
	}
	if out := run(filepath.Join(filepath.Dir(install), "xbps-pkgdb"), "-r", disk, "-C", disk, "-a"); out != "" {
		t.Errorf("xbps-pkgdb: %s", out)
	}
}
