package publish

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo/elftest"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

const arch = "x86_64-musl"

var testKey = sync.OnceValue(func() *sign.PrivateKey {
	k, err := sign.Generate(rand.Reader, sign.MinBits)
	if err != nil {
		panic(err)
	}
	return k
})

// folder makes a root file system with the given umask and times.
func folder(t *testing.T, umask int, when time.Time) string {
	t.Helper()
	old := syscall.Umask(umask)
	defer syscall.Umask(old)
	dir := t.TempDir()
	prog := elftest.Musl
	prog.Needed = []string{"libc.so", "libown.so.1"}
	lib := elftest.Musl
	lib.Interp, lib.Soname = "", "libown.so.1"
	for name, data := range map[string][]byte{"usr/bin/tool": prog.Build(), "usr/lib/libown.so.1": lib.Build(), "etc/tool.conf": []byte("x=1\n"), "INSTALL": []byte("#!/bin/sh\n")} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o666)
		if name == "usr/bin/tool" {
			mode = 0o777
		}
		if err := os.WriteFile(path, data, mode); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(path, when, when)
	}
	if err := os.Symlink("tool", filepath.Join(dir, "usr/bin/t")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func packed(t *testing.T, dir string) []byte {
	t.Helper()
	r, err := Folder(dir, manifest.Props{Pkgver: "tool-1.0_1", Architecture: arch, ShortDesc: "tool", ConfFiles: []string{"/etc/tool.conf"}, RunDepends: []string{"musl>=1_1"}}, nil)
	if err == nil {
		err = Libraries(&r)
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"libc.so"}, {"libown.so.1"}}, [][]string{r.Props.ShlibRequires, r.Props.ShlibProvides}); d != "" {
		t.Error(d)
	}
	var b bytes.Buffer
	if err := binpkg.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReproducible(t *testing.T) {
	other := folder(t, 0o077, time.Unix(1_700_000_000, 5))
	if os.Geteuid() == 0 { // another user's files, too
		err := filepath.WalkDir(other, func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(name, 1234, 5678))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	a, b := packed(t, folder(t, 0o022, time.Unix(1, 0))), packed(t, other)
	if !bytes.Equal(a, b) {
		t.Error("the folder's place, owner, umask or times show in the package")
	}
	var indexes [2][]byte
	for i := range indexes {
		dir := repository(t)
		var err error
		if indexes[i], err = os.ReadFile(filepath.Join(dir, arch+"-repodata")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(indexes[0], indexes[1]) {
		t.Error("the directory shows in the index")
	}
}

// repository makes a signed one that stands alone: musl and the tool.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	libc := elftest.Musl
	libc.Interp, libc.Needed = "", nil
	musl := binpkg.Recipe{Props: manifest.Props{Pkgver: "musl-1.2.5_1", Architecture: arch, ShortDesc: "libc"}, Sources: []binpkg.Source{binpkg.Bytes("/usr/lib/libc.so", 0o755, libc.Build())}}
	if err := Libraries(&musl); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := binpkg.Write(&b, musl); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{musl.Props.FileName(): b.Bytes(), "tool-1.0_1." + arch + ".xbps": packed(t, folder(t, 0o022, time.Unix(1, 0)))} {
		if err := Replace(filepath.Join(dir, name), data); err != nil {
			t.Fatal(err)
		}
	}
	x, err := Index(context.Background(), dir, nil, Signer{Key: testKey(), By: "T <t@example.test>"})
	if err != nil || len(x[arch].Packages) != 2 {
		t.Fatalf("%v %v", x, err)
	}
	return dir
}

// TestRealTools lets xbps-install judge our packages, index and signatures, from a directory and over HTTP, where alone it
// checks signatures.
func TestRealTools(t *testing.T) {
	install, err := exec.LookPath("xbps-install")
	if err != nil {
		t.Skip("xbps is not installed")
	}
	dir := repository(t)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	run := func(root, from string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, install, "-r", root, "-c", t.TempDir(), "-C", t.TempDir(), "-i", "-R", from, "-S", "-y", "tool")
		cmd.Env = append(os.Environ(), "XBPS_TARGET_ARCH="+arch)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	trusting := func() string {
		root := t.TempDir()
		keys := filepath.Join(root, "var/db/xbps/keys")
		text, err := testKey().Public().KeyFile("T")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(keys, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(keys, testKey().Public().Fingerprint()+".plist"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		return root
	}
	for from, root := range map[string]string{dir: trusting(), server.URL: trusting()} {
		if out, err := run(root, from); err != nil {
			t.Errorf("from %s: %v\n%s", from, err, out)
		}
		if _, err := os.Stat(filepath.Join(root, "usr/bin/tool")); err != nil {
			t.Error(err)
		}
	}
	sig := filepath.Join(dir, "tool-1.0_1."+arch+".xbps.sig2")
	if err := Replace(sig, bytes.Repeat([]byte{1}, 256)); err != nil {
		t.Fatal(err)
	}
	if out, err := run(trusting(), server.URL); err == nil {
		t.Errorf("xbps takes a signature that is none: %s", out)
	}
}

func TestLayout(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"gw", "a.so", "gw.toml"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte(n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := Layout{Name: "gateway", Host: filepath.Join(dir, "gw"), Plugins: []string{filepath.Join(dir, "a.so")}, Config: []string{filepath.Join(dir, "gw.toml")}, Service: true}
	sources, conf, err := l.Sources()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sources {
		got = append(got, s.Path)
	}
	if d := cmp.Diff([]string{"/usr/bin/gateway", "/usr/lib/gateway/a.so", "/etc/gateway/gw.toml", "/etc/sv/gateway/run", "/etc/sv/gateway/conf"}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"/etc/gateway/gw.toml", "/etc/sv/gateway/conf"}, conf); d != "" {
		t.Error(d)
	}
	l.Plugins = append(l.Plugins, l.Plugins[0])
	if _, _, err := l.Sources(); err == nil {
		t.Error("two plugins of one name")
	}
	l.Name = "../x"
	if _, _, err := l.Sources(); err == nil {
		t.Error("a name with a path")
	}
}

func TestIndexRefuses(t *testing.T) {
	dir := repository(t)
	if err := os.Rename(filepath.Join(dir, "tool-1.0_1."+arch+".xbps"), filepath.Join(dir, "tool-2.0_1."+arch+".xbps")); err != nil {
		t.Fatal(err)
	}
	if _, err := Index(context.Background(), dir, nil, Signer{}); err == nil || !strings.Contains(err.Error(), "is the package tool-1.0_1") {
		t.Errorf("a package under another name: %v", err)
	}
	if _, err := Index(context.Background(), t.TempDir(), nil, Signer{}); err == nil {
		t.Error("an empty directory has an index")
	}
}
