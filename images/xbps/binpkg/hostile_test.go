package binpkg

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// raw builds an archive as an attacker would: the metadata of a good package, then whatever add writes.
func raw(t testing.TB, compress bool, add func(*tar.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := io.WriteCloser(nopCloser{&b})
	if compress {
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	}
	tw := tar.NewWriter(w)
	props, _ := plist.Encode(manifest.Props{Pkgver: "evil-1.0_1", Architecture: "noarch"}.Dict())
	files, _ := plist.Encode(plist.Dict{})
	put(tw, "./props.plist", props)
	put(tw, "./files.plist", files)
	add(tw)
	tw.Flush() // fails where add broke off on purpose
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(tw *tar.Writer, name string, data []byte) {
	tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))})
	tw.Write(data)
}

func entry(flag byte, name, link string) func(*tar.Writer) {
	return func(tw *tar.Writer) {
		if err := tw.WriteHeader(&tar.Header{Typeflag: flag, Name: name, Linkname: link, Mode: 0o644}); err != nil {
			panic(err)
		}
	}
}

func both(list ...func(*tar.Writer)) func(*tar.Writer) {
	return func(tw *tar.Writer) {
		for _, f := range list {
			f(tw)
		}
	}
}

func file(name string) func(*tar.Writer) {
	return func(tw *tar.Writer) { put(tw, name, []byte("x")) }
}

