package toolchain

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/results"
)

// maxParts bounds how many files one toolchain may have; a GOROOT has about 6,000 that count, a host's /usr/include 20,000.
const maxParts = 200_000

// part is one file of a toolchain. The label is the same on every machine; the path is where it lies here. Where only a part of
// the file counts, digest is that part's.
type part struct {
	label, path string
	digest      results.Digest
}

// partsDigest is the Digest over the sorted lines "LABEL NUL SHA256 LF" of parts. Each file is hashed, or known from its stat.
func (s *Store) partsDigest(ctx context.Context, c *statCache, parts []part) (results.Digest, error) {
	if len(parts) > maxParts {
		return "", fmt.Errorf("digesting a toolchain: it has %d files, more than %d", len(parts), maxParts)
	}
	lines := make([]string, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range parts {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, err := p.digest, error(nil)
			if d == "" {
				d, err = c.digest(p.path)
			}
			lines[i] = p.label + "\x00" + d.Hex() + "\n"
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return "", fmt.Errorf("digesting a toolchain: %w", err)
	}
	slices.Sort(lines)
	return results.DigestOf([]byte(strings.Join(slices.Compact(lines), ""))), nil
}

// walk lists the files beneath dir, with labels prefix/RELATIVE, following links to directories (Debian's GOROOT is made of
// them) but no directory twice. keep is asked for each directory and file with its path relative to dir; nil keeps all.
func walk(dir, prefix string, keep func(rel string, isDir bool) bool) ([]part, error) {
	var parts []part
	seen := map[string]bool{}
	var visit func(dir, rel string) error
	visit = func(dir, rel string) error {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return err
		}
		if seen[real] {
			return nil
		}
		seen[real] = true
		entries, err := os.ReadDir(real)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name, path := filepath.Join(rel, e.Name()), filepath.Join(real, e.Name())
			isDir, regular := e.IsDir(), e.Type().IsRegular()
			if e.Type()&os.ModeSymlink != 0 {
				st, err := os.Stat(path)
				if err != nil {
					continue // a dangling link reaches no program
				}
				isDir, regular = st.IsDir(), st.Mode().IsRegular()
			}
			switch {
			case keep != nil && !keep(name, isDir):
			case isDir:
				if err := visit(path, name); err != nil {
					return err
				}
			case regular:
				parts = append(parts, part{label: prefix + "/" + filepath.ToSlash(name), path: path})
			}
			if len(parts) > maxParts {
				return fmt.Errorf("%q has more than %d files", dir, maxParts)
			}
		}
		return nil
	}
	if err := visit(dir, ""); err != nil {
		return nil, fmt.Errorf("listing %q: %w", dir, err)
	}
	return parts, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
