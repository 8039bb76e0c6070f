package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// PackageFiles lists the files that packages of a job are compiled from, as side a sees them, by package and base name. The standard library's
// packages are left out, and what is larger than 4 MiB. Broken sources give none: building says it better.
func (b *Builder) PackageFiles(ctx context.Context, j Job, packages []string) (map[string]map[string][]byte, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	if j.Version != "" || len(j.Command) > 0 {
		return nil, nil
	}
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return nil, &Error{Op: "listing the sources of " + j.Subject, Err: err}
	}
	defer done()
	s, err := b.open(ctx, j, j.usual("a"), scratch)
	if err != nil {
		return nil, err
	}
	defer s.shut()
	if failed, err := s.prepare(ctx); failed != nil || err != nil {
		return nil, err
	}
	text, failed, err := s.list(ctx, j.Package, "-deps", "-json=ImportPath,Dir,Standard,GoFiles,CgoFiles,CFiles,CXXFiles,HFiles,SFiles,SysoFiles,EmbedFiles")
	if failed != nil || err != nil {
		return nil, err
	}
	out := map[string]map[string][]byte{}
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var p struct {
			ImportPath, Dir                                                            string
			Standard                                                                   bool
			GoFiles, CgoFiles, CFiles, CXXFiles, HFiles, SFiles, SysoFiles, EmbedFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading go list's output: %w", err)
		}
		if p.Standard || !slices.Contains(packages, p.ImportPath) {
			continue
		}
		files := map[string][]byte{}
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.HFiles, p.SFiles, p.SysoFiles, p.EmbedFiles) {
			file := s.outside(filepath.Join(p.Dir, name))
			data, err := readSmall(file)
			if err != nil {
				data = []byte(results.DigestOf([]byte(err.Error())))
			}
			files[filepath.ToSlash(name)] = data
		}
		out[p.ImportPath] = files
	}
}
