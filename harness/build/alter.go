package build

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// untracked is the file that makes a repository dirty; cmd/go ignores names that begin with a dot.
const untracked = ".plugproof-untracked"

// alter changes the copied tree as the variations of its repository say.
func (s *side) alter() error {
	if !s.w.on.Has("vcs-dirty") && !s.w.on.Has("vcs-none") {
		return nil
	}
	var tops []string
	err := filepath.WalkDir(s.tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(vcsDirs, d.Name()) {
			tops = append(tops, path)
			if d.IsDir() {
				return filepath.SkipDir
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, top := range tops {
		if s.w.on.Has("vcs-none") {
			removeAll(top)
			continue
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(top), untracked), []byte("by the variation vcs-dirty\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// vendored makes the vendor directory of a side that builds from one.
func (s *side) vendored(ctx context.Context) (*Failure, error) {
	if s.w.vendor != "vendor" {
		return nil, nil
	}
	return s.run(ctx, "go mod vendor", []string{s.goCmd(), "mod", "vendor"}, map[string]string{"GOFLAGS": "-mod=mod"}, nil)
}

// Given are inputs that a side takes from another one instead of working them out.
type Given struct {
	Flags []string // instead of the side's own, and Env with them; {{cmd:...}} that is left in them is run; nil: its own
	Env   map[string]string
	Files []string // slash-separated, relative to the tree: as they are in Tree, or absent as there
	Tree  string   // a tree after the commands before the build
}

// into puts the files into a tree.
func (g *Given) into(tree string) error {
	if g == nil {
		return nil
	}
	for _, name := range g.Files {
		if !filepath.IsLocal(name) {
			continue
		}
		from, to := filepath.Join(g.Tree, filepath.FromSlash(name)), filepath.Join(tree, filepath.FromSlash(name))
		if err := os.Remove(to); err != nil && !os.IsNotExist(err) {
			return err
		}
		info, err := os.Lstat(from)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(from)
			if err == nil {
				err = os.Symlink(target, to)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := copyFile(from, to, info); err != nil {
			return err
		}
	}
	return nil
}
