package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
)

// subject is what a person has judged: modules by their path and version, or one directory by what it holds.
type subject struct {
	pattern      Pattern
	path, digest string // of a directory
}

const subjectHint = `module = "example.test/x@v1.2.0", or of a directory that replaces a module: path = "../x", digest = "h1:..."`

// h1 is a hash as dirhash.Hash1 writes it.
var h1 = regexp.MustCompile(`^h1:[A-Za-z0-9+/]{43}=$`)

func newSubject(pattern, path, digest string) (s subject, err error) {
	switch {
	case pattern != "" && (path != "" || digest != ""):
		return s, errors.New("module excludes path and digest")
	case path == "" && digest != "":
		return s, errors.New("digest is about a path, and there is none")
	case path == "":
		if s.pattern, err = ParsePattern(pattern); err != nil {
			err = fmt.Errorf("module: %w", err)
		}
		return s, err
	case !modfile.IsDirectoryPath(path):
		return s, fmt.Errorf("path %q is no directory: it begins with ./, ../ or /, as in go.mod", path)
	case digest == "":
		return s, fmt.Errorf("path %q has no digest: what a directory holds can change, and a judgement is about what it held", path)
	case !h1.MatchString(digest):
		return s, fmt.Errorf("digest %q is none like h1:...=", digest)
	}
	s.path, s.digest = path, digest
	return s, nil
}

// mistaken is the key that an error of newSubject is about.
func mistaken(pattern, path, digest string) string {
	switch {
	case path == "" && digest == "" || pattern != "":
		return "module"
	case !modfile.IsDirectoryPath(path) || digest == "":
		return "path"
	}
	return "digest"
}

// covers reports whether a judgement is about where a module is taken from: of directories, all that its path means, as seen from the
// checkouts, must hold what was judged.
func (c *checker) covers(s subject, from module.Version, roots map[string]bool) bool {
	if s.path == "" {
		return from.Version != "" && s.pattern.Matches(from)
	}
	if from.Version != "" || path.Clean(from.Path) != path.Clean(s.path) {
		return false
	}
	held, err := c.held(from, roots)
	if err != nil || len(held) == 0 {
		return false
	}
	for _, d := range held {
		if d != s.digest {
			return false
		}
	}
	return true
}

// held are the digests of a replacement's directories.
func (c *checker) held(from module.Version, roots map[string]bool) (map[string]string, error) {
	if c.ev.Digests == nil {
		return nil, errors.New("directories are not looked into")
	}
	seen := slices.Sorted(maps.Keys(roots))
	key := fmt.Sprintf("%q %q", from.Path, seen)
	if d, ok := c.digests[key]; ok {
		return d, nil
	}
	d, err := c.ev.Digests(from.Path, seen)
	if err == nil {
		c.digests[key] = d
	}
	return d, err
}

// described is where a module is taken from, with what a directory holds.
func (c *checker) described(from module.Version, roots map[string]bool) string {
	if from.Version != "" {
		return from.String()
	}
	return from.Path + c.byPath(from, roots)
}

// byPath says by what a directory is listed; "" for what is none.
func (c *checker) byPath(from module.Version, roots map[string]bool) string {
	if from.Version != "" {
		return ""
	}
	held, err := c.held(from, roots)
	if err != nil {
		return fmt.Sprintf(" (its digest is not known: %v)", err)
	}
	all := slices.Compact(slices.Sorted(maps.Values(held)))
	if len(all) > 1 {
		return fmt.Sprintf(" (%d directories of that path, whose digests differ: %s)", len(all), strings.Join(all, ", "))
	}
	return fmt.Sprintf(" (path = %q, digest = %q)", from.Path, strings.Join(all, ""))
}

// Digests are the digests of the directories that a replacement's path means, as seen from each of the roots, by directory. What is not
// at hand, or cannot be held to a digest, is a *MissingError.
func (s Sources) Digests(path string, roots []string) (map[string]string, error) {
	dirs, err := s.replacements(path, roots)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, dir := range dirs {
		if out[dir], err = digestDir(dir); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// The bounds of a directory that is held to a digest: files, and bytes in all (golang.org/x/mod/zip, MaxZipFile).
const (
	maxDirFiles = 1 << 16
	maxDirBytes = 500 << 20
)

// digestDir is the hash of all files in and below a directory by their names (dirhash.Hash1, which go.sum uses), but for those of version
// control. A link could lead to anything, and is an error.
func digestDir(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", &MissingError{err.Error()}
	}
	defer root.Close()
	var files []string
	total := int64(0)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case base == ".git", d.IsDir() && slices.Contains([]string{".hg", ".svn", ".bzr"}, base):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is no regular file", name)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		if files = append(files, name); len(files) > maxDirFiles || total > maxDirBytes {
			return fmt.Errorf("it holds more than %d files or %d bytes", maxDirFiles, maxDirBytes)
		}
		return nil
	})
	if err != nil {
		return "", &MissingError{err.Error()}
	}
	sum, err := dirhash.Hash1(files, func(name string) (io.ReadCloser, error) { return root.Open(name) })
	if err != nil {
		return "", &MissingError{err.Error()}
	}
	return sum, nil
}
