package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo/elftest"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/publish"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

const arch = "x86_64-musl"

var (
	testKey  = sync.OnceValue(newKey)
	otherKey = sync.OnceValue(newKey)
)

func newKey() *sign.PrivateKey {
	k, err := sign.Generate(rand.Reader, sign.MinBits)
	if err != nil {
		panic(err)
	}
	return k
}

// good are the packages of a repository that has nothing wrong.
func good() []binpkg.Recipe {
	lib := elftest.Musl
	lib.Interp, lib.Soname = "", "libplug.so.1"
	prog := elftest.Musl
	prog.Needed = []string{"libplug.so.1", "libc.so"}
	libc := elftest.Musl
	libc.Interp, libc.Needed, libc.Soname = "", nil, "libc.so"
	return []binpkg.Recipe{
		{Props: manifest.Props{Pkgver: "musl-1.2.5_1", Architecture: arch, ShlibProvides: []string{"libc.so"}},
			Sources: []binpkg.Source{binpkg.Bytes("/usr/lib/libc.so", 0o755, libc.Build())}},
		{Props: manifest.Props{Pkgver: "libplug-1.1_1", Architecture: arch, RunDepends: []string{"musl>=1.2_1"}, ShlibProvides: []string{"libplug.so.1"}, ShlibRequires: []string{"libc.so"}},
			Sources: []binpkg.Source{binpkg.Bytes("/usr/lib/libplug.so.1.0", 0o755, lib.Build()), {Path: "/usr/lib/libplug.so.1", Target: "libplug.so.1.0"}}},
		{Props: manifest.Props{Pkgver: "sh-1_1", Architecture: "noarch", Provides: []string{"virtual-shell-1_1"}, Conflicts: []string{"oldsh>=0"}},
			Sources: []binpkg.Source{binpkg.Bytes("/usr/bin/sh", 0o755, []byte("#!"))}},
		{Props: manifest.Props{Pkgver: "hello-1.0_1", Architecture: arch, RunDepends: []string{"libplug>=1.0_1<2", "virtual-shell>=0"}, ShlibRequires: []string{"libplug.so.1", "libc.so"}, ConfFiles: []string{"/etc/hello.conf"}},
			Sources: []binpkg.Source{binpkg.Bytes("/usr/bin/hello", 0o755, prog.Build()), binpkg.Bytes("/etc/hello.conf", 0o644, []byte("x")), {Path: "/usr/bin/hi", Target: "../bin/hello"}}},
	}
}