func zeros(size int64) func(*tar.Writer) {
	return func(tw *tar.Writer) {
		tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./zeros", Mode: 0o644, Size: size})
		io.CopyN(tw, zeroReader{}, size)
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestHostile(t *testing.T) {
	for _, c := range []struct {
		name, class string
		add         func(*tar.Writer)
	}{
		{"absolute name", PathEscape, file("/etc/passwd")},
		{"dot dot", PathEscape, file("./../etc/passwd")},
		{"dot dot inside", PathEscape, file("./usr/../../etc/passwd")},
		{"no dot", PathEscape, file("etc/passwd")},
		{"double slash", PathEscape, file(".//etc/passwd")},
		{"dot inside", PathEscape, file("./usr/./x")},
		{"long", PathEscape, file("./" + strings.Repeat("x", 5000))},
		{"link, then through it", ThroughLink, both(entry(tar.TypeSymlink, "./out", "/etc"), file("./out/passwd"))},
		{"relative link, then through it", ThroughLink, both(entry(tar.TypeSymlink, "./a/out", "../../.."), file("./a/out/b/passwd"))},
		{"link in place of a parent", Duplicate, both(file("./a/b"), entry(tar.TypeSymlink, "./a", "/etc"))},
		{"link, then a file of its name", Duplicate, both(entry(tar.TypeSymlink, "./a", "/etc/passwd"), file("./a"))},
		{"hard link out", LinkEscape, entry(tar.TypeLink, "./a", "/etc/shadow")},
		{"hard link up", LinkEscape, entry(tar.TypeLink, "./a", "./../etc/shadow")},
		{"hard link to a link", LinkEscape, both(entry(tar.TypeSymlink, "./s", "/etc/shadow"), entry(tar.TypeLink, "./a", "./s"))},
		{"hard link to nothing", LinkEscape, entry(tar.TypeLink, "./a", "./b")},
		{"block device", SpecialFile, entry(tar.TypeBlock, "./dev/sda", "")},
		{"character device", SpecialFile, entry(tar.TypeChar, "./dev/mem", "")},
		{"pipe", SpecialFile, entry(tar.TypeFifo, "./p", "")},
		{"contiguous", SpecialFile, entry(tar.TypeCont, "./p", "")},
		{"file twice", Duplicate, both(file("./a"), file("./a"))},
		{"file, then below it", Duplicate, both(file("./a"), file("./a/b"))},
		{"metadata again", WrongOrder, both(file("./a"), file("./props.plist"))},
		{"script as payload", WrongOrder, file("./INSTALL")},
		{"100,000 entries", TooMany, func(tw *tar.Writer) {
			for i := range 100_000 {
				entry(tar.TypeSymlink, fmt.Sprintf("./l/%d", i), "x")(tw)
			}
		}},
		{"long names", TooMany, func(tw *tar.Writer) {
			for i := range 20_000 {
				entry(tar.TypeSymlink, fmt.Sprintf("./%d%s", i, strings.Repeat("/abcdefg", 250)), "x")(tw)
			}
		}},
		{"10 GB announced", TooBig, func(tw *tar.Writer) {
			tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./z", Mode: 0o644, Size: 10 << 30})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			data := raw(t, true, c.add)
			runtime.ReadMemStats(&before)
			_, err := readAll(data, Limits{})
			runtime.ReadMemStats(&after)
			var r *Refusal
			if !errors.As(err, &r) || r.Class != c.class {
				t.Errorf("got %v, want class %s", err, c.class)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 300<<20 {
				t.Errorf("allocated %d MiB", used>>20)
			}
		})
	}
}

// TestBomb has an archive that is 10 kB small and grows for ever, behind the archive's end and inside a file.
func TestBomb(t *testing.T) {
	inside := raw(t, true, zeros(200<<20))
	behind := raw(t, true, func(tw *tar.Writer) { tw.Close() })
	var more bytes.Buffer
	z, _ := zstd.NewWriter(&more, zstd.WithEncoderConcurrency(1))
	io.CopyN(z, zeroReader{}, 200<<20)
	z.Close()
	for name, data := range map[string][]byte{"inside": inside, "behind": append(behind, more.Bytes()...)} {
		if len(data) > 50<<10 {
			t.Fatalf("%s: %d bytes", name, len(data))
		}
		var r *Refusal
		if _, err := readAll(data, Limits{}); !errors.As(err, &r) || r.Class != TooBig {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWindow has packages that ask the decompressor for more memory than it is given.
func TestWindow(t *testing.T) {
	r := recipe()
	r.Compression = "xz"
	data := pack(t, r)
	data[12+2+2] = 40 // the dictionary's size in the first block's header: 4 GiB
	var refusal *Refusal
	if _, err := open(data, Limits{}); !errors.As(err, &refusal) || refusal.Class != TooBig {
		t.Errorf("xz: %v", err)
	}
	r.Compression = "zstd"
	r.Sources = append(r.Sources, Bytes("/x", 0o644, bytes.Repeat([]byte("0123456789abcdef"), 1<<17)))
	if _, err := readAll(pack(t, r), Limits{Window: 1 << 16}); !errors.As(err, &refusal) {
		t.Errorf("zstd: %v", err)
	}
}

func TestMetadataOrder(t *testing.T) {
	for name, c := range map[string]struct {
		class string
		names []string
	}{
		"no metadata":     {NotAPackage, []string{"./a", "./b"}},
		"payload first":   {NotAPackage, []string{"./a", "./props.plist", "./files.plist"}},
		"only files":      {NotAPackage, []string{"./files.plist"}},
		"props at fifth":  {WrongOrder, []string{"./INSTALL", "./REMOVE", "./INSTALL", "./REMOVE", "./props.plist"}},
		"props twice":     {WrongOrder, []string{"./props.plist", "./props.plist"}},
		"unreadable":      {NotAPackage, []string{"./props.plist", "./files.plist"}},
		"empty":           {NotAPackage, nil},
		"metadata folder": {NotAPackage, []string{"./props.plist/"}},
	} {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		for _, n := range c.names {
			put(tw, n, []byte("x"))
		}
		tw.Close()
		var r *Refusal
		if _, err := readAll(b.Bytes(), Limits{}); !errors.As(err, &r) || r.Class != c.class {
			t.Errorf("%s: %v, want class %s", name, err, c.class)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, c := range []string{"zstd", "xz", "gzip", "lz4", "none"} {
		r := recipe()
		r.Compression = c
		f.Add(pack(f, r))
	}
	f.Add(raw(f, false, both(entry(tar.TypeSymlink, "./out", "/etc"), file("./out/passwd"))))
	f.Add([]byte("BZh9"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		_, err := readAll(data, Limits{Expanded: 1 << 22, Entries: 100, Metadata: 1 << 16, Window: 8 << 20})
		var r *Refusal
		if err != nil && !errors.As(err, &r) {
			t.Errorf("an error that is no refusal: %v", err)
		}
	})
}
