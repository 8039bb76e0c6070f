package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/modfile"

	"github.com/plugproof/plugproof/results"
)

// DefaultMaxTree is the most that is copied for a side, in bytes.
const DefaultMaxTree = 4 << 30

// maxEntries is the most files, directories and links that a tree may have.
const maxEntries = 1 << 20

// Tree is everything that may enter the builds of a project: its module, the module's go.work and git (or other) root, and the directories
// that replace and use directives name by relative paths. All jobs of a project share one Tree, so that they see its files at the same paths.
type Tree struct {
	Base    string   // the innermost directory that holds all Roots
	Roots   []string // what is copied: slash-separated, relative to Base, none inside another; "." alone if Base itself is
	Project string   // the project's directory, slash-separated, relative to Base
	Fixed   []string // directories that go.mod names by absolute paths: used where they are, on both sides
	VCS     bool     // a version control directory is part of it
	Work    bool     // a go.work is part of it

	cgo    bool     // a Go file imports "C"; known when the digest is
	skip   []string // absolute directories that are left out
	given  []string // shipped files, slash-separated and relative to the project
	digest func() (results.Digest, error)
}

// vcsDirs are the entries by which cmd/go recognises a repository's top level.
var vcsDirs = []string{".git", ".hg", ".svn", ".bzr", ".fslckout", "_FOSSIL_"}

// NewTree finds the tree of a project. dirs are the other directories in which its jobs are built, slash-separated and relative to the project.
// Directories in skip are left out, as are old runs of plugproof's.
func NewTree(project string, dirs []string, skip ...string) (*Tree, error) {
	abs, err := filepath.Abs(project)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, &Error{Op: fmt.Sprintf("reading project %q", project), Kind: Usage, Err: err}
	}
	f := finder{seen: map[string]bool{}}
	for _, d := range append([]string{""}, dirs...) {
		dir := filepath.Join(abs, filepath.FromSlash(d))
		if st, err := os.Stat(dir); err != nil {
			return nil, &Error{Op: fmt.Sprintf("reading directory %q of project %q", d, project), Kind: Usage, Err: err}
		} else if !st.IsDir() {
			return nil, &Error{Op: fmt.Sprintf("reading directory %q of project %q", d, project), Text: "it is not a directory", Kind: Usage}
		}
		if err := f.add(dir); err != nil {
			return nil, err
		}
	}
	t := &Tree{VCS: f.vcs, Work: f.work, Fixed: f.fixed}
	for _, dir := range skip {
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, fmt.Errorf("leaving out %q: %w", dir, err)
		}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		t.skip = append(t.skip, dir)
	}
	roots := outermost(f.roots)
	t.Base = roots[0]
	for _, r := range roots[1:] {
		for !within(t.Base, r) {
			t.Base = filepath.Dir(t.Base)
		}
	}
	for _, r := range roots {
		rel, err := filepath.Rel(t.Base, r)
		if err != nil {
			return nil, fmt.Errorf("finding %q in %q: %w", r, t.Base, err)
		}
		t.Roots = append(t.Roots, filepath.ToSlash(rel))
	}
	rel, err := filepath.Rel(t.Base, abs)
	if err != nil {
		return nil, fmt.Errorf("finding %q in %q: %w", abs, t.Base, err)
	}
	t.Project = filepath.ToSlash(rel)
	t.digest = sync.OnceValues(t.computeDigest)
	return t, nil
}

// Sources is the digest of the tree's files (names, modes, contents, link targets), of what version control has checked out, of the
// directories that are used where they are, and of the shipped files.
func (t *Tree) Sources() (results.Digest, error) { return t.digest() }

// key names the tree among others on this machine; it keeps the paths of different trees apart.
func (t *Tree) key() string {
	sum := sha256.Sum256([]byte(t.Base))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, filepath.Base(t.Base))
	if len(name) > 32 {
		name = name[:32]
	}
	return strings.TrimPrefix(name+"-"+hex.EncodeToString(sum[:4]), "-")
}

