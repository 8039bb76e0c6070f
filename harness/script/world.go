package script

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plugproof/plugproof/results"
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
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	pattern := ts.MkAbs(args[0])
	if !s.eventually(func() bool {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && re.Match(b) {
				return true
			}
		}
		return false
	}) {
		ts.Fatalf("waitfor: no %s matched %q within %v", args[0], args[1], s.timeout)
	}
}

// noProcess waits until no process has TEXT in its command line, environment's PWD or working directory:
// `noproc $WORK` after a kill. Zombies do not count: they run nothing.
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
		line := string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '}))
		if strings.Contains(line, text) || strings.HasPrefix(cwd, text) {
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

// digest demands that the files named have one and the same SHA-256, or with ! that no two have.
func (s *session) digest(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: digest FILE FILE...")
	}
	seen := map[results.Digest]string{}
	for _, name := range args {
		d := results.DigestOf([]byte(ts.ReadFile(name)))
		if other, ok := seen[d]; ok && neg {
			ts.Fatalf("digest: %s and %s are the same: %s", other, name, d)
		}
		seen[d] = name
	}
	if !neg && len(seen) != 1 {
		ts.Fatalf("digest: %d different contents among %v", len(seen), args)
	}
}

// edit replaces text in a file, every occurrence, and demands that there is one: `edit FILE OLD NEW`.
func (s *session) edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("edit: %s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o644))
}
