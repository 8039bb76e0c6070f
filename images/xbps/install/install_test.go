package install

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo/elftest"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
	"github.com/plugproof/plugproof/images/xbps/publish"
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

func recipes() []binpkg.Recipe {
	return []binpkg.Recipe{
		{Props: manifest.Props{Pkgver: "base-1_1", Architecture: "noarch", ShortDesc: "base", Alternatives: map[string][]string{"sh": {"sh:/usr/bin/dash"}}},
			Sources: []binpkg.Source{{Path: "/lib", Target: "usr/lib"}, binpkg.Bytes("/usr/bin/dash", 0o755, []byte("#!"))}},
		{Props: manifest.Props{Pkgver: "tool-1.0_1", Architecture: arch, ShortDesc: "tool", RunDepends: []string{"base>=0"}, ConfFiles: []string{"/etc/tool.conf"}},
			Sources: []binpkg.Source{binpkg.Bytes("/usr/bin/tool", 0o755, []byte("tool")), binpkg.Bytes("/etc/tool.conf", 0o644, nil), binpkg.Bytes("/usr/lib/tool/p.so", 0o644, []byte("p"))},
			Install: []byte("#!/bin/sh\n")},
		{Props: manifest.Props{Pkgver: "other-1_1", Architecture: arch, ShortDesc: "unwanted, and would not pass", RunDepends: []string{"absent>=0"}}},
	}
}

func repository(t testing.TB, list []binpkg.Recipe) string {
	t.Helper()
	dir := t.TempDir()
	for _, r := range list {
		var b bytes.Buffer
		if err := binpkg.Write(&b, r); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, r.Props.FileName()), b.Bytes())
	}
	index(t, dir)
	return dir
}

func index(t testing.TB, dir string) {
	t.Helper()
	if _, err := publish.Index(context.Background(), dir, nil, publish.Signer{Key: testKey(), By: "T <t@example.test>"}); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func options() Options {
	return Options{Arch: arch, Want: []string{"tool"}, Audit: audit.Options{Keys: []*sign.PublicKey{testKey().Public()}}}
}

func TestBuild(t *testing.T) {
	root, err := Build(context.Background(), repository(t, recipes()), options())
	if err != nil {
		t.Fatal(err)
	}
	key := testKey().Public().Fingerprint()
	if root.Origin != "xbps:"+key {
		t.Errorf("origin %q", root.Origin)
	}
	var got []string
	for _, n := range root.Tree.Nodes() {
		if n.Type != Dir {
			got = append(got, strings.TrimSuffix(n.Path+" -> "+n.Target, " -> "))
		}
	}
	want := []string{"/etc/tool.conf", "/lib -> usr/lib", "/usr/bin/dash", "/usr/bin/sh -> dash", "/usr/bin/tool", "/usr/lib/tool/p.so",
		"/var/db/xbps/.base-files.plist", "/var/db/xbps/.tool-files.plist", "/var/db/xbps/keys/" + key + ".plist", "/var/db/xbps/pkgdb-0.38.plist"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	db, _ := root.Tree.Get("/var/db/xbps/pkgdb-0.38.plist")
	d, err := plist.Decode(db.Data, plist.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	tool, base := d["tool"].(plist.Dict), d["base"].(plist.Dict)
	if tool["state"] != "unpacked" || base["state"] != "installed" || base["automatic-install"] != true || tool["automatic-install"] != nil {
		t.Errorf("tool %v, base %v", tool["state"], base["state"])
	}
	again, err := Build(context.Background(), repository(t, recipes()), options())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(root.Tree.Nodes(), again.Tree.Nodes()); d != "" {
		t.Errorf("a second root differs: %s", d)
	}
}

// evil makes a package of raw archive entries, with metadata that agrees.
func evil(t *testing.T, dir, pkgver string, add func(*tar.Writer)) {
	t.Helper()
	var b bytes.Buffer
	z, _ := zstd.NewWriter(&b)
	w := tar.NewWriter(z)
	props, _ := plist.Encode(manifest.Props{Pkgver: pkgver, Architecture: arch}.Dict())
	files, _ := plist.Encode(plist.Dict{})
	for name, data := range map[string][]byte{"./props.plist": props} {
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))})
		w.Write(data)
	}
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./files.plist", Mode: 0o644, Size: int64(len(files))})
	w.Write(files)
	add(w)
	w.Close()
	z.Close()
	put(t, filepath.Join(dir, pkgver+"."+arch+".xbps"), b.Bytes())
	index(t, dir)
}

