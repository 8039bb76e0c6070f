package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	Main()
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "role=") {
		os.Exit(role(strings.TrimPrefix(os.Args[1], "role="), os.Args[2:]))
	}
	os.Exit(m.Run())
}

// role is what this test binary does when a test starts it as a child.
func role(name string, args []string) int {
	switch name {
	case "owner": // starts a tree that never ends, and never ends itself
		_, err := Start(context.Background(), Cmd{Path: "/bin/sh", Args: []string{"-c", wildTree, args[0]}, Env: path})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("started")
		select {}
	case "dial":
		c, err := net.DialTimeout("tcp", args[0], 2*time.Second)
		if err != nil {
			fmt.Println(err)
			return 7
		}
		c.Close()
		return 0
	case "loopback":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Println(err)
			return 7
		}
		defer l.Close()
		return role("dial", []string{l.Addr().String()})
	case "nested":
		return nested()
	case "burn":
		for ru := (syscall.Rusage{}); ru.Utime.Nano()+ru.Stime.Nano() < burnt.Nanoseconds(); {
			syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
		}
		return 0
	}
	return 64
}

// burnt is how much CPU time the role burn uses, at least.
const burnt = 60 * time.Millisecond

var path = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}

// wildTree leaves a process in its own session, one in the background and one in front, each recognisable by $0.
const wildTree = `setsid sh -c 'sleep 1000 & sleep 1000; : '"$0" & (sleep 1000; : "$0") & echo up; while :; do sleep 1000; done`

// levels are those that this machine offers: the best one, and always the subreaper.
func levels() []level {
	best := level(Isolation().Level)
	if best == bySubreaper {
		return []level{bySubreaper}
	}
	return []level{best, bySubreaper}
}

