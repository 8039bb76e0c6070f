package mirror_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/mirror"
)

func TestSync(t *testing.T) {
	main := httptest.NewServer(server(t, site(t, map[string]string{"xbps/site/new.xbps": "new"})))
	defer main.Close()
	dir := site(t, map[string]string{"xbps/site/old.xbps": "old", "gomod/cache/download/example.test/a/@v/v1.0.0.zip": "zap"})
	fetched, removed, _, err := mirror.Sync(context.Background(), main.URL, dir, nil)
	if err != nil || fetched != 2 || removed != 1 {
		t.Fatal(fetched, removed, err)
	}
	standby := httptest.NewServer(server(t, dir))
	defer standby.Close()
	if d := cmp.Diff(get(t, main.URL+"/index"), get(t, standby.URL+"/index")); d != "" {
		t.Error(d)
	}
	if fetched, removed, _, err := mirror.Sync(context.Background(), main.URL, dir, nil); err != nil || fetched+removed != 0 {
		t.Error("the second time: ", fetched, removed, err)
	}
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == mirror.IndexPath {
			fmt.Fprintf(w, "sha256:%064d 3 xbps/site/x\n", 7)
			return
		}
		fmt.Fprint(w, "lie")
	}))
	defer liar.Close()
	if _, _, _, err := mirror.Sync(context.Background(), liar.URL, dir, nil); err == nil {
		t.Error("a lie was taken")
	}
	if _, err := os.Stat(dir + "/xbps/site/x"); err == nil {
		t.Error("a lie was kept")
	}
}

// TestIndexIsOfNow: a mirror that lists what it had would let a standby be called equal that is not.
func TestIndexIsOfNow(t *testing.T) {
	dir := site(t, nil)
	main := httptest.NewServer(server(t, dir))
	defer main.Close()
	into := t.TempDir()
	for _, text := range []string{"one", "two"} { // of the same length
		if err := os.WriteFile(dir+"/xbps/site/new.xbps", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := mirror.Sync(context.Background(), main.URL, into, nil); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(into + "/xbps/site/new.xbps"); err != nil || string(data) != text {
			t.Errorf("the standby has %q, the mirror %q: %v", data, text, err)
		}
	}
}

func TestSyncDoesNotEmpty(t *testing.T) {
	empty := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer empty.Close()
	dir := site(t, nil)
	if _, _, _, err := mirror.Sync(context.Background(), empty.URL, dir, nil); err == nil {
		t.Error("an empty index was taken")
	}
	if _, err := os.Stat(dir + "/xbps/site/x86_64-musl-repodata"); err != nil {
		t.Error(err)
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 xbps/a\n"))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := mirror.ParseIndex(text)
		for _, e := range entries {
			if err == nil && !filepath.IsLocal(e.Path) {
				t.Errorf("%q leads out", e.Path)
			}
		}
	})
}
