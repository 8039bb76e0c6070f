package install

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/plugproof/plugproof/images/release"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
)

// entry is one of a tarball in the making.
type entry struct {
	tar.Header
	data string
}

func file(name, data string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, data}
}
func link(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}, ""}
}
func hard(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}, ""}
}

// root is a small root file system in Void's layout.
func root() []entry {
	return []entry{
		{tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}, ""},
		{tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "x"}}, ""},
		link("./bin", "usr/bin"), file("./etc/passwd", "root:x:0:0\n"), file("./etc/os-release", "NAME=Void\nID=\"void\"\n"),
		{tar.Header{Typeflag: tar.TypeDir, Name: "./srv/", Mode: 0o750}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./usr/bin/su", Mode: 0o4755}, "su"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./usr/bin/ping", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01"}}, "ping"},
		hard("./usr/bin/sulogin", "./usr/bin/su"), link("./usr/bin/sh", "su"),
		{tar.Header{Typeflag: tar.TypeChar, Name: "./dev/null", Mode: 0o666, Devmajor: 1, Devminor: 3}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./var/log/wtmp", Mode: 0o664, Gid: 22}, ""},
		link("./var/run", "../run"),
	}
}

func archive(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.data))
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packXZ(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// signed writes a tarball, its list of checksums and a signature of the key with that seed.
func signed(t testing.TB, dir string, data []byte, seed byte) TarballOptions {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
	head := append([]byte("Ed"), bytes.Repeat([]byte{seed}, 8)...)
	list := fmt.Sprintf("SHA256 (other) = %x\nSHA256 (void-x86_64-musl-ROOTFS.tar.xz) = %x\n", sha256.Sum256(nil), sha256.Sum256(data))
	line := func(tail []byte) []byte {
		return []byte("untrusted comment: test\n" + base64.StdEncoding.EncodeToString(append(append([]byte{}, head...), tail...)) + "\n")
	}
	put(t, filepath.Join(dir, "void-x86_64-musl-ROOTFS.tar.xz"), data)
	put(t, filepath.Join(dir, "sha256sum.txt"), []byte(list))
	put(t, filepath.Join(dir, "sha256sum.sig"), line(ed25519.Sign(private, []byte(list))))
	key, err := release.ParseKey(line(private.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	return TarballOptions{Sums: filepath.Join(dir, "sha256sum.txt"), Signature: filepath.Join(dir, "sha256sum.sig"), Keys: []release.Key{key}}
}

func TestTarball(t *testing.T) {
	dir := t.TempDir()
	opt := signed(t, dir, packXZ(t, archive(t, root())), 1)
	r, err := Tarball(context.Background(), filepath.Join(dir, "void-x86_64-musl-ROOTFS.tar.xz"), opt)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.Origin, "void-rootfs:") || len(r.Origin) != len("void-rootfs:")+64 || len(r.Notes) != 1 {
		t.Errorf("origin %q, notes %q", r.Origin, r.Notes)
	}
	var got []string
	for _, n := range r.Tree.Nodes() {
		got = append(got, fmt.Sprintf("%c %04o %d %s%s", n.Type, n.Mode, n.GID, n.Path, n.Target))
	}
	want := []string{"l 0777 0 /binusr/bin", "d 0755 0 /etc", "f 0644 0 /etc/os-release", "f 0644 0 /etc/passwd", "d 0750 0 /srv", "d 0755 0 /usr", "d 0755 0 /usr/bin",
		"f 0755 0 /usr/bin/ping", "l 0777 0 /usr/bin/shsu", "f 4755 0 /usr/bin/su", "f 4755 0 /usr/bin/sulogin", "d 0755 0 /var", "d 0755 0 /var/log", "f 0664 22 /var/log/wtmp", "l 0777 0 /var/run../run"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var again bytes.Buffer
	if err := r.Tree.Tar(&again); err != nil {
		t.Fatal(err)
	}
	second := newTree(0)
	if _, err := second.untar(context.Background(), again.Bytes(), binpkg.Limits{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.Tree.Nodes(), second.Nodes()); d != "" {
		t.Error(d)
	}
}

func TestTarballRefuses(t *testing.T) {
	const name = "void-x86_64-musl-ROOTFS.tar.xz"
	for _, c := range []struct {
		name, class string
		do          func(t *testing.T, dir string, opt *TarballOptions)
	}{
		{"no key", NoKey, func(t *testing.T, dir string, opt *TarballOptions) { opt.Keys = nil }},
		{"no list", NoChecksum, func(t *testing.T, dir string, opt *TarballOptions) { opt.Sums = "" }},
		{"no signature", NoSignature, func(t *testing.T, dir string, opt *TarballOptions) { opt.Signature = "" }},
		{"signature gone", NoSignature, func(t *testing.T, dir string, opt *TarballOptions) { opt.Signature += "x" }},
		{"a stranger's key", UnknownKey, func(t *testing.T, dir string, opt *TarballOptions) {
			opt.Keys = signed(t, t.TempDir(), nil, 2).Keys
		}},
		{"the list rewritten", BadSignature, func(t *testing.T, dir string, opt *TarballOptions) {
			data := packXZ(t, archive(t, append(root(), file("./usr/bin/evil", "x"))))
			put(t, filepath.Join(dir, name), data)
			put(t, opt.Sums, fmt.Appendf(nil, "SHA256 (%s) = %x\n", name, sha256.Sum256(data)))
		}},
		{"the tarball swapped", WrongHash, func(t *testing.T, dir string, opt *TarballOptions) {
			put(t, filepath.Join(dir, name), packXZ(t, archive(t, append(root(), file("./usr/bin/evil", "x")))))
		}},
		{"not in the list", NoChecksum, func(t *testing.T, dir string, opt *TarballOptions) {
			*opt = signed(t, dir, packXZ(t, archive(t, root())), 1)
			if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, name+".new")); err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, name), nil)
			os.Remove(filepath.Join(dir, name))
			if err := os.Symlink(name+".new", filepath.Join(dir, "renamed")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			opt := signed(t, dir, packXZ(t, archive(t, root())), 1)
			c.do(t, dir, &opt)
			at := filepath.Join(dir, name)
			if _, err := os.Stat(at); err != nil {
				at = filepath.Join(dir, "renamed")
			}
			_, err := Tarball(context.Background(), at, opt)
			var r *RefusedTarball
			if !errors.As(err, &r) || r.Class != c.class {
				t.Errorf("want %s, got %v", c.class, err)
			}
		})
	}
}

// zeros is an endless run of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestHostileTarballs demands that each is refused with little memory and time, and that nothing appears outside: nothing
// is written at all before all was read.
func TestHostileTarballs(t *testing.T) {
	bomb := func(size int64) []byte { // a tar entry of that many zeros
		var b bytes.Buffer
		z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(z)
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./zeros", Mode: 0o644, Size: size}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, io.LimitReader(zeros{}, min(size, 256<<20))); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		z.Close()
		return b.Bytes()
	}
	var many []entry
	for i := range 100_000 {
		many = append(many, file(fmt.Sprintf("./d/%06d", i), ""))
	}
	deep := "./" + strings.Repeat("d/", 60_000) + "f"
	for _, c := range []struct {
		name, class string
		data        []byte
	}{
		{"leads up", binpkg.PathEscape, archive(t, append(root(), file("./../../etc/passwd", "x")))},
		{"absolute", binpkg.PathEscape, archive(t, append(root(), file("/etc/passwd", "x")))},
		{"up in the middle", binpkg.PathEscape, archive(t, append(root(), file("./usr/../../x", "x")))},
		{"through an absolute link", binpkg.ThroughLink, archive(t, append(root(), link("./out", "/etc"), file("./out/passwd", "x")))},
		{"through a relative link", binpkg.ThroughLink, archive(t, append(root(), link("./out", "../../.."), file("./out/x", "x")))},
		{"a folder made a link", binpkg.Duplicate, archive(t, append(root(), link("./etc", "/tmp")))},
		{"hard link out", binpkg.LinkEscape, archive(t, append(root(), hard("./shadow", "/etc/shadow")))},
		{"hard link up", binpkg.LinkEscape, archive(t, append(root(), hard("./shadow", "../../etc/shadow")))},
		{"hard link to a link", binpkg.LinkEscape, archive(t, append(root(), hard("./x", "./bin")))},
		{"hard link to itself", binpkg.LinkEscape, archive(t, append(root(), hard("./x", "./x")))},
		{"device", binpkg.SpecialFile, archive(t, append(root(), entry{tar.Header{Typeflag: tar.TypeBlock, Name: "./dev/sda", Devmajor: 8}, ""}))},
		{"device under a good name", binpkg.SpecialFile, archive(t, append(root(), entry{tar.Header{Typeflag: tar.TypeChar, Name: "./dev/zero", Devmajor: 1, Devminor: 1}, ""}))},
		{"pipe", binpkg.SpecialFile, archive(t, append(root(), entry{tar.Header{Typeflag: tar.TypeFifo, Name: "./p"}, ""}))},
		{"twice", binpkg.Duplicate, archive(t, append(root(), file("./etc/passwd", "x")))},
		{"twice, without the dot", binpkg.Duplicate, archive(t, append(root(), file("etc/passwd", "x")))},
		{"10 GB of zeros", binpkg.TooBig, bomb(10 << 30)},
		{"256 MB of zeros", binpkg.TooBig, bomb(256 << 20)},
		{"100,000 entries", binpkg.TooMany, archive(t, many)},
		{"a path of 60,000 folders", binpkg.PathEscape, archive(t, append(root(), entry{tar.Header{Typeflag: tar.TypeReg, Name: deep, Format: tar.FormatPAX}, ""}))},
		{"no root", binpkg.NotAPackage, archive(t, []entry{file("./README", "x")})},
		{"cut off", binpkg.NotAPackage, packXZ(t, archive(t, root()))[:300]},
		{"text", binpkg.NotAPackage, []byte("hello")},
		{"empty", binpkg.NotAPackage, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), "root.tar")
			put(t, at, c.data)
			heap, cpu := heapPeak(), cpuTime()
			_, err := Tarball(context.Background(), at, TarballOptions{AllowUnsigned: true})
			if heap, cpu = heapPeak()-heap, cpuTime()-cpu; heap > 256<<20 || cpu > 5e9 {
				t.Errorf("%d MB and %.1f s of CPU time", heap>>20, float64(cpu)/1e9)
			}
			var r *RefusedTarball
			if !errors.As(err, &r) || r.Class != c.class {
				t.Errorf("want %s, got %v", c.class, err)
			}
		})
	}
}

