package mirror_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/harness/mirror"
	"github.com/plugproof/plugproof/results"
)

// syncing makes the test binary one that syncs: FROM DIR.
const syncing = "PLUGPROOF_TEST_SYNC"

func syncer(t *testing.T, from, into string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), syncing+"="+from+" "+into)
	return cmd
}

// deadly is an answer in whose course something happens, after so many bytes of it and of those before it.
type deadly struct {
	http.ResponseWriter
	left   *atomic.Int64
	happen func()
}

func (d deadly) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		k := min(len(p), 1<<10)
		_, err = d.ResponseWriter.Write(p[:k])
		d.ResponseWriter.(http.Flusher).Flush()
		if after := d.left.Add(-int64(k)); after <= 0 && after+int64(k) > 0 {
			d.happen()
		}
		n, p = n+k, p[k:]
	}
	return n, err
}

// change makes a mirror's files others: some new, some edited, some gone, one a folder that was a file or the other way round.
func change(t *testing.T, r *rand.Rand, dir string, round int) {
	t.Helper()
	write := func(name string) {
		data := make([]byte, r.IntN(100_000))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		name = filepath.Join(dir, "xbps", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	turn := filepath.Join(dir, "xbps/site/turn")
	if err := os.RemoveAll(turn); err != nil {
		t.Fatal(err)
	}
	write([]string{"site/turn", "site/turn/a"}[round%2])
	for i := range 3 {
		write(fmt.Sprintf("site/new-%d-%d.xbps", round, i))
	}
	write("site/same.xbps")
	write("site/" + strings.Repeat("n", 250))
	if round > 0 {
		if err := os.Remove(filepath.Join(dir, fmt.Sprintf("xbps/site/new-%d-1.xbps", round-1))); err != nil {
			t.Fatal(err)
		}
	}
}

func index(t *testing.T, dir string) map[string]results.Digest {
	t.Helper()
	f, err := mirror.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries, err := f.Index()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]results.Digest{}
	for _, e := range entries {
		out[e.Path] = e.SHA256
	}
	return out
}

// TestSyncKilled: a sync that dies at any moment leaves old files and new ones, each whole, and the next one makes the standby equal.
func TestSyncKilled(t *testing.T) {
	dir, into := site(t, nil), filepath.Join(t.TempDir(), "standby")
	if err := os.CopyFS(into, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s := server(t, dir)
	s.Log = log
	var left atomic.Int64
	var mu sync.Mutex // held until the child is known
	var child *os.Process
	kill := func() {
		mu.Lock()
		defer mu.Unlock()
		_ = child.Kill()
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != mirror.IndexPath {
			w = deadly{w, &left, kill}
		}
		s.ServeHTTP(w, r)
	}))
	defer h.Close()
	deaths := 0
	for round := range 20 {
		r := rand.New(rand.NewPCG(7, uint64(round)))
		old := index(t, dir)
		change(t, r, dir, round)
		now := index(t, dir)
		cmd := syncer(t, h.URL, into)
		left.Store(1 + r.Int64N(300_000)) // of some 300,000
		mu.Lock()
		err := cmd.Start()
		child = cmd.Process
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if cmd.Wait() != nil {
			deaths++
		}
		left.Store(0)
		for name, d := range index(t, into) {
			if d != now[name] && d != old[name] {
				t.Errorf("round %d: %q is neither the old file nor the new one", round, name)
			}
		}
		if out, err := syncer(t, h.URL, into).CombinedOutput(); err != nil {
			t.Fatalf("round %d, again: %v: %s", round, err, out)
		}
		if d := cmp.Diff(now, index(t, into)); d != "" {
			t.Errorf("round %d: %s", round, d)
		}
	}
	if deaths < 10 {
		t.Errorf("%d of 20 died in the middle", deaths)
	}
	err = fs.WalkDir(os.DirFS(into), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".") && name != "." {
			t.Errorf("%q was left", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	h.Close()
	if _, err := log.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	if n, _, err := mirror.CheckLog(log); err != nil || n < 100 {
		t.Errorf("%d lines: %v", n, err)
	}
}

// TestSyncsAtOnce: of several into one folder each ends well, and none sees another's file in the making.
func TestSyncsAtOnce(t *testing.T) {
	dir := site(t, nil)
	change(t, rand.New(rand.NewPCG(1, 1)), dir, 0)
	h := httptest.NewServer(server(t, dir))
	defer h.Close()
	into := t.TempDir()
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			_, _, _, err := mirror.Sync(context.Background(), h.URL, into, nil)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(index(t, dir), index(t, into)); d != "" {
		t.Error(d)
	}
}
