package build

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/actions"
)

// sieve divides what cmd/go writes to standard error: lines of its log of hashes go one way, the rest the other.
type sieve struct {
	hashes, rest io.Writer
	line         []byte // the beginning of a line
	kind         byte   // 'h' or 'r' once it is known, of the line that has begun
}

var hashLine = []byte("HASH")

func (s *sieve) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if s.kind == 0 { // collect until it is clear what kind of line it is
			take := min(len(hashLine)-len(s.line), len(p))
			if nl := bytes.IndexByte(p[:take], '\n'); nl >= 0 {
				take = nl + 1
			}
			s.line, p = append(s.line, p[:take]...), p[take:]
			ended := bytes.HasSuffix(s.line, []byte("\n"))
			if len(s.line) < len(hashLine) && !ended {
				continue
			}
			if s.kind = 'r'; bytes.Equal(s.line, hashLine) {
				s.kind = 'h'
			}
			if err := s.put(s.line); err != nil {
				return n - len(p), err
			}
			if s.line = s.line[:0]; ended {
				s.kind = 0
			}
			continue
		}
		line := p
		if nl := bytes.IndexByte(p, '\n'); nl >= 0 {
			line = p[:nl+1]
		}
		if err := s.put(line); err != nil {
			return n - len(p), err
		}
		if p = p[len(line):]; bytes.HasSuffix(line, []byte("\n")) {
			s.kind = 0
		}
	}
	return n, nil
}

func (s *sieve) put(b []byte) error {
	w := s.rest
	if s.kind == 'h' {
		w = s.hashes
	}
	_, err := w.Write(b)
	return err
}

// hashReader reads a log of hashes while it is written.
type hashReader struct {
	w    *io.PipeWriter
	done chan struct{}
	log  *actions.Log
	err  error
}

func newHashReader() *hashReader {
	r, w := io.Pipe()
	h := &hashReader{w: w, done: make(chan struct{})}
	go func() { // ends when w is closed
		defer close(h.done)
		h.log, h.err = actions.ReadLog(r)
		io.Copy(io.Discard, r) // a log that cannot be read must not stop the build
	}()
	return h
}

func (h *hashReader) Write(p []byte) (int, error) { return h.w.Write(p) }

// close waits for what was written to be read.
func (h *hashReader) close() (*actions.Log, error) {
	h.w.Close()
	<-h.done
	return h.log, h.err
}

// cacheKeys are the names of the entries of a build cache under which the packages that keep accepts were looked up, those derived from them included.
func cacheKeys(log *actions.Log, keep func(pkg string) bool) map[string]bool {
	keys := map[string]bool{}
	for _, name := range log.Names() {
		a := log.Action(name)
		if a == nil || a.Kind != actions.Build || !keep(a.Package) {
			continue
		}
		for _, id := range slices.Concat(a.IDs, a.Subkeys) {
			keys[id] = true
		}
	}
	return keys
}

// graphFlag asks cmd/go for its graph of actions.
func (s *side) graphFlag() []string {
	if s.set.graph == "" {
		return nil
	}
	return []string{"-debug-actiongraph=" + strings.TrimSuffix(s.out, "artifact") + "graph.json"}
}