// TestTarballHasNoRoom: a file that does not fit is refused before its bytes are read.
func TestTarballHasNoRoom(t *testing.T) {
	for size, fits := range map[int]bool{1 << 20: false, 1 << 18: true} {
		at := filepath.Join(t.TempDir(), "root.tar")
		put(t, at, archive(t, append(root(), file("./big", strings.Repeat("x", size)))))
		r, err := Tarball(context.Background(), at, TarballOptions{AllowUnsigned: true, Bytes: 1 << 19})
		var no *RefusedTarball
		if fits != (err == nil) || !fits && (!errors.As(err, &no) || no.Class != binpkg.TooBig) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err == nil {
			if n, ok := r.Tree.Get("/big"); !ok || len(n.Data) != size {
				t.Errorf("%d bytes of %d", len(n.Data), size)
			}
		}
	}
}

// heapPeak is how many bytes of memory the Go runtime has taken from the system, which never goes down.
func heapPeak() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// cpuTime is this process's, in ns.
func cpuTime() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func FuzzTarball(f *testing.F) {
	f.Add(archive(f, root()))
	f.Add(packXZ(f, archive(f, root())))
	f.Add(archive(f, append(root(), link("./out", "/etc"), file("./out/passwd", "x"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree := newTree(64 << 20)
		if _, err := tree.untar(context.Background(), data, binpkg.Limits{Expanded: 8 << 20}); err != nil {
			return
		}
		for _, n := range tree.Nodes() {
			if strings.Contains(n.Path+"/", "/../") || n.Path[0] != '/' {
				t.Errorf("path %q", n.Path)
			}
		}
		tree.Pkgvers()
		tree.IsVoid()
		tree.Loader()
		tree.looksLikeRoot()
		if _, err := tree.Pending(nil, "x"); err == nil {
			tree.Files()
		}
	})
}