func start(t *testing.T, ctx context.Context, l level, c Cmd) *Process {
	t.Helper()
	p, err := spawn(ctx, c, order{Level: l, Network: c.Network, Path: c.Path, Args: c.Args, Dir: c.Dir, Env: c.Env,
		Files: len(c.ExtraFiles), Umask: c.Umask, Hostname: c.Hostname, Nice: c.Nice, Binds: c.Binds, Hide: c.Hide})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// marked lists the processes, zombies too, whose command line or working directory holds word.
func marked(t *testing.T, word string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, dir := range all {
		line, _ := os.ReadFile(dir + "/cmdline")
		wd, _ := os.Readlink(dir + "/cwd")
		if filepath.Base(dir) != strconv.Itoa(os.Getpid()) && (bytes.Contains(line, []byte(word)) || wd == word) {
			found = append(found, dir+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// gone looks until no process is marked with word, for at most two minutes; a kill needs a moment to be done, and a busy
// machine more.
func gone(t *testing.T, word string) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	enough := time.After(2 * time.Minute)
	for {
		left := marked(t, word)
		if len(left) == 0 {
			return
		}
		select {
		case <-look.C:
		case <-enough:
			t.Errorf("still there: %q", left)
			return
		}
	}
}

func TestEnds(t *testing.T) {
	for _, l := range levels() {
		for _, tt := range []struct {
			name, script string
			code         int
			signal       syscall.Signal
		}{
			{"success", "exit 0", 0, 0},
			{"code", "exit 42", 42, 0},
			{"high code", "exit 255", 255, 0},
			{"killed", "kill -9 $$", 137, syscall.SIGKILL},
			{"segmentation fault", "ulimit -c 0; kill -SEGV $$", 139, syscall.SIGSEGV},
			{"terminated", "kill -TERM $$", 143, syscall.SIGTERM},
			{"signal of a grandchild is a code", "sh -c 'kill -TERM $$'; exit $?", 143, 0},
		} {
			t.Run(string(l)+"/"+tt.name, func(t *testing.T) {
				res, err := start(t, t.Context(), l, Cmd{Path: "/bin/sh", Args: []string{"-c", tt.script}, Env: path}).Wait()
				if err != nil {
					t.Fatal(err)
				}
				want := Result{ExitCode: tt.code, Signal: tt.signal}
				if diff := cmp.Diff(want, Result{ExitCode: res.ExitCode, Signal: res.Signal}); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestSurroundings(t *testing.T) {
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	res, err := Run(t.Context(), Cmd{
		Path: "sh", Dir: dir, Env: append(path, "X=y z"), Umask: 0o27, Nice: 3, Hostname: "elsewhere",
		Stdin: strings.NewReader("input"), Stdout: &out, Stderr: &errs, ExtraFiles: []*os.File{w},
		Args: []string{"-c", `cat; echo; pwd; umask; echo "$X"; nice; uname -n; env | wc -l; ls /proc/self/fd | tr '\n' ' '; echo extra >&3; echo oops >&2`},
	})
	w.Close()
	if err != nil || !res.OK() {
		t.Fatal(res, err, errs.String())
	}
	hostname := "elsewhere"
	if !Isolation().UTS {
		hostname, _ = os.Hostname()
	}
	mine, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0) // 20 - nice, getpriority(2)
	if err != nil {
		t.Fatal(err)
	}
	nice := strconv.Itoa(min(19, 20-mine+3))
	// Descriptors 0 to 2, the extra one, and the one that ls itself has open. sh adds PWD to the environment, some add more.
	got := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if len(got) != 8 {
		t.Fatalf("%q", got)
	}
	if n, err := strconv.Atoi(got[6]); err != nil || n > 6 {
		t.Errorf("%s variables", got[6])
	}
	got[6] = ""
	if diff := cmp.Diff([]string{"input", dir, "0027", "y z", nice, hostname, "", "0 1 2 3 4 "}, got); diff != "" {
		t.Error(diff)
	}
	extra := make([]byte, 16)
	n, _ := r.Read(extra)
	if string(extra[:n]) != "extra\n" || errs.String() != "oops\n" {
		t.Errorf("descriptor 3 %q, 2 %q", extra[:n], errs.String())
	}
}

func TestCannotStart(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		cmd  Cmd
		want error
	}{
		{"missing", Cmd{Path: "/no/such/program"}, syscall.ENOENT},
		{"not in PATH", Cmd{Path: "no-such-program", Env: path}, exec.ErrNotFound},
		{"no PATH", Cmd{Path: "sh"}, exec.ErrNotFound},
		{"not executable", Cmd{Path: "/etc/passwd"}, syscall.EACCES},
		{"no format", Cmd{Path: text}, syscall.ENOEXEC},
		{"no directory", Cmd{Path: "/bin/true", Dir: "/no/such/dir"}, syscall.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Start(t.Context(), tt.cmd); !errors.Is(err, tt.want) || !errors.Is(err, ErrExec) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

func TestNoDescendantOutlivesTheChild(t *testing.T) {
	for _, l := range levels() {
		t.Run(string(l), func(t *testing.T) {
			dir := t.TempDir() // the mark
			script := `setsid sleep 1000 & (setsid sh -c 'sleep 1000 & sleep 1000' &) ; sleep 1000 & echo up`
			var out bytes.Buffer
			res, err := start(t, t.Context(), l, Cmd{Path: "/bin/sh", Args: []string{"-c", script}, Env: path, Dir: dir, Stdout: &out}).Wait()
			if err != nil || !res.OK() || out.String() != "up\n" {
				t.Fatal(res, err, out.String())
			}
			if left := marked(t, dir); len(left) > 0 { // at once: Wait is a promise
				t.Errorf("still there: %q", left)
			}
		})
	}
}

func TestContextKillsTheTree(t *testing.T) {
	for _, l := range levels() {
		t.Run(string(l), func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			p := start(t, ctx, l, Cmd{Path: "/bin/sh", Args: []string{"-c", "trap '' TERM INT HUP; " + wildTree, dir}, Env: path, Dir: dir, Stdout: w})
			w.Close()
			r.Read(make([]byte, 1)) // "up"
			cancel()
			if _, err := p.Wait(); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if left := marked(t, dir); len(left) > 0 {
				t.Errorf("still there: %q", left)
			}
		})
	}
}

func TestSignalAndKill(t *testing.T) {
	for _, l := range levels() {
		p := start(t, t.Context(), l, Cmd{Path: "/bin/sleep", Args: []string{"1000"}})
		if err := p.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if res, err := p.Wait(); err != nil || res.Signal != syscall.SIGUSR1 {
			t.Error(l, res, err)
		}
		p = start(t, t.Context(), l, Cmd{Path: "/bin/sleep", Args: []string{"1000"}})
		p.Kill()
		if res, err := p.Wait(); err != nil || res.Signal != syscall.SIGKILL {
			t.Error(l, res, err)
		}
		if err := p.Signal(syscall.SIGUSR1); err != nil {
			t.Error(l, err)
		}
	}
}

func TestOwnerKilled(t *testing.T) {
	dir := t.TempDir()
	owner := exec.Command("/proc/self/exe", "role=owner", dir)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	owner.Dir = dir
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 16)
	n, _ := out.Read(word)
	if string(word[:n]) != "started\n" {
		t.Fatalf("owner says %q", word[:n])
	}
	if len(marked(t, dir)) < 2 {
		t.Fatal("the tree is not there")
	}
	owner.Process.Kill()
	owner.Wait()
	gone(t, dir)
}

func TestUsageIsOfTheTree(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range levels() {
		res, err := start(t, t.Context(), l, Cmd{Path: "/bin/sh", Args: []string{"-c", self + " role=burn; " + self + " role=burn"}}).Wait()
		if err != nil || !res.OK() {
			t.Fatal(res, err)
		}
		if res.CPU() < 2*burnt || res.MaxRSS < 1<<20 {
			t.Errorf("%s: %v CPU, %d bytes", l, res.CPU(), res.MaxRSS)
		}
	}
}

func TestIsolationIsOfferedHere(t *testing.T) {
	if os.Getuid() == 0 && Isolation().Level == string(bySubreaper) {
		t.Skip("root without namespaces: " + Isolation().Why)
	}
	t.Logf("%+v", Isolation())
}

func BenchmarkRun(b *testing.B) {
	b.Run("supervised", func(b *testing.B) {
		for b.Loop() {
			if _, err := Run(b.Context(), Cmd{Path: "/bin/true"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
