package mirror_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plugproof/plugproof/harness/mirror"
	"github.com/plugproof/plugproof/verify/supply/modtree/treetest"
)

// illness makes the test binary an upstream that falls ill: HOW AFTER DIR, after so many requests.
const illness = "PLUGPROOF_TEST_UPSTREAM"

func TestMain(m *testing.M) {
	if how := os.Getenv(illness); how != "" {
		words := strings.SplitN(how, " ", 3)
		after, err := strconv.Atoi(words[1])
		if err == nil {
			err = upstream(words[0], int64(after), words[2])
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if what := os.Getenv(syncing); what != "" {
		from, into, _ := strings.Cut(what, " ")
		if _, _, _, err := mirror.Sync(context.Background(), from, into, nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// upstream serves dir and says where, until it falls ill.
func upstream(how string, after int64, dir string) error {
	f, err := mirror.OpenFiles(dir)
	if err != nil {
		return err
	}
	s := &mirror.Server{Files: f, Now: time.Now}
	var n atomic.Int64
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == mirror.HealthPath || n.Add(1) <= after {
			s.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if ext := path.Ext(r.URL.Path); how == "rotten" && ext != ".zip" && ext != ".mod" { // of proofs the go command itself finds it
			s.ServeHTTP(w, r)
			return
		}
		fall(how, w, rec)
	}))
	fmt.Println(h.URL)
	select {}
}

// fall answers what rec holds as an upstream would that is ill.
func fall(how string, w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	if how == "error" {
		http.Error(w, "ill", http.StatusInternalServerError)
		return
	}
	body := rec.Body.Bytes()
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	half := body[:len(body)/2]
	switch how {
	case "short": // as if that were all
		w.Header().Set("Content-Length", strconv.Itoa(len(half)))
		body = half
	case "flipped":
		if len(body) > 0 {
			body[len(body)/2] ^= 1
		}
	case "rotten": // and says so
		if len(body) > 0 {
			body[len(body)/2] ^= 1
		}
		w.Header().Del("Repr-Digest")
	default:
		body = half
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
	switch how {
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "stopped":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "cut":
		panic(http.ErrAbortHandler)
	case "reset":
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	}
}

// TestUpstreamFallsIll: within one run of the go command, which asks for everything of eight modules and for the checksum database's
// proofs, the main upstream, a process, falls ill in the middle of an answer. The build succeeds, and the log shows the switch.
func TestUpstreamFallsIll(t *testing.T) {
	gobin, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	modules := map[string]map[string]string{}
	var gomod, imports strings.Builder
	gomod.WriteString("module example.test/app\n\ngo 1.21\n\nrequire (\n")
	for i := range 8 {
		path := fmt.Sprintf("example.test/m%d", i)
		modules[path+"@v1.0.0"] = map[string]string{"go.mod": "module " + path + "\n\ngo 1.21\n", "m.go": fmt.Sprintf("package m%d\n\nconst X = %d\n", i, i), "notes": strings.Repeat(path+"\n", 3000)}
		fmt.Fprintf(&gomod, "\t%s v1.0.0\n", path)
		fmt.Fprintf(&imports, "import _ %q\n", path)
	}
	gomod.WriteString(")\n")
	tree, key := treetest.New(t, rand.Reader, modules)
	dir := t.TempDir()
	write(t, dir, "gomod/cache/download", tree)
	for _, how := range []string{"killed", "cut", "reset", "error", "short", "flipped", "rotten", "stopped"} {
		t.Run(how, func(t *testing.T) {
			if how == "stopped" && testing.Short() {
				t.Skip("it waits until an upstream was silent for too long")
			}
			t.Parallel()
			main := start(t, fmt.Sprintf("%s 15 %s", how, dir)) // of about 60
			standby := start(t, fmt.Sprintf("none %d %s", 1<<30, dir))
			front := server(t, "", main, standby)
			log := &syncBuffer{}
			front.Log = log
			h := httptest.NewServer(front)
			defer h.Close()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go front.Watch(ctx, 100*time.Millisecond, nil)
			work := t.TempDir()
			write(t, work, "app", map[string]string{"go.mod": gomod.String(), "app.go": "package app\n\n" + imports.String()})
			cmd := exec.Command(gobin, "build", "-modcacherw", "./...")
			cmd.Dir = work + "/app"
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + work, "GOPATH=" + work + "/go", "GOCACHE=" + work + "/cache", "GOENV=off", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local",
				"GOPROXY=" + h.URL + "/mod", "GOSUMDB=" + key}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, out, log.String())
			}
			sums, err := os.ReadFile(work + "/app/go.sum")
			if err != nil || bytes.Count(sums, []byte("\n")) != 16 {
				t.Errorf("go.sum: %v\n%s", err, sums)
			}
			text := log.String()
			first := strings.Index(text, `"from":"`+main+`"`)
			if first < 0 || !strings.Contains(text[first:], `"from":"`+standby+`"`) {
				t.Error("the log does not show the switch:\n", text)
			}
			if n, _, err := mirror.CheckLog(strings.NewReader(text)); err != nil || n < 30 {
				t.Error(n, err)
			}
		})
	}
}

// start starts an upstream and gives its URL.
func start(t *testing.T, how string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), illness+"="+how)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started, done := make(chan error), make(chan struct{})
	go func() { // the child ends with the thread that started it (golang/go#27505)
		runtime.LockOSThread()
		started <- cmd.Start()
		<-done
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		close(done)
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func write(t *testing.T, dir, at string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, at, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
