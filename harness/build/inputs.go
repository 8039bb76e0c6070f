package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// sourceFields are the fields of `go list -json` that name what a package is compiled from.
const sourceFields = "-json=Dir,ImportPath,Standard,GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SysoFiles,SwigFiles,SwigCXXFiles,EmbedFiles"

// sourceList is one package as sourceFields has it.
type sourceList struct {
	Dir, ImportPath string
	Standard        bool

	GoFiles, CgoFiles, CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SysoFiles, SwigFiles, SwigCXXFiles, EmbedFiles []string
}

// Inputs gives, for each package that the job's artifact is linked from, a digest of the source files that it is compiled from on side a: their
// names and contents. Those of the standard library are left out unless std is set. It builds nothing.
func (b *Builder) Inputs(ctx context.Context, j Job, std bool) (map[string]results.Digest, *Failure, error) {
	if err := j.check(); err != nil {
		return nil, nil, err
	}
	op := "reading the sources of " + j.Subject
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return nil, nil, &Error{Op: op, Err: err}
	}
	defer done()
	s, err := b.open(ctx, j, j.usual("a"), scratch)
	if err != nil {
		return nil, nil, err
	}
	defer s.shut()
	out, failed, err := s.inputs(ctx, std)
	if err != nil {
		return nil, nil, s.fail(op, err)
	}
	return out, failed, nil
}

func (s *side) inputs(ctx context.Context, std bool) (map[string]results.Digest, *Failure, error) {
	if failed, err := s.prepare(ctx); failed != nil || err != nil {
		return nil, failed, err
	}
	if s.job.Version != "" {
		if failed, err := s.wrap(ctx); failed != nil || err != nil {
			return nil, failed, err
		}
	}
	text, failed, err := s.list(ctx, s.job.Package, "-deps", sourceFields)
	if failed != nil || err != nil {
		return nil, failed, err
	}
	out := map[string]results.Digest{}
	dec := json.NewDecoder(strings.NewReader(text))
	for {
		var p sourceList
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out, nil, nil
		} else if err != nil {
			return nil, nil, fmt.Errorf("reading go list's output: %w", err)
		}
		if p.Standard && !std {
			continue
		}
		if out[p.ImportPath], err = s.digest(&p); err != nil {
			return nil, nil, err
		}
	}
}

// digest is taken of the names, relative to the package's directory, and the contents of a package's files.
func (s *side) digest(p *sourceList) (results.Digest, error) {
	files := slices.Concat(p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles, p.SFiles, p.SysoFiles, p.SwigFiles, p.SwigCXXFiles, p.EmbedFiles)
	slices.Sort(files)
	var lines strings.Builder
	for _, name := range slices.Compact(files) {
		f, err := os.Open(s.outside(filepath.Join(p.Dir, filepath.FromSlash(name))))
		if err != nil {
			return "", fmt.Errorf("reading the sources of %q: %w", p.ImportPath, err)
		}
		d, _, err := results.DigestReader(f)
		f.Close()
		if err != nil {
			return "", fmt.Errorf("reading the sources of %q: %w", p.ImportPath, err)
		}
		fmt.Fprintf(&lines, "%q %s\n", name, d)
	}
	return results.DigestOf([]byte(lines.String())), nil
}
