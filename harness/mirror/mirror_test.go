package mirror_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/harness/mirror"
)

// site makes what a kit is unpacked to.
func site(t testing.TB, more map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"gomod/cache/download/example.test/a/@v/v1.0.0.info":            `{"Version":"v1.0.0"}`,
		"gomod/cache/download/example.test/a/@v/v1.0.0.mod":             "module example.test/a\n",
		"gomod/cache/download/example.test/a/@v/v1.0.0.zip":             "zip",
		"gomod/cache/download/example.test/a/@v/v1.2.0-rc.1.info":       `{"Version":"v1.2.0-rc.1"}`,
		"gomod/cache/download/example.test/a/@v/v1.2.0-rc.1.mod":        "module example.test/a\n",
		"gomod/cache/download/example.test/a/@v/v1.0.0.lock":            "not a mirror's file",
		"gomod/cache/download/sumdb/sum.example.test/supported":         "",
		"gomod/cache/download/sumdb/sum.example.test/lookup/x@v1.0.0":   "proof",
		"gomod/golang.org/toolchain@v0.0.1-go1.99.1.linux-amd64/bin/go": "not served",
		"xbps/site/x86_64-musl-repodata":                                "index",
		"secret":                                                        "not served",
	}
	for name, text := range more {
		files[name] = text
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(dir+"/"+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func server(t testing.TB, dir string, upstreams ...string) *mirror.Server {
	t.Helper()
	s := &mirror.Server{Upstreams: upstreams, Scratch: t.TempDir(), Now: time.Now}
	if dir != "" {
		f, err := mirror.OpenFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		s.Files = f
	}
	return s
}

func get(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, data)
}

func TestFiles(t *testing.T) {
	dir := site(t, nil)
	if err := os.Symlink("/etc", dir+"/xbps/etc"); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server(t, dir))
	defer h.Close()
	for path, want := range map[string]string{
		"/mod/example.test/a/@v/v1.0.0.zip":                "200 zip",
		"/mod/example.test/a/@v/list":                      "200 v1.0.0\nv1.2.0-rc.1\n",
		"/mod/example.test/a/@latest":                      `200 {"Version":"v1.0.0"}`,
		"/mod/sumdb/sum.example.test/supported":            "200 ",
		"/mod/sumdb/sum.example.test/lookup/x@v1.0.0":      "200 proof",
		"/xbps/site/x86_64-musl-repodata":                  "200 index",
		"/health":                                          "200 well\n",
		"/mod/example.test/b/@v/list":                      "404",
		"/mod/example.test/a/@v/v9.0.0.zip":                "404",
		"/secret":                                          "404",
		"/mod/../secret":                                   "404",
		"/mod/..%2f..%2f..%2fsecret":                       "404",
		"/xbps/etc/passwd":                                 "",
		"/mod/":                                            "404",
		"/":                                                "404",
		"/mod/example.test/a/@v/":                          "404",
		"/gomod/cache/download/example.test/a/@v/list":     "404",
		"/mod/golang.org/toolchain@v0.0.1-go1.99.1/bin/go": "404",
	} {
		got := get(t, h.URL+path)
		if want == "" && !strings.HasPrefix(got, "200") {
			continue
		}
		if strings.HasPrefix(want, "404") {
			got, want = got[:3], "404"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if resp, err := http.Post(h.URL+"/mod/x", "", nil); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Error(resp, err)
	}
	if _, err := mirror.OpenFiles(t.TempDir()); err == nil {
		t.Error("an empty directory is a mirror")
	}
}

// dying answers the first bytes of everything and then breaks the connection.
type dying struct{}

func (dying) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000000")
	_, _ = io.WriteString(w, "zi")
	panic(http.ErrAbortHandler)
}

