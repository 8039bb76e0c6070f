package kit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

var ctx = context.Background()

func keys(t testing.TB) (minisign.PublicKey, minisign.PrivateKey) {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

var files = map[string]string{
	"gomod/cache/download/example.test/a/@v/v1.0.0.zip": "zip bytes",
	"inputs/kernel-amd64/vmlinuz":                       "kernel",
	"inputs/kernel-arm/vmlinuz":                         "kernel", // the same bytes, once in the kit
	"bin/plugproof":                                     "#!program",
	"empty":                                             "",
}

func manifest(files map[string]string) *kit.Manifest {
	m := &kit.Manifest{Name: "site", Serial: 3}
	for name, text := range files {
		m.Parts = append(m.Parts, kit.Part{Kind: "input", Path: name, Exec: strings.HasPrefix(text, "#!"), Size: int64(len(text)), SHA256: results.DigestOf([]byte(text))})
	}
	return m
}

func write(t testing.TB, m *kit.Manifest, files map[string]string, key minisign.PrivateKey) []byte {
	t.Helper()
	var b bytes.Buffer
	err := kit.Write(ctx, &b, m, key, func(p kit.Part) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(files[p.Path])), nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// check opens and verifies a kit.
func check(data []byte, key minisign.PublicKey) error {
	k, err := kit.Open(bytes.NewReader(data), int64(len(data)), key)
	if err != nil {
		return err
	}
	return k.Verify(ctx, nil)
}

func TestRoundTrip(t *testing.T) {
	public, private := keys(t)
	data := write(t, manifest(files), files, private)
	if !bytes.Equal(data, write(t, manifest(files), files, private)) {
		t.Error("the same parts give two kits")
	}
	if n := bytes.Count(data, []byte("kernel")); n != 1+2 { // its bytes once, and two paths
		t.Errorf("%d times kernel", n)
	}
	k, err := kit.Open(bytes.NewReader(data), int64(len(data)), public)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/cache"
	for range 2 { // the second finds all in place
		if err := k.Unpack(ctx, dir); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, ".plugproof-kits/") {
			return err
		}
		text, err := os.ReadFile(dir + "/" + name)
		got[name] = string(text)
		st, _ := d.Info()
		if want := fs.FileMode(0o644); strings.HasPrefix(string(text), "#!") {
			want = 0o755
			if st.Mode() != want {
				t.Errorf("%s has the mode %s", name, st.Mode())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files, got); d != "" {
		t.Error(d)
	}
}

// TestEveryFlipAndCut: no bit of a kit can change, and no byte can go or come, unnoticed.
func TestEveryFlipAndCut(t *testing.T) {
	public, private := keys(t)
	data := write(t, manifest(files), files, private)
	for i := range data {
		for bit := range 8 {
			data[i] ^= 1 << bit
			if check(data, public) == nil {
				t.Fatalf("bit %d of byte %d of %d changed, and the kit holds", bit, i, len(data))
			}
			data[i] ^= 1 << bit
		}
		if check(data[:i], public) == nil {
			t.Fatalf("cut to %d of %d bytes, the kit holds", i, len(data))
		}
	}
	for _, more := range []string{"\x00", "\n", string(data)} {
		if check(append(bytes.Clone(data), more...), public) == nil {
			t.Errorf("with %d more bytes the kit holds", len(more))
		}
	}
	if err := check(data, public); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	public, private := keys(t)
	_, stranger := keys(t)
	good := write(t, manifest(files), files, private)
	swapped := bytes.Clone(good)
	a, b := bytes.LastIndex(good, []byte("zip bytes")), bytes.LastIndex(good, []byte("#!program"))
	copy(swapped[a:], "#!program")
	copy(swapped[b:], "zip bytes")
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, kit.ErrFormat},
		{"a stranger's", write(t, manifest(files), files, stranger), kit.ErrSignature},
		{"two parts swapped", swapped, kit.ErrPart},
		{"a manifest of its own", bytes.Replace(good, []byte("serial 3"), []byte("serial 9"), 1), kit.ErrSignature},
	} {
		if err := check(tt.data, public); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, path := range []string{"", ".", "a/.plugproof-new", ".plugproof-kits/site", "/etc/passwd", "../up", "a/../../b", "a//b", "a/", "a\nb", "c:\\x", strings.Repeat("x", 2000), "\xff"} {
		m := &kit.Manifest{Name: "site", Serial: 1, Parts: []kit.Part{{Kind: "input", Path: path, SHA256: results.DigestOf(nil)}}}
		if err := m.Check(); !errors.Is(err, kit.ErrFormat) {
			t.Errorf("path %q: %v", path, err)
		}
	}
	for _, size := range []int64{-1, 1 << 62, 1<<63 - 1} {
		m := &kit.Manifest{Name: "site", Serial: 1, Parts: []kit.Part{{Kind: "input", Path: "x", Size: size, SHA256: results.DigestOf(nil)}}}
		if _, err := kit.ParseManifest(m.Text()); !errors.Is(err, kit.ErrFormat) {
			t.Errorf("a part of %d bytes: %v", size, err)
		}
	}
	twice := manifest(map[string]string{"a": "x", "a/b": "y"})
	twice.Sort()
	if err := twice.Check(); !errors.Is(err, kit.ErrFormat) {
		t.Errorf("a file and a folder: %v", err)
	}
}

func TestUnpackWritesNothingElsewhere(t *testing.T) {
	public, private := keys(t)
	data := write(t, manifest(files), files, private)
	k, err := kit.Open(bytes.NewReader(data), int64(len(data)), public)
	if err != nil {
		t.Fatal(err)
	}
	dir, out := t.TempDir(), t.TempDir()
	if err := os.Symlink(out, dir+"/inputs"); err != nil {
		t.Fatal(err)
	}
	if err := k.Unpack(ctx, dir); err == nil {
		t.Error("it was unpacked through a link that leads out")
	}
	if left, _ := os.ReadDir(out); len(left) > 0 {
		t.Error("something was written elsewhere: ", left)
	}
	bad := bytes.Clone(data)
	bad[len(bad)-1] ^= 1
	k, err = kit.Open(bytes.NewReader(bad), int64(len(bad)), public)
	if err != nil {
		t.Fatal(err)
	}
	fresh := t.TempDir()
	if err := k.Unpack(ctx, fresh); !errors.Is(err, kit.ErrPart) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(fresh); len(left) > 0 {
		t.Error("a bad kit left ", left)
	}
}

func TestSince(t *testing.T) {
	public, private := keys(t)
	big := map[string]string{"toolchain": strings.Repeat("0123456789", 100_000), "source/main.go": "package main\n"}
	old := manifest(big)
	whole := write(t, old, big, private)
	edited := map[string]string{"toolchain": big["toolchain"], "source/main.go": "package main // edited\n"}
	next := manifest(edited)
	next.Serial = 4
	next.Hold(old)
	delta := write(t, next, edited, private)
	if 20*len(delta) > len(whole) {
		t.Errorf("%d bytes after an edit of one line, %d for all", len(delta), len(whole))
	}
	openKit := func(data []byte) *kit.Kit {
		k, err := kit.Open(bytes.NewReader(data), int64(len(data)), public)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	dir := t.TempDir()
	if err := openKit(delta).Unpack(ctx, dir); !errors.Is(err, kit.ErrBase) {
		t.Errorf("without what it leaves out: %v", err)
	}
	for _, data := range [][]byte{whole, delta} {
		if err := openKit(data).Unpack(ctx, dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range edited {
		if got, err := os.ReadFile(dir + "/" + name); err != nil || string(got) != text {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := openKit(whole).Unpack(ctx, dir); !errors.Is(err, kit.ErrOld) {
		t.Errorf("an older kit replayed: %v", err)
	}
	same := manifest(big)
	same.Serial = 4
	if err := openKit(write(t, same, big, private)).Unpack(ctx, dir); !errors.Is(err, kit.ErrOld) {
		t.Errorf("another kit with the same serial: %v", err)
	}
	merged, err := kit.Merge(openKit(whole).Manifest, openKit(delta).Manifest)
	if err != nil {
		t.Fatal(err)
	}
	full := manifest(edited)
	full.Serial = 4
	full.Sort()
	if d := cmp.Diff(full, merged); d != "" {
		t.Error(d)
	}
}

func FuzzOpen(f *testing.F) {
	public, private := keys(f)
	f.Add(write(f, manifest(files), files, private))
	f.Add([]byte("plugproof-kit-v1 1 1\nxx"))
	f.Add([]byte("plugproof-kit-v1 67108864 1024\n"))
	f.Fuzz(func(t *testing.T, data []byte) { _ = check(data, public) })
}

func FuzzParseManifest(f *testing.F) {
	m := manifest(files)
	m.Sort()
	f.Add(m.Text())
	f.Add([]byte("plugproof kit manifest 1\nname \"a\"\nserial 1\nsince sha256:00\nheld input file 0 sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \"x\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := kit.ParseManifest(text)
		if err == nil && !bytes.Equal(m.Text(), text) {
			t.Error("two spellings of one manifest")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	public, private := keys(b)
	chunk := strings.Repeat(fmt.Sprintf("%064d", 7), 1<<20)
	big := map[string]string{"a": chunk, "b": chunk[1:]}
	data := write(b, manifest(big), big, private)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := check(data, public); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNameIsAFile: the name is that of the file that remembers the serial.
func TestNameIsAFile(t *testing.T) {
	for _, name := range []string{".", "..", "", "a/b"} {
		if (&kit.Manifest{Name: name, Serial: 1}).Check() == nil {
			t.Errorf("%q is a kit's name", name)
		}
	}
}