func write(t testing.TB, dir string, r binpkg.Recipe) string {
	t.Helper()
	var b bytes.Buffer
	if err := binpkg.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, r.Props.FileName())
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func index(t testing.TB, dir string, k *sign.PrivateKey) map[string]*repo.Index {
	t.Helper()
	x, err := publish.Index(context.Background(), dir, nil, publish.Signer{Key: k, By: "Tester <t@example.test>"})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func repository(t testing.TB, recipes []binpkg.Recipe) string {
	t.Helper()
	dir := t.TempDir()
	for _, r := range recipes {
		write(t, dir, r)
	}
	index(t, dir, testKey())
	return dir
}

func audit(t testing.TB, dir string, opt Options) []Finding {
	t.Helper()
	f, err := Repository(context.Background(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func trusted() Options { return Options{Keys: []*sign.PublicKey{testKey().Public()}} }

// brief gives "class file path" of each finding.
func brief(list []Finding) (out []string) {
	for _, f := range list {
		out = append(out, strings.TrimSpace(f.Class+" "+f.File+" "+f.Path))
	}
	return out
}

func TestGood(t *testing.T) {
	if got := audit(t, repository(t, good()), trusted()); len(got) != 0 {
		t.Errorf("findings: %v", got)
	}
}

// change changes bytes of a file without telling the index.
func change(t *testing.T, name string, f func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, f(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	helloFile = "hello-1.0_1.x86_64-musl.xbps"
	plugFile  = "libplug-1.1_1.x86_64-musl.xbps"
	indexFile = "x86_64-musl-repodata"
)

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, dir string)
		want []string
	}{
		{"signature random", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, helloFile+".sig2"), func(b []byte) []byte { return bytes.Repeat([]byte{7}, len(b)) })
		}, []string{"bad-signature " + helloFile}},
		{"signature missing", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, helloFile+".sig2")) }, []string{"no-signature " + helloFile}},
		{"signature empty", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, helloFile+".sig2"), func([]byte) []byte { return nil })
		}, []string{"bad-signature " + helloFile}},
		{"legacy signature", func(t *testing.T, dir string) {
			os.Rename(filepath.Join(dir, helloFile+".sig2"), filepath.Join(dir, helloFile+".sig"))
		}, []string{"legacy-signature " + helloFile}},
		{"signature of another package", func(t *testing.T, dir string) {
			data, _ := os.ReadFile(filepath.Join(dir, plugFile+".sig2"))
			os.WriteFile(filepath.Join(dir, helloFile+".sig2"), data, 0o644)
		}, []string{"bad-signature " + helloFile}},
		{"swapped after signing", func(t *testing.T, dir string) {
			evil := good()[3]
			evil.Sources[0] = binpkg.Bytes("/usr/bin/hello", 0o755, []byte("evil"))
			write(t, dir, evil)
		}, []string{"bad-signature " + helloFile, "index-differs " + helloFile, "size " + helloFile}},
		{"swapped and indexed without the key", func(t *testing.T, dir string) {
			evil := good()[3]
			evil.Sources[0] = binpkg.Bytes("/usr/bin/hello", 0o755, []byte("evil"))
			name := write(t, dir, evil)
			sig, _ := os.ReadFile(name + ".sig2")
			index(t, dir, testKey())
			os.WriteFile(name+".sig2", sig, 0o644)
		}, []string{"bad-signature " + helloFile}},
		{"another package's file and signature", func(t *testing.T, dir string) {
			for _, ext := range []string{"", ".sig2"} {
				data, _ := os.ReadFile(filepath.Join(dir, plugFile+ext))
				os.WriteFile(filepath.Join(dir, helloFile+ext), data, 0o644)
			}
		}, []string{"file-name " + helloFile, "index-differs " + helloFile, "size " + helloFile}},
		{"bytes differ", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, helloFile), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, []string{"bad-signature " + helloFile, "hash " + helloFile, "not-a-package " + helloFile}},
		{"unsigned", func(t *testing.T, dir string) { index(t, dir, nil) }, []string{"unsigned " + indexFile}},
		{"other key", func(t *testing.T, dir string) { index(t, dir, otherKey()) }, []string{
			"unknown-key " + helloFile, "unknown-key " + plugFile, "unknown-key musl-1.2.5_1.x86_64-musl.xbps",
			"unknown-key sh-1_1.noarch.xbps", "unknown-key " + indexFile}},
		{"index damaged", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, indexFile), func(b []byte) []byte { return b[:len(b)/2] })
		}, []string{"bad-index " + indexFile}},
		{"no index", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, indexFile)) }, []string{"no-index ."}},
		{"file gone", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, helloFile)) }, []string{"missing-file " + indexFile}},
		{"older file kept", func(t *testing.T, dir string) {
			old := good()[1]
			old.Props.Pkgver = "libplug-1.0_2"
			write(t, dir, old)
			index(t, dir, testKey())
		}, nil},
		{"index turned back", func(t *testing.T, dir string) {
			before, _ := os.ReadFile(filepath.Join(dir, indexFile))
			newer := good()[1]
			newer.Props.Pkgver = "libplug-1.2_1"
			write(t, dir, newer)
			index(t, dir, testKey())
			os.WriteFile(filepath.Join(dir, indexFile), before, 0o644)
		}, []string{"downgrade libplug-1.2_1.x86_64-musl.xbps"}},
		{"not indexed", func(t *testing.T, dir string) {
			before, _ := os.ReadFile(filepath.Join(dir, indexFile))
			write(t, dir, binpkg.Recipe{Props: manifest.Props{Pkgver: "new-1_1", Architecture: arch}})
			index(t, dir, testKey())
			os.WriteFile(filepath.Join(dir, indexFile), before, 0o644)
		}, []string{"not-indexed new-1_1.x86_64-musl.xbps"}},
		{"link to elsewhere", func(t *testing.T, dir string) {
			outside := filepath.Join(t.TempDir(), "x")
			os.Rename(filepath.Join(dir, helloFile), outside)
			os.Symlink(outside, filepath.Join(dir, helloFile))
		}, []string{"unreadable " + helloFile}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := repository(t, good())
			c.do(t, dir)
			got := audit(t, dir, trusted())
			if d := cmp.Diff(c.want, brief(got)); d != "" {
				t.Errorf("%s\n%v", d, got)
			}
		})
	}
}

func TestNoKey(t *testing.T) {
	dir := repository(t, good())
	if d := cmp.Diff([]string{"no-trusted-key " + indexFile}, brief(audit(t, dir, Options{}))); d != "" {
		t.Error(d)
	}
	index(t, dir, nil)
	os.Remove(filepath.Join(dir, helloFile+".sig2"))
	if got := audit(t, dir, Options{AllowUnsigned: true}); len(got) != 0 {
		t.Errorf("unsigned is wanted: %v", got)
	}
}

func TestSince(t *testing.T) {
	dir := repository(t, good())
	newer := good()[1]
	newer.Props.Pkgver = "libplug-1.2_1"
	write(t, dir, newer)
	opt := trusted()
	opt.Since = index(t, dir, testKey())
	os.Remove(filepath.Join(dir, newer.Props.FileName()))
	os.Remove(filepath.Join(dir, helloFile))
	index(t, dir, testKey())
	if d := cmp.Diff([]string{"downgrade " + indexFile, "downgrade " + indexFile}, brief(audit(t, dir, opt))); d != "" {
		t.Error(d)
	}
}
