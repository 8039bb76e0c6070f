package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/rootfs"
)

func TestRunWords(t *testing.T) {
	for _, c := range []struct {
		run  string
		want []string
	}{
		{"{host} --p {plugins} -v", []string{"/h", "--p", "/a.so", "/b c.so", "-v"}},
		{"{host} --p={plugins}", []string{"/h", "--p=/a.so /b c.so"}},
		{`/bin/sh -c 'exec {host} "$@"' x`, []string{"/bin/sh", "-c", `exec /h "$@"`, "x"}},
		{"", nil}, {" ", nil}, {`{host} "`, nil}, {`x \`, nil},
	} {
		got, err := runWords(c.run, "/h", []string{"/a.so", "/b c.so"})
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.want != nil) {
			t.Errorf("%q: %v (-want +got):\n%s", c.run, err, diff)
		}
	}
}

func TestTheLastOfTwoValuesStays(t *testing.T) {
	got, err := addEnv([]string{"PATH=/bin", "HOME=/tmp"}, []string{"A=1", "PATH=/x", "A=2=3", "AB=", "A="})
	if diff := cmp.Diff([]string{"HOME=/tmp", "PATH=/x", "AB=", "A="}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"", "A", "=x", "A=\x00"} {
		if _, err := addEnv(nil, []string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestLoadFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"file": "x", "d/e/z": "y"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{dir: dir}
	taken := []rootfs.File{{Name: "host"}, {Name: "plugins/0/p.so"}}
	list, err := a.loadFiles([]string{"file=a/b", "d=.", "d=plugins/1"}, taken)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff("a/b e e/z plugins/1 plugins/1/e plugins/1/e/z", strings.Join(names, " ")); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"file", "none=x", "file=../x", "file=/x", "file=", "file=.", "file=host", "file=plugins", "file=plugins/0", "file=plugins/0/p.so", "file=host/x", "fifo=x"} {
		if _, err := a.loadFiles([]string{bad}, taken); statusOf(err) != ExitUsage {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := a.loadFiles([]string{"file=a", "file=a/b"}, taken); statusOf(err) != ExitUsage {
		t.Errorf("a file below a file: %v", err)
	}
}

func statusOf(err error) int {
	e, ok := err.(*Error)
	if !ok {
		return -1
	}
	return e.Code
}

// TestAPipeIsNoProgram looks at a pipe that nobody writes to, and does not wait for it.
func TestAPipeIsNoProgram(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	said := make(chan error, 1)
	go func() { // ends with the test's process at the latest
		_, _, err := hostOf(name)
		said <- err
	}()
	select {
	case err := <-said:
		if err == nil {
			t.Error("it was taken")
		}
	case <-time.After(time.Minute):
		t.Error("it was waited for")
	}
}
