package script

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// poll is how long a waiting command pauses between two looks.
const poll = 50 * time.Millisecond

// eventually calls look until it is true or the session's timeout has passed.
func (s *session) eventually(look func() bool) bool {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	end := time.NewTimer(s.timeout)
	defer end.Stop()
	for {
		if look() {
			return true
		}
		select {
		case <-end.C:
			return false
		case <-tick.C:
		}
	}
}

// waitFor waits until a file matches a regular expression: `waitfor FILE 'step":"rebuild'`. FILE may hold wildcards.
func (s *session) waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE REGEXP")
	}
	matched, _ := s.watching(ts, args[0], args[1])
	if !s.eventually(matched) {
		ts.Fatalf("waitfor: no %s matched %q within %v", args[0], args[1], s.timeout)
	}
}

// noProcess waits until no process has TEXT in its command line, environment or working directory: `noproc $WORK` after a kill. Zombies do not count: they run nothing.
func (s *session) noProcess(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: noproc TEXT")
	}
	var left []string
	if !s.eventually(func() bool { left = processesWith(args[0]); return len(left) == 0 }) {
		ts.Fatalf("noproc: still running:\n%s", strings.Join(left, "\n"))
	}
}

func processesWith(text string) []string {
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	self := "/proc/" + strconv.Itoa(os.Getpid())
	for _, dir := range dirs {
		if dir == self {
			continue
		}
		cmdline, err := os.ReadFile(dir + "/cmdline")
		if err != nil || len(cmdline) == 0 {
			continue
		}
		cwd, _ := os.Readlink(dir + "/cwd")
		environ, _ := os.ReadFile(dir + "/environ")
		line := string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '}))
		if strings.Contains(line, text) || strings.HasPrefix(cwd, text) || bytes.Contains(environ, []byte(text)) {
			found = append(found, filepath.Base(dir)+" "+line)
		}
	}
	return found
}

// tinyDisk mounts a tmpfs of SIZE (in tmpfs's notation: 8m) at DIR until the script ends. It needs root.
func (s *session) tinyDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tinydisk DIR SIZE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[1], "tmpfs", dir).CombinedOutput(); err != nil {
		ts.Fatalf("tinydisk: mounting %s: %v: %s", dir, err, out)
	}
	ts.Defer(func() { exec.Command("umount", "-l", dir).Run() })
}