// finder collects the directories that belong together.
type finder struct {
	roots     []string
	fixed     []string
	seen      map[string]bool
	vcs, work bool
}

func (f *finder) add(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return &Error{Op: fmt.Sprintf("reading directory %q", dir), Kind: Usage, Err: err}
	}
	dir = real
	if f.seen[dir] {
		return nil
	}
	f.seen[dir] = true
	f.roots = append(f.roots, dir)
	if top, ok := upward(dir, vcsDirs...); ok {
		f.vcs = true
		f.roots = append(f.roots, top)
	}
	if top, ok := upward(dir, "go.mod"); ok {
		f.roots = append(f.roots, top)
		if err := f.module(top); err != nil {
			return err
		}
	}
	if top, ok := upward(dir, "go.work"); ok {
		f.work = true
		f.roots = append(f.roots, top)
		return f.workspace(top)
	}
	return nil
}

func (f *finder) module(root string) error {
	if f.seen["module "+root] {
		return nil
	}
	f.seen["module "+root] = true
	file := filepath.Join(root, "go.mod")
	data, err := readSmall(file)
	if err != nil {
		return &Error{Op: "reading go.mod", Kind: Usage, Err: err}
	}
	mod, err := modfile.ParseLax(file, data, nil)
	if err != nil { // go build says it better
		return nil
	}
	// ParseLax leaves out replace directives: they only count in main modules, of which this is one.
	if strict, err := modfile.Parse(file, data, nil); err == nil {
		mod = strict
	}
	return f.replaced(root, mod.Replace)
}

func (f *finder) workspace(root string) error {
	if f.seen["work "+root] {
		return nil
	}
	f.seen["work "+root] = true
	file := filepath.Join(root, "go.work")
	data, err := readSmall(file)
	if err != nil {
		return &Error{Op: "reading go.work", Kind: Usage, Err: err}
	}
	work, err := modfile.ParseWork(file, data, nil)
	if err != nil {
		return nil
	}
	for _, u := range work.Use {
		if err := f.local(root, u.Path); err != nil {
			return err
		}
	}
	return f.replaced(root, work.Replace)
}

func (f *finder) replaced(root string, list []*modfile.Replace) error {
	for _, r := range list {
		if r.New.Version != "" {
			continue
		}
		if err := f.local(root, r.New.Path); err != nil {
			return err
		}
	}
	return nil
}

// local adds a directory that a go.mod or go.work in root names.
func (f *finder) local(root, path string) error {
	if filepath.IsAbs(path) {
		f.fixed = append(f.fixed, path)
		return nil
	}
	dir := filepath.Join(root, filepath.FromSlash(path))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil // go build says it better
	}
	return f.add(dir)
}

// upward finds the innermost directory at or above dir that holds one of names.
func upward(dir string, names ...string) (string, bool) {
	for {
		for _, n := range names {
			if _, err := os.Lstat(filepath.Join(dir, n)); err == nil {
				return dir, true
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// outermost sorts dirs and drops those that lie in another.
func outermost(dirs []string) []string {
	dirs = slices.Clone(dirs)
	slices.SortFunc(dirs, func(a, b string) int {
		return strings.Compare(a+string(filepath.Separator), b+string(filepath.Separator))
	})
	var out []string
	for _, d := range dirs {
		if len(out) == 0 || !within(out[len(out)-1], d) {
			out = append(out, d)
		}
	}
	return out
}

// within reports whether path is dir or lies in it. Both are clean and absolute.
func within(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// readSmall reads a file of at most 4 MiB.
func readSmall(file string) ([]byte, error) {
	const most = 4 << 20
	st, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > most {
		return nil, fmt.Errorf("%q is no regular file of at most %d bytes", file, most)
	}
	return os.ReadFile(file)
}
