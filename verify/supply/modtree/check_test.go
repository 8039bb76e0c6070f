package modtree_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/verify/supply/modtree"
	"github.com/plugproof/plugproof/verify/supply/modtree/treetest"
)

type files map[string]string

func (f files) Names() []string {
	var out []string
	for n := range f {
		out = append(out, n)
	}
	return out
}

func (f files) Open(name string) (io.ReaderAt, int64, error) {
	s, ok := f[name]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	return strings.NewReader(s), int64(len(s)), nil
}

const db = treetest.Database

// tree makes modules and the proofs of them.
func tree(t testing.TB) (files, string) {
	t.Helper()
	all := map[string]map[string]string{}
	for _, name := range []string{"example.test/a@v1.0.0", "example.test/a@v1.1.0", "golang.org/toolchain@v0.0.1-go1.99.1.linux-amd64"} {
		path, version, _ := strings.Cut(name, "@")
		all[name] = map[string]string{"go.mod": "module " + path + "\n", "x.go": "package x // " + version + "\n"}
	}
	return treetest.New(t, rand.Reader, all)
}

func check(t testing.TB, f files, key string) []string {
	t.Helper()
	found, err := modtree.Check(context.Background(), f, key)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range found {
		out = append(out, string(x.Kind)+" "+x.Path)
	}
	return out
}

func TestCheck(t *testing.T) {
	good, key := tree(t)
	_, stranger := tree(t)
	if got := check(t, good, key); got != nil {
		t.Fatal(got)
	}
	a, tool := "example.test/a/@v/v1.0.0", "golang.org/toolchain/@v/v0.0.1-go1.99.1.linux-amd64"
	for _, tt := range []struct {
		name string
		do   func(files)
		want []string
	}{
		{"another go.mod", func(f files) { f[a+".mod"] += "\n" }, []string{"tampered " + a + ".mod"}},
		{"the zip of another version", func(f files) { f[a+".zip"] = f["example.test/a/@v/v1.1.0.zip"] }, []string{"tampered " + a + ".zip"}},
		{"no zip at all", func(f files) { f[tool+".zip"] = "" }, []string{"tampered " + tool + ".zip"}},
		{"one byte of a toolchain", func(f files) {
			data := []byte(f[tool+".zip"])
			data[bytes.LastIndex(data[:len(data)/2], []byte("PK"))-20] ^= 1
			f[tool+".zip"] = string(data)
		}, []string{"tampered " + tool + ".zip"}},
		{"info for another version", func(f files) { f[a+".info"] = `{"Version":"v1.1.0"}` }, []string{"tampered " + a + ".info"}},
		{"no proof", func(f files) { delete(f, "sumdb/"+db+"/lookup/example.test/a@v1.0.0") }, []string{"unproven " + a + ".mod", "unproven " + a + ".zip"}},
		{"another's proof", func(f files) {
			f["sumdb/"+db+"/lookup/example.test/a@v1.0.0"] = f["sumdb/"+db+"/lookup/example.test/a@v1.1.0"]
		}, []string{"unproven " + a + ".mod", "unproven " + a + ".zip"}},
		{"extra files", func(f files) {
			f["example.test/a/@v/v1.0.0.exe"], f["README"], f["sumdb/"+db+"/latest"], f["cache.lock"] = "", "", "", ""
		}, []string{"extra README", "extra cache.lock", "extra " + a + ".exe", "extra sumdb/" + db + "/latest"}},
		{"a list", func(f files) { f["example.test/a/@v/list"] = "v1.0.0\nv1.1.0\n" }, nil},
		{"a list of more", func(f files) { f["example.test/a/@v/list"] = "v1.0.0\nv9.0.0\n" }, []string{"extra example.test/a/@v/list"}},
		{"a module that nobody published", func(f files) {
			f["example.test/b/@v/v1.0.0.mod"], f["example.test/b/@v/v1.0.0.zip"] = "module b\n", ""
		}, []string{"unproven example.test/b/@v/v1.0.0.mod", "unproven example.test/b/@v/v1.0.0.zip"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := files{}
			for n, s := range good {
				f[n] = s
			}
			tt.do(f)
			if d := cmp.Diff(tt.want, check(t, f, key)); d != "" {
				t.Error(d)
			}
		})
	}
	if got := check(t, good, stranger); len(got) == 0 {
		t.Error("the tree holds with another database's key")
	}
}

// TestEveryFlip: no byte of a zip's contents, a go.mod or a proof that is used can change unnoticed.
// The keys of a few runs give signatures whose last digit's unused bits are and are not reached by the flip.
func TestEveryFlip(t *testing.T) {
	for range 4 {
		everyFlip(t)
	}
}

func everyFlip(t *testing.T) {
	good, key := tree(t)
	zipName := "example.test/a/@v/v1.0.0.zip"
	for _, name := range []string{"example.test/a/@v/v1.0.0.mod", "sumdb/" + db + "/lookup/example.test/a@v1.0.0", zipName} {
		data := []byte(good[name])
		for i := range data {
			data[i] ^= 1
			bad := files{}
			for n, s := range good {
				bad[n] = s
			}
			bad[name] = string(data)
			data[i] ^= 1
			if len(check(t, bad, key)) > 0 {
				continue
			}
			if name != zipName || !sameFiles(t, good[name], bad[name]) {
				t.Errorf("%s: byte %d of %d changed, and the tree holds", name, i, len(data))
			}
		}
	}
}

// sameFiles reports whether two zips hold the same names and bytes: dates and the like count for nothing.
func sameFiles(t *testing.T, a, b string) bool {
	var all [2]map[string]string
	for i, s := range []string{a, b} {
		r, err := zip.NewReader(strings.NewReader(s), int64(len(s)))
		if err != nil {
			return false
		}
		all[i] = map[string]string{}
		for _, e := range r.File {
			f, err := e.Open()
			if err != nil {
				return false
			}
			data, err := io.ReadAll(f)
			if err != nil {
				return false
			}
			all[i][e.Name] = string(data)
		}
	}
	return cmp.Equal(all[0], all[1])
}

func FuzzCheck(f *testing.F) {
	good, key := tree(f)
	f.Add("example.test/a/@v/v1.0.0.zip", []byte(good["example.test/a/@v/v1.0.0.zip"]))
	f.Add("sumdb/"+db+"/lookup/example.test/a@v1.0.0", []byte(good["sumdb/"+db+"/lookup/example.test/a@v1.0.0"]))
	f.Add("example.test/a/@v/list", []byte("v1.0.0\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		bad := files{}
		for n, s := range good {
			bad[n] = s
		}
		bad[name] = string(data)
		_, _ = modtree.Check(context.Background(), bad, key)
	})
}