func TestRefuses(t *testing.T) {
	toolFile := "tool-1.0_1." + arch + ".xbps"
	for _, c := range []struct {
		name, class string
		do          func(t *testing.T, dir string)
		want        string
	}{
		{"swapped after signing", "bad-signature", func(t *testing.T, dir string) {
			r := recipes()[1]
			r.Sources[0] = binpkg.Bytes("/usr/bin/tool", 0o755, []byte("evil"))
			var b bytes.Buffer
			binpkg.Write(&b, r)
			put(t, filepath.Join(dir, toolFile), b.Bytes())
		}, "tool"},
		{"no signature", "no-signature", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, toolFile+".sig2")) }, "tool"},
		{"missing", "missing-file", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, toolFile)) }, "tool"},
		{"index gone", "unreadable", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, arch+"-repodata")) }, "tool"},
		{"nothing of the name", "missing-dependency", func(*testing.T, string) {}, "nosuch"},
		{"dependency missing", "missing-dependency", func(*testing.T, string) {}, "other"},
		{"setuid", "setuid", func(t *testing.T, dir string) {
			evil(t, dir, "evil-1_1", func(w *tar.Writer) {
				w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./usr/bin/su", Mode: 0o4755})
			})
		}, "evil"},
		{"device", "special-file", func(t *testing.T, dir string) {
			evil(t, dir, "evil-1_1", func(w *tar.Writer) {
				w.WriteHeader(&tar.Header{Typeflag: tar.TypeBlock, Name: "./dev/sda", Mode: 0o644})
			})
		}, "evil"},
		{"link, then through it", "through-link", func(t *testing.T, dir string) {
			evil(t, dir, "evil-1_1", func(w *tar.Writer) {
				w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "./out", Linkname: "/etc"})
				w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./out/passwd", Mode: 0o644})
			})
		}, "evil"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := repository(t, recipes())
			c.do(t, dir)
			opt := options()
			opt.Want = []string{c.want}
			_, err := Build(context.Background(), dir, opt)
			var r *audit.Refused
			if !errors.As(err, &r) {
				t.Fatalf("got %v", err)
			}
			for _, f := range r.Findings {
				if f.Class == c.class {
					return
				}
			}
			t.Errorf("no %s in %v", c.class, r.Findings)
		})
	}
	opt := options()
	opt.Audit.Keys = nil
	if _, err := Build(context.Background(), repository(t, recipes()), opt); err == nil {
		t.Error("nothing is trusted, and it installs")
	}
}

func TestTolerated(t *testing.T) {
	list := recipes()
	list[0].Sources = append(list[0].Sources, binpkg.Bytes("/usr/bin/dsp", 0o644, elftest.Musl.Build()))
	dir, opt := repository(t, list), options()
	if _, err := Build(context.Background(), dir, opt); err == nil {
		t.Error("a program in a package for every architecture was taken")
	}
	opt.Audit.Tolerate = []string{audit.NoarchELF, audit.UndeclaredLib, audit.BadSignature}
	root, err := Build(context.Background(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Notes) == 0 || !strings.Contains(root.Notes[0], "dsp") {
		t.Errorf("notes %q", root.Notes)
	}
	put(t, filepath.Join(dir, "base-1_1.noarch.xbps.sig2"), bytes.Repeat([]byte{1}, 256))
	if _, err := Build(context.Background(), dir, opt); err == nil {
		t.Error("a bad signature was tolerated")
	}
}

func TestAcrossPackages(t *testing.T) {
	for name, change := range map[string]func([]binpkg.Recipe){
		"file of another package":        func(r []binpkg.Recipe) { r[1].Sources[0].Path = "/usr/bin/dash" },
		"through another package's link": func(r []binpkg.Recipe) { r[1].Sources[0].Path = "/lib/x" },
		"link where there is a folder":   func(r []binpkg.Recipe) { r[1].Sources[0] = binpkg.Source{Path: "/usr/bin", Target: "/etc"} },
	} {
		list := recipes()
		change(list)
		if _, err := Build(context.Background(), repository(t, list), options()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWrite(t *testing.T) {
	root, err := Build(context.Background(), repository(t, recipes()), options())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := root.Tree.Write(dir); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "lib/tool/p.so")); err != nil || string(data) != "p" {
		t.Errorf("%q %v", data, err)
	}
	if st, _ := os.Stat(filepath.Join(dir, "usr/bin/tool")); st.Mode().Perm() != 0o755 {
		t.Errorf("mode %v", st.Mode())
	}
	if err := root.Tree.Write(dir); err == nil {
		t.Error("written over another root")
	}
	pkgdb, err := exec.LookPath("xbps-pkgdb")
	if err != nil {
		t.Skip("xbps is not installed: its own judgement of the root is not asked")
	}
	cmd := exec.Command(pkgdb, "-r", dir, "-C", t.TempDir(), "-a")
	cmd.Env = append(os.Environ(), "XBPS_ARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("xbps-pkgdb -a: %v\n%s", err, out)
	}
}

func TestRelative(t *testing.T) {
	for _, c := range [][3]string{{"/usr/bin", "/usr/bin/dash", "dash"}, {"/", "/usr/bin/dash", "usr/bin/dash"}, {"/etc", "/usr/bin/dash", "../usr/bin/dash"},
		{"/usr/share/x", "/usr/bin/dash", "../../bin/dash"}, {"/usr/bin", "/usr", "../../usr"}} {
		if got := relative(c[0], c[1]); got != c[2] {
			t.Errorf("relative(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
