package abi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/results"
)

// Input is a file as the process will see it, and its bytes as they are here.
type Input struct {
	Path    string            // the text that is given to plugin.Open; for the host, its name
	Real    string            // the absolute path without symbolic links, as the loader names the file in the process; default: Path
	ID      string            // the identity of the file behind the path, such as device and inode; default: Real
	R       io.ReaderAt       // nil when it cannot be opened
	Size    int64             // bytes
	SHA256  results.Digest    // taken for the report when it is known; the host's is computed otherwise
	Symbols map[string]string // of a plugin: what Lookup must find, and its type in Go syntax with full import paths, "" for any
	lock    *Lock             // of a host: it is this
	twice   bool              // musl's name of it begins with two slashes
	Err     error             // why R is nil: fs.ErrNotExist, fs.ErrPermission, syscall.EISDIR; nil counts as fs.ErrNotExist
}

// OpenInput opens a file of this machine. A file that does not exist or cannot be read is an Input too, with the reason in Err: for a
// plugin that is a prediction. closer is never nil.
func OpenInput(path string) (in Input, closer func() error) {
	closer = func() error { return nil }
	in = Input{Path: path}
	_, err := os.Stat(path) // which minds a slash at the end, as realpath does
	var real string
	if err == nil {
		real, err = filepath.EvalSymlinks(path)
	}
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		in.Err = unresolved{err}
		return in, closer
	}
	in.Real, in.twice = real, twoSlashes(path)
	f, err := os.OpenFile(real, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer would block for ever
	if err != nil {
		in.Err = err
		return in, closer
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = syscall.EISDIR
	} else if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("opening %q: %w", path, errIrregular)
	}
	if err != nil {
		f.Close()
		in.Err = err
		return in, closer
	}
	in.R, in.Size = f, st.Size()
	in.ID = inode(st)
	return in, f.Close
}

// maxLinks is how many symbolic links Linux follows in one path (path_resolution(7)).
const maxLinks = 40

// twoSlashes reports whether musl's realpath begins with two slashes: it keeps exactly two at the beginning of a path, and of an absolute link in it
// (src/misc/realpath.c).
func twoSlashes(path string) bool {
	special := func(s string) bool { return strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///") }
	twice, done := special(path), "/"
	if !strings.HasPrefix(path, "/") {
		done = "."
	}
	todo := strings.Split(path, "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		next := filepath.Join(done, part)
		target, err := os.Readlink(next)
		if part == "" || part == "." || part == ".." || err != nil {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return twice
		}
		if strings.HasPrefix(target, "/") {
			twice, done = special(target), "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return twice
}

// unresolved is an error for which realpath fails too, whatever it is: links that loop, a name too long, a directory that may not be searched.
type unresolved struct{ error }

func (u unresolved) Unwrap() error { return u.error }

// complete fills in the defaults.
func (in Input) complete() Input {
	if in.Real == "" {
		in.Real = in.Path
	}
	if in.ID == "" {
		in.ID = in.Real
	}
	if in.R == nil && in.Err == nil {
		in.Err = fs.ErrNotExist
	}
	return in
}

// errIrregular is of devices, pipes and sockets.
var errIrregular = errors.New("not a regular file")

// errnoText is the C library's text for a file that cannot be opened or read.
func errnoText(err error) string {
	var no syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied"
	case errors.Is(err, syscall.EISDIR):
		return "Is a directory"
	case errors.As(err, &no) && no == syscall.ELOOP:
		return "Too many levels of symbolic links"
	}
	return "No such file or directory"
}
