package modtree_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"

	"github.com/plugproof/plugproof/verify/supply/modtree"
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

const db = "sum.example.test"

// tree makes modules and, with a real client against a real server of the database's protocol, the proofs of them.
func tree(t testing.TB) (files, string) {
	t.Helper()
	signer, key, err := note.GenerateKey(rand.Reader, db)
	if err != nil {
		t.Fatal(err)
	}
	f := files{"sumdb/" + db + "/supported": ""}
	sums := map[string]string{}
	add := func(path, version string) {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		mod := "module " + path + "\n"
		for name, text := range map[string]string{"go.mod": mod, "x.go": "package x // " + version + "\n"} {
			w, _ := z.Create(path + "@" + version + "/" + name)
			_, _ = io.WriteString(w, text)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		at := path + "/@v/" + version
		f[at+".zip"], f[at+".mod"], f[at+".info"] = b.String(), mod, fmt.Sprintf(`{"Version":%q,"Time":"2020-01-01T00:00:00Z"}`, version)
		r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range r.File {
			names = append(names, e.Name)
		}
		h, _ := dirhash.Hash1(names, func(n string) (io.ReadCloser, error) { return r.Open(n) })
		hm, _ := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(mod)), nil })
		sums[path+"@"+version] = fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", path, version, h, path, version, hm)
	}
	add("example.test/a", "v1.0.0")
	add("example.test/a", "v1.1.0")
	add("golang.org/toolchain", "v0.0.1-go1.99.1.linux-amd64")
	server := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
		if s, ok := sums[path+"@"+version]; ok {
			return []byte(s), nil
		}
		return []byte(fmt.Sprintf("%s %s h1:other\n%s %s/go.mod h1:other\n", path, version, path, version)), nil
	})))
	defer server.Close()
	r := &recorder{files: f, url: server.URL, key: key}
	for i := range 300 { // so that there is more than one tile
		if _, err := sumdb.NewClient(&recorder{files: files{}, url: server.URL, key: key}).Lookup(fmt.Sprintf("example.test/other%d", i), "v1.0.0"); err != nil {
			t.Fatal(err)
		}
	}
	c := sumdb.NewClient(r)
	for mod := range sums {
		path, version, _ := strings.Cut(mod, "@")
		if _, err := c.Lookup(path, version); err != nil {
			t.Fatal(err)
		}
	}
	return f, key
}

// recorder keeps what a client reads over the network.
type recorder struct {
	files
	url, key string
	mu       sync.Mutex // tiles are asked for side by side
	latest   []byte
}

func (r *recorder) ReadRemote(path string) ([]byte, error) {
	resp, err := http.Get(r.url + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files["sumdb/"+db+path] = string(data)
	return data, err
}

func (r *recorder) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(r.key), nil
	}
	return r.latest, nil
}

func (r *recorder) WriteConfig(_ string, _, next []byte) error { r.latest = next; return nil }
func (r *recorder) ReadCache(string) ([]byte, error)           { return nil, fs.ErrNotExist }
func (r *recorder) WriteCache(string, []byte)                  {}
func (r *recorder) Log(string)                                 {}
func (r *recorder) SecurityError(msg string)                   { panic(msg) }

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
