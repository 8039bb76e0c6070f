// Package treetest makes module trees for tests: in the layout of a module proxy, with the proofs of a checksum database of their own.
package treetest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"
)

// Database is the checksum database's name.
const Database = "sum.example.test"

// New makes a tree of modules, "PATH@VERSION", each of files by their names. The proofs are what a real client of a real server of the
// database's protocol reads; key is the database's, NAME+HASH+KEY, made of random bytes.
func New(t testing.TB, random io.Reader, modules map[string]map[string]string) (files map[string]string, key string) {
	t.Helper()
	signer, key, err := note.GenerateKey(random, Database)
	if err != nil {
		t.Fatal(err)
	}
	out, sums := map[string]string{"sumdb/" + Database + "/supported": ""}, map[string]string{}
	for name, files := range modules {
		path, version, _ := strings.Cut(name, "@")
		data := archive(t, name, files)
		at := path + "/@v/" + version
		out[at+".zip"], out[at+".mod"] = string(data), files["go.mod"]
		out[at+".info"] = fmt.Sprintf(`{"Version":%q,"Time":"2020-01-01T00:00:00Z"}`, version)
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range r.File {
			names = append(names, e.Name)
		}
		h, _ := dirhash.Hash1(names, func(n string) (io.ReadCloser, error) { return r.Open(n) })
		hm, _ := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(files["go.mod"])), nil })
		sums[name] = fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", path, version, h, path, version, hm)
	}
	server := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
		if s, ok := sums[path+"@"+version]; ok {
			return []byte(s), nil
		}
		return fmt.Appendf(nil, "%s %s h1:other\n%s %s/go.mod h1:other\n", path, version, path, version), nil
	})))
	defer server.Close()
	lookup := func(r *recorder, name string) {
		path, version, _ := strings.Cut(name, "@")
		if _, err := sumdb.NewClient(r).Lookup(path, version); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 { // so that there is more than one tile
		lookup(&recorder{files: map[string]string{}, url: server.URL, key: key}, fmt.Sprintf("example.test/other%d@v1.0.0", i))
	}
	names := slices.Sorted(maps.Keys(modules))
	for _, name := range names { // so that each lookup that is kept is signed at the size of all
		lookup(&recorder{files: map[string]string{}, url: server.URL, key: key}, name)
	}
	c := sumdb.NewClient(&recorder{files: out, url: server.URL, key: key})
	for _, name := range names {
		path, version, _ := strings.Cut(name, "@")
		if _, err := c.Lookup(path, version); err != nil {
			t.Fatal(err)
		}
	}
	return out, key
}

func archive(t testing.TB, name string, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name + "/" + f)
		if err == nil {
			_, err = io.WriteString(w, files[f])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// recorder keeps what a client reads over the network.
type recorder struct {
	url, key string
	mu       sync.Mutex // tiles are asked for side by side
	files    map[string]string
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
	r.files["sumdb/"+Database+path] = string(data)
	return data, err
}

func (r *recorder) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(r.key), nil
	}
	return r.latest, nil
}

func (r *recorder) WriteConfig(_ string, _, next []byte) error { r.latest = next; return nil }
func (r *recorder) ReadCache(string) ([]byte, error)           { return nil, io.EOF }
func (r *recorder) WriteCache(string, []byte)                  {}
func (r *recorder) Log(string)                                 {}
func (r *recorder) SecurityError(msg string)                   { panic(msg) }