// TestStandby: whatever the main upstream does, what the standby has is answered right, and the log says who answered.
func TestStandby(t *testing.T) {
	standby := httptest.NewServer(server(t, site(t, nil)))
	defer standby.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, main := range map[string]http.Handler{
		"it dies in the middle": dying{},
		"it has errors":         http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }),
		"it lacks the file":     http.NotFoundHandler(),
		"it is not there":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			url := "http://" + closed.Addr().String()
			if main != nil {
				h := httptest.NewServer(main)
				defer h.Close()
				url = h.URL
			}
			var log bytes.Buffer
			front := server(t, "", url, standby.URL)
			front.Log = &log
			h := httptest.NewServer(front)
			defer h.Close()
			for range 3 {
				if got := get(t, h.URL+"/mod/example.test/a/@v/v1.0.0.zip"); got != "200 zip" {
					t.Error(got)
				}
			}
			if !strings.Contains(log.String(), `"from":"`+standby.URL+`"`) {
				t.Error("the log does not say that the standby answered:\n", log.String())
			}
			if n, _, err := mirror.CheckLog(bytes.NewReader(log.Bytes())); err != nil || n != 3 {
				t.Error(n, err)
			}
			if got := get(t, h.URL+"/mod/example.test/a/@v/v7.0.0.zip"); name == "it lacks the file" && got[:3] != "404" || name == "it has errors" && got[:3] != "502" {
				t.Errorf("what nobody has: %q", got) // with one of them ill, nobody knows
			}
		})
	}
}

func TestThousandAtOnce(t *testing.T) {
	main := httptest.NewServer(server(t, site(t, nil)))
	standby := httptest.NewServer(server(t, site(t, nil)))
	defer standby.Close()
	var log bytes.Buffer
	front := server(t, "", main.URL, standby.URL)
	front.Log = &log
	h := httptest.NewServer(front)
	defer h.Close()
	var g errgroup.Group
	var once sync.Once
	for i := range 1000 {
		g.Go(func() error {
			if i == 500 { // the main one goes in the middle of it
				once.Do(func() { main.CloseClientConnections(); main.Listener.Close() })
			}
			resp, err := http.Get(h.URL + "/mod/example.test/a/@v/v1.0.0.zip")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			data, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != 200 || string(data) != "zip") {
				err = fmt.Errorf("%d %q", resp.StatusCode, data)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if n, _, err := mirror.CheckLog(bytes.NewReader(log.Bytes())); err != nil || n != 1000 {
		t.Error(n, err)
	}
}

func TestPipeIsNoFile(t *testing.T) {
	dir := site(t, nil)
	if err := syscall.Mkfifo(dir+"/xbps/site/pipe", 0o644); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server(t, dir))
	defer h.Close()
	if got := get(t, h.URL+"/xbps/site/pipe"); !strings.HasPrefix(got, "404") {
		t.Error(got)
	}
}

// TestSilentUpstream: one that stops in the middle of an answer closes nothing; the next one answers.
func TestSilentUpstream(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits until an upstream was silent for too long")
	}
	t.Parallel()
	end := make(chan struct{})
	stopped := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "abc")
		w.(http.Flusher).Flush()
		<-end
	}))
	defer stopped.Close()
	defer close(end)
	main := httptest.NewServer(server(t, site(t, nil)))
	defer main.Close()
	h := httptest.NewServer(server(t, "", stopped.URL, main.URL))
	defer h.Close()
	if got := get(t, h.URL+"/xbps/site/x86_64-musl-repodata"); got != "200 index" {
		t.Error(got)
	}
	if _, _, _, err := mirror.Sync(context.Background(), stopped.URL, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "silent") {
		t.Error(err)
	}
}

// TestLongRequests: no client makes a log that cannot be read.
func TestLongRequests(t *testing.T) {
	var log bytes.Buffer
	s := server(t, site(t, nil))
	s.Log = &log
	h := httptest.NewServer(s)
	defer h.Close()
	get(t, h.URL+"/"+strings.Repeat("%01", 100_000))
	get(t, h.URL+"/health")
	if n, _, err := mirror.CheckLog(&log); n != 2 || err != nil {
		t.Error(n, err)
	}
}
