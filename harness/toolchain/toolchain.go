// Package toolchain finds Go and C toolchains and identifies each by the hash of its contents.
//
// A version string identifies neither: a release's standard library may have been edited, and Go knows a C compiler only by its
// "gcc version" line, not by its assembler, linker, crt files, libc or headers. So every Go and C carries a Digest over what
// reaches a program's bytes. What is left out, because no build reads it: tests, testdata, src/cmd (the tools are hashed as
// built), documentation, and the libc and libstdc++ that the compiler itself runs on.
//
// Programs are run through package proc, so proc.Main must have been called first in main.
package toolchain

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/results"
)

// Store finds toolchains and keeps what it fetched beneath Cache. Its methods may be called concurrently.
type Store struct {
	Cache        string       // $PLUGPROOF_CACHE, absolute
	Bootstrap    string       // the go command that fetches others, absolute; 1.21 or later; "" if there is none
	Path         []string     // directories in which compilers are looked up; nil: DefaultPath
	Programs     []string     // directories in which Doctor looks for QEMU and the like; nil: Path
	FetchEnv     []string     // GOPROXY, GOSUMDB, GOPRIVATE, proxy variables, HOME: seen by fetching only
	UserModCache string       // the user's own GOMODCACHE, read before the network; "" for none
	Offline      bool         // never use the network
	Paranoid     bool         // hash everything again instead of trusting (path, size, mtime, ctime, inode)
	Once         bool         // answer from memory what was asked before: for one run, not for a server
	Log          func(string) // one line per fetch; nil is silent

	memo memo
}

// DefaultPath is where compilers are looked up unless told otherwise.
var DefaultPath = []string{"/usr/local/bin", "/usr/bin", "/bin"}

// Go is one Go toolchain.
type Go struct {
	Name    string         // "go1.26.8", or the configuration's own name
	Version string         // what it says itself: go env GOVERSION
	GOROOT  string         // absolute
	Digest  results.Digest // of the parts of GOROOT that reach a program's bytes
	Origin  string         // OriginProxy, OriginLocal or OriginPath
}

// Where a Go came from.
const (
	OriginProxy = "module-proxy" // golang.org/toolchain, verified by the checksum database when it was fetched
	OriginLocal = "local"        // the bootstrap go itself, which is of that version
	OriginPath  = "path"         // a GOROOT that was named
)

// C is one C toolchain for one architecture and libc.
type C struct {
	Arch, Libc   string
	CC           string         // the value for CC=: the same spelling on every machine
	Path         []string       // directories that PATH must begin with for CC to be found and to work
	Env          []string       // CGO_ENABLED, CC, GOOS, GOARCH and GOARM or GOAMD64; no path of this machine
	Digest       results.Digest // of compiler, assembler, linker, crt files, libc, libgcc and headers
	LibcDigest   results.Digest // of libc's part alone; "" if it could not be told
	Loader       string         // the file of the dynamic loader that belongs into the image
	LoaderPath   string         // where programs expect it: their PT_INTERP
	LoaderDigest results.Digest
	Banner       string // the compiler's own version line, which is all that Go looks at
}

// Error is a toolchain that is not to be had, with what to do about it.
type Error struct {
	Msg   string
	Err   error // may be nil
	Usage bool  // it was asked for something that does not exist; trying again does not help
	hint  string
}

// Error is the message and what caused it.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do, or is empty.
func (e *Error) Hint() string { return e.hint }

func (s *Store) log(format string, args ...any) {
	if s.Log != nil {
		s.Log(fmt.Sprintf(format, args...))
	}
}

// path is where compilers are looked up.
func (s *Store) path() []string {
	if s.Path == nil {
		return DefaultPath
	}
	return s.Path
}

// maxOutput bounds, in bytes, what is kept of a child's output.
const maxOutput = 1 << 20

// output runs a program with exactly env and returns what it wrote. A failure's error ends in the last lines of stderr.
func output(ctx context.Context, network bool, env []string, name string, args ...string) (stdout, stderr string, err error) {
	var out, errs limited
	res, err := proc.Run(ctx, proc.Cmd{Path: name, Args: args, Dir: "/", Env: env, Stdout: &out, Stderr: &errs, Network: network})
	if err != nil {
		return "", "", fmt.Errorf("running %q: %w", name, err)
	}
	if !res.OK() {
		return out.String(), errs.String(), fmt.Errorf("running %q: %s: %s", filepath.Base(name)+" "+strings.Join(args, " "), res, tail(errs.String()))
	}
	return out.String(), errs.String(), nil
}

// limited keeps the first maxOutput bytes and swallows the rest.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxOutput - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// tail is the last three lines that are not empty, joined.
func tail(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
