package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

// A Server answers from Files, then from the upstreams in their order.
type Server struct {
	Files     *Files      // may be nil
	Upstreams []string    // URLs of other mirrors, the main one first
	Database  string      // the checksum database whose records an upstream's answers are held against, until a client asks for one; "" for none
	Log       io.Writer   // gets a line for each request; may be nil
	Last      string      // hash of the log's last line, if it has one already
	Scratch   string      // directory for answers in the making
	Broken    func(error) // is told, once, that the log cannot be written; may be nil
	Now       func() time.Time
	Client    *http.Client // nil: one that gives up after a while

	mu      sync.Mutex
	failed  map[string]time.Time // when an upstream failed last
	watched bool                 // upstreams are asked how they are
	broken  error                // what ended the log
	db      string               // the checksum database that a client asked for last
	proven  map[proof]bool       // answers that are what a checksum database's record names
}

// ServeHTTP answers GET and HEAD, and nothing else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{Time: s.Now().UTC(), Method: r.Method, Path: r.URL.Path, Status: http.StatusMethodNotAllowed}
	if err := s.logBroken(); err != nil {
		http.Error(w, "this mirror's log cannot be written, and it answers nothing unlogged", http.StatusServiceUnavailable)
		return
	}
	defer func() { s.note(a) }()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET", a.Status)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch r.URL.Path {
	case HealthPath:
		a.Status = http.StatusOK
		_, _ = io.WriteString(w, "well\n")
		return
	case IndexPath:
		s.serveIndex(w, a)
		return
	}
	body, from, err := s.open(r.Context(), name)
	a.From = from
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.Status = http.StatusNotFound
		http.Error(w, "not found: this mirror does not have it", a.Status)
		return
	case err != nil:
		a.Status, a.Error = http.StatusBadGateway, err.Error()
		http.Error(w, err.Error(), a.Status)
		return
	}
	defer body.Close()
	h := sha256.New()
	n, err := io.Copy(h, body)
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	if err != nil {
		a.Status, a.Error = http.StatusInternalServerError, err.Error()
		http.Error(w, "reading the answer failed", a.Status)
		return
	}
	s.asked(name)
	a.Status, a.Bytes, a.SHA256 = http.StatusOK, n, hex.EncodeToString(h.Sum(nil))
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("Content-Length", fmt.Sprint(n))
	w.Header().Set(digestHeader, digestOf(h.Sum(nil)))
	if r.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(w, body); err != nil {
		a.Error = err.Error()
	}
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".info":
		return "application/json"
	case ".mod":
		return "text/plain; charset=utf-8"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}

func (s *Server) serveIndex(w http.ResponseWriter, a *answer) {
	if s.Files == nil {
		a.Status = http.StatusNotFound
		http.Error(w, "this mirror has no files of its own", a.Status)
		return
	}
	entries, err := s.Files.Index()
	if err != nil {
		a.Status, a.Error = http.StatusInternalServerError, err.Error()
		http.Error(w, "the files cannot be listed", a.Status)
		return
	}
	index := IndexText(entries)
	sum := sha256.Sum256(index)
	a.Status, a.Bytes, a.SHA256, a.From = http.StatusOK, int64(len(index)), hex.EncodeToString(sum[:]), "files"
	_, _ = w.Write(index)
}

// open finds a whole answer. from says where: "files" or an upstream's URL.
func (s *Server) open(ctx context.Context, name string) (body io.ReadSeekCloser, from string, err error) {
	if _, ok := place(name); !ok {
		return nil, "", fs.ErrNotExist
	}
	if s.Files != nil {
		r, err := s.Files.Open(name)
		if err == nil {
			if f, ok := r.(io.ReadSeekCloser); ok {
				return f, "files", nil
			}
			defer r.Close()
			body, err := s.keep(r, maxAnswer)
			return body, "files", err
		}
		if !errors.Is(err, fs.ErrNotExist) || len(s.Upstreams) == 0 {
			return nil, "files", err
		}
	}
	missing := false
	var failures []error
	for _, u := range s.order() {
		body, err := s.ask(ctx, u, name)
		switch {
		case err == nil:
			return body, u, nil
		case errors.Is(err, fs.ErrNotExist):
			missing = true
		case ctx.Err() != nil:
			return nil, u, ctx.Err()
		default:
			s.fail(u)
			failures = append(failures, fmt.Errorf("%s: %w", u, err))
		}
	}
	if missing && len(failures) == 0 || len(s.Upstreams) == 0 {
		return nil, "", fs.ErrNotExist
	}
	return nil, "", errors.Join(failures...)
}

// keep puts an answer of at most limit bytes into a file that has no name, so that nothing of it is left behind.
func (s *Server) keep(r io.Reader, limit int64) (*os.File, error) {
	f, err := os.CreateTemp(s.Scratch, "answer-*")
	if err != nil {
		return nil, err
	}
	err = os.Remove(f.Name())
	if err == nil {
		var n int64
		if n, err = io.Copy(f, io.LimitReader(r, limit+1)); err == nil && n > limit {
			err = fmt.Errorf("the answer is longer than %d bytes", limit)
		}
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
