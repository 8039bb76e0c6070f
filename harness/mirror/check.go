package mirror

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/verify/supply/modtree"
)

// asked remembers the checksum database that a client asked for.
func (s *Server) asked(name string) {
	rest, ok := strings.CutPrefix(name, "mod/sumdb/")
	if db, file, _ := strings.Cut(rest, "/"); ok && file == "supported" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.db = db
	}
}

// database is the one that a client asked for last, or the server's; "" when neither is known.
func (s *Server) database() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.db, s.Database)
}

// maxLookup bounds a database's record, in bytes; the records of golang.org/toolchain have 300.
const maxLookup = 1 << 20

// proof is an answer that was held against a record: its digest, and the hash of the record.
type proof struct {
	sum  [sha256.Size]byte
	want string
}

// check holds the whole answer of an upstream against the digests that the upstream sent with it, if it did, what is said of a version
// against its name, and a module's zip or go.mod against the checksum database's record that the same upstream has. That finds bytes that went bad on a disk or on the way.
// It is no proof: the go command asks for that itself.
func (s *Server) check(ctx context.Context, u, name string, f *os.File, said []string) error {
	h, long := sha256.New(), sha512.New()
	size, err := io.Copy(io.MultiWriter(h, long), f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if err := asSaid(said, map[string][]byte{"sha-256": sum[:], "sha-512": long.Sum(nil)}); err != nil {
		return err
	}
	if isInfo(name) {
		data, err := io.ReadAll(io.NewSectionReader(f, 0, size))
		if err != nil {
			return err
		}
		return checkInfo(name, data)
	}
	want := s.recorded(ctx, u, name)
	if want == "" {
		return nil
	}
	p := proof{sum, want}
	s.mu.Lock()
	ok := s.proven[p]
	s.mu.Unlock()
	if ok {
		return nil
	}
	var got string
	if path.Ext(name) == ".zip" {
		got, err = modtree.HashZip(f, size)
	} else {
		var data []byte
		if data, err = io.ReadAll(io.NewSectionReader(f, 0, size)); err == nil {
			got, err = modtree.HashMod(data)
		}
	}
	if err != nil {
		return fmt.Errorf("it is no file of a module: %w", err)
	}
	if got != want {
		return fmt.Errorf("it has the hash %s, and the checksum database's record there names %s", got, want)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proven == nil {
		s.proven = map[proof]bool{}
	}
	s.proven[p] = true
	return nil
}

// recorded is the hash of a module's zip or go.mod by the checksum database's record that the upstream has: "" if it has none.
func (s *Server) recorded(ctx context.Context, u, name string) string {
	dir, base := path.Split(strings.TrimPrefix(name, "mod/"))
	escaped, ok := strings.CutSuffix(dir, "/@v/")
	ext := path.Ext(base)
	if !ok || !strings.HasPrefix(name, "mod/") || ext != ".zip" && ext != ".mod" {
		return ""
	}
	p, err := module.UnescapePath(escaped)
	if err != nil {
		return ""
	}
	v, err := module.UnescapeVersion(strings.TrimSuffix(base, ext))
	if err != nil {
		return ""
	}
	db := s.database()
	if db == "" {
		return ""
	}
	resp, err := s.get(ctx, u, "/mod/sumdb/"+db+"/lookup/"+escaped+"@"+strings.TrimSuffix(base, ext))
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxLookup))
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	if ext == ".mod" {
		v += "/go.mod"
	}
	for line := range strings.Lines(string(text)) {
		if h, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), p+" "+v+" "); ok {
			return h
		}
	}
	return ""
}
