package script

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// watching gives a function that says whether a file's content matches; or, where file is stderr, what was written to the second
// result; or, where file is process, the command line of any process.
func (s *session) watching(ts *testscript.TestScript, file, expr string) (func() bool, *written) {
	re, err := regexp.Compile(expr)
	ts.Check(err)
	seen := &written{}
	if file == "stderr" {
		return func() bool { return re.Match(seen.bytes()) }, seen
	}
	if file == "process" {
		return func() bool { return anyProcess(re) }, seen
	}
	pattern := ts.MkAbs(file)
	return func() bool {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && re.Match(b) {
				return true
			}
		}
		return false
	}, seen
}

func anyProcess(re *regexp.Regexp) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && re.Match(bytes.ReplaceAll(line, []byte{0}, []byte{' '})) {
			return true
		}
	}
	return false
}

// written is what a process wrote so far.
type written struct {
	mu   sync.Mutex
	text []byte
}

func (w *written) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]byte(nil), w.text...)
}

// tee writes to both.
type tee struct {
	to   io.Writer
	seen *written
}

func (t *tee) Write(p []byte) (int, error) {
	t.seen.mu.Lock()
	t.seen.text = append(t.seen.text, p...)
	t.seen.mu.Unlock()
	return t.to.Write(p)
}

// lookPath finds a program in a PATH that is not this process's.
func lookPath(name, path string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("no program %q in %q", name, path)
}
