package audit

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
)

// listing lists a directory without its packages' bytes.
func listing(t *testing.T, dir string) (out []Listed) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Listed{Name: e.Name(), Size: int64(len(data)), SHA256: sha256.Sum256(data), Open: func() (io.ReaderAt, error) {
			if filepath.Ext(name) == ".xbps" {
				t.Errorf("%s was read", name)
			}
			return os.Open(name)
		}})
	}
	return out
}

func TestListing(t *testing.T) {
	remove := func(t *testing.T, name string) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, dir string)
		want []string
	}{
		{"nothing", func(*testing.T, string) {}, nil},
		{"longer", func(t *testing.T, dir string) {
			change(t, dir+"/"+helloFile, func(b []byte) []byte { return append(b, 0) })
		},
			[]string{"bad-signature " + helloFile, "size " + helloFile}},
		{"changed", func(t *testing.T, dir string) {
			change(t, dir+"/"+helloFile, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, []string{"bad-signature " + helloFile, "hash " + helloFile}},
		{"gone", func(t *testing.T, dir string) { remove(t, dir+"/"+helloFile) }, []string{"missing-file " + indexFile}},
		{"in no index", func(t *testing.T, dir string) {
			write(t, dir, binpkg.Recipe{Props: manifest.Props{Pkgver: "new-1_1", Architecture: arch}})
		}, []string{"no-signature new-1_1.x86_64-musl.xbps", "not-indexed new-1_1.x86_64-musl.xbps"}},
		{"the index turned back", func(t *testing.T, dir string) {
			write(t, dir, binpkg.Recipe{Props: manifest.Props{Pkgver: "hello-1.2_1", Architecture: arch}})
		}, []string{"downgrade hello-1.2_1.x86_64-musl.xbps", "no-signature hello-1.2_1.x86_64-musl.xbps"}},
		{"an old version kept", func(t *testing.T, dir string) {
			write(t, dir, binpkg.Recipe{Props: manifest.Props{Pkgver: "hello-0.9_1", Architecture: arch}})
		}, []string{"no-signature hello-0.9_1.x86_64-musl.xbps"}},
		{"another name", func(t *testing.T, dir string) {
			if err := os.Rename(dir+"/"+helloFile, dir+"/x.xbps"); err != nil {
				t.Fatal(err)
			}
		}, []string{"file-name x.xbps", "missing-file " + indexFile, "no-signature x.xbps"}},
		{"an index cut off", func(t *testing.T, dir string) {
			change(t, dir+"/"+indexFile, func(b []byte) []byte { return b[:len(b)/2] })
		}, []string{"bad-index " + indexFile}},
		{"an index gone", func(t *testing.T, dir string) { remove(t, dir+"/"+indexFile) }, []string{"no-index ."}},
		{"a signature of another file", func(t *testing.T, dir string) {
			data, err := os.ReadFile(dir + "/" + plugFile + ".sig2")
			if err != nil {
				t.Fatal(err)
			}
			change(t, dir+"/"+helloFile+".sig2", func([]byte) []byte { return data })
		}, []string{"bad-signature " + helloFile}},
		{"no signature", func(t *testing.T, dir string) { remove(t, dir+"/"+helloFile+".sig2") }, []string{"no-signature " + helloFile}},
	} {
		dir := repository(t, good())
		c.do(t, dir)
		got := brief(Listing(listing(t, dir)))
		if d := cmp.Diff(c.want, got, cmp.Transformer("set", func(s []string) map[string]bool {
			m := map[string]bool{}
			for _, x := range s {
				m[x] = true
			}
			return m
		})); d != "" {
			t.Errorf("%s:\n%s", c.name, d)
		}
	}
}
