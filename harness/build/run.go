package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/harness/proc"
)

// maxStdout is the most that a command whose output is used may write, in bytes.
const maxStdout = 64 << 20

// DefaultLimit is how long each of a project's own commands may take.
const DefaultLimit = 30 * time.Minute

// run runs one command on the side, in the job's directory. What it says goes to the log. failed is set when the command ran and
// ended badly by its own or the project's fault; err is set when it could not be run or was ended from outside.
func (s *side) run(ctx context.Context, op string, argv []string, extra map[string]string, stdout io.Writer) (failed *Failure, err error) {
	var said tail
	argv = slices.Concat(s.w.prefix, argv)
	c := s.cmd
	c.Path, c.Args, c.Dir, c.Env = argv[0], argv[1:], s.dir, s.environ(extra)
	c.Stderr = io.MultiWriter(&said, &s.log)
	if s.set.hashes != nil {
		c.Stderr = &sieve{hashes: s.set.hashes, rest: c.Stderr}
	}
	c.Stdout = c.Stderr
	if stdout != nil {
		c.Stdout = stdout
	}
	limit := s.job.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	within, cancel := context.WithCancel(ctx)
	if !strings.HasPrefix(op, "go ") {
		within, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	start := s.b.Now()
	res, err := proc.Run(within, c)
	s.wall += s.b.Now().Sub(start)
	s.cpu += res.CPU()
	text := strings.TrimSpace(s.plain(said.String()))
	switch {
	case ctx.Err() != nil:
		return nil, &Error{Op: "building " + s.what(), Text: op, Err: ctx.Err()}
	case within.Err() != nil:
		return nil, &Error{Op: "building " + s.what(), Text: fmt.Sprintf("%s: it was ended after %v%s", op, limit, lastWords(text)), Kind: Infrastructure,
			hint: "find out what it waits for, there is no network and no input; if it only needs more time, say so by limit under [build]"}
	case errors.Is(err, proc.ErrExec):
		return &Failure{Op: op, Text: s.plain(err.Error()), Side: s.name}, nil
	case err != nil:
		return nil, &Error{Op: "building " + s.what(), Text: op, Err: err}
	case res.OK():
		return nil, nil
	case res.Signal != 0:
		return nil, &Error{Op: "building " + s.what(), Text: fmt.Sprintf("%s: %s: %s", op, res, lastLine(text)), Kind: Infrastructure}
	}
	if line, ok := missingModule(text); ok {
		s.b.forget(s.job)
		return nil, &Error{Op: "building " + s.what(), Text: op + ": " + line, Kind: NotFetched,
			hint: "run it once with the network on; builds themselves never download"}
	}
	if line, ok := grave(op, text); ok {
		return nil, &Error{Op: "building " + s.what(), Text: op + ": " + line, Kind: Infrastructure,
			hint: "the machine failed, not the source: look at memory and disk space"}
	}
	if text == "" {
		text = res.String()
	}
	return &Failure{Op: op, Text: text, Side: s.name}, nil
}

// lastWords is the last line of what a command said, for an error.
func lastWords(text string) string {
	if text == "" {
		return ", and had said nothing"
	}
	return "; the last that it said: " + lastLine(text)
}

// output runs a command and gives what it wrote to standard output.
func (s *side) output(ctx context.Context, op string, argv []string) (string, *Failure, error) {
	var out limited
	failed, err := s.run(ctx, op, argv, nil, &out)
	if out.over && ctx.Err() == nil { // it was ended by its pipe, or did not mind
		return "", &Failure{Op: op, Text: errTooMuch.Error(), Side: s.name}, nil
	}
	return out.String(), failed, err
}

// limited is a buffer that refuses to grow beyond maxStdout. It embeds nothing: io.Copy would fill a bytes.Buffer by its
// ReadFrom, past any limit.
type limited struct {
	buf  bytes.Buffer
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > maxStdout {
		l.over = true
		return 0, errTooMuch
	}
	return l.buf.Write(p)
}

func (l *limited) String() string { return l.buf.String() }

var errTooMuch = fmt.Errorf("it printed more than %d bytes", maxStdout)

func lastLine(text string) string {
	return text[strings.LastIndexByte(text, '\n')+1:]
}
