package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/results"
)

// computeDigest reads all files of the tree. The insides of version control directories change without any change of sources
// (an index is rewritten by "git status"), so of those only the commit that is checked out counts.
func (t *Tree) computeDigest() (results.Digest, error) {
	h := sha256.New()
	fmt.Fprintf(h, "tree %q %q\n", t.Project, t.Roots)
	err := t.hashFiles(h)
	for i := 0; i < len(t.Fixed) && err == nil; i++ {
		err = t.hashFixed(h, i)
	}
	for i := 0; i < len(t.given) && err == nil; i++ {
		err = t.hashGiven(h, t.given[i])
	}
	if err != nil {
		return "", fmt.Errorf("digesting the sources: %w", err)
	}
	return results.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}

// hashFixed hashes the i-th directory that is used where it is. Its path is in a go.mod or go.work, which is hashed: here it has a number.
func (t *Tree) hashFixed(h hash.Hash, i int) error {
	dir, err := filepath.EvalSymlinks(t.Fixed[i])
	if errors.Is(err, fs.ErrNotExist) { // go build says it better
		fmt.Fprintf(h, "fixed %d absent\n", i)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "fixed %d\n", i)
	at := &Tree{Base: dir, Roots: []string{"."}, skip: t.skip}
	for _, name := range vcsDirs { // whatever is checked out there, only its files are read
		at.skip = append(slices.Clone(at.skip), filepath.Join(dir, name))
	}
	err = at.hashFiles(h)
	t.cgo = t.cgo || at.cgo
	return err
}

// hashGiven hashes a shipped file, or that it is not there.
func (t *Tree) hashGiven(h hash.Hash, given string) error {
	f, err := os.OpenFile(filepath.Join(t.Base, filepath.FromSlash(t.Project), filepath.FromSlash(given)), os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer would block for ever
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(h, "given %q absent\n", given)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		fmt.Fprintf(h, "given %q %v\n", given, info.Mode().Type())
		return nil
	}
	d, n, err := results.DigestReader(f)
	fmt.Fprintf(h, "given %q %d %s\n", given, n, d)
	return err
}

// hashFiles hashes what the tree walks over.
func (t *Tree) hashFiles(h hash.Hash) error {
	return t.walk(DefaultMaxTree, func(e entry) error {
		if inVCS(e.rel) {
			return nil
		}
		mode := e.info.Mode()
		switch {
		case mode.IsDir():
			if filepath.Base(e.rel) == ".git" {
				fmt.Fprintf(h, "head %q %q\n", e.rel, gitHead(e.path))
			}
			return nil
		case mode&fs.ModeSymlink != 0:
			target, err := os.Readlink(e.path)
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "link %q %q\n", e.rel, target)
			return nil
		}
		fmt.Fprintf(h, "file %q %v %d\n", e.rel, mode&0o111 != 0, e.info.Size())
		return t.hashFile(h, e.path, e.info.Size())
	})
}

// maxGoFile is the longest Go file that is searched, in bytes.
const maxGoFile = 16 << 20

// inVCS reports whether an entry lies inside a version control directory.
func inVCS(rel string) bool {
	parts := strings.Split(filepath.ToSlash(rel), "/")
	return slices.ContainsFunc(parts[:len(parts)-1], func(p string) bool { return slices.Contains(vcsDirs, p) })
}

// hashFile hashes a file, and looks in Go's for an import of "C".
func (t *Tree) hashFile(h hash.Hash, path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	var r io.Reader = f
	if strings.HasSuffix(path, ".go") && size <= maxGoFile && !t.cgo {
		data, err := io.ReadAll(io.LimitReader(f, maxGoFile))
		if err != nil {
			return err
		}
		t.cgo = bytes.Contains(data, []byte(`"C"`)) || bytes.Contains(data, []byte("`C`"))
		r = io.MultiReader(bytes.NewReader(data), f)
	} else if strings.HasSuffix(path, ".go") && size > maxGoFile {
		t.cgo = true // it may
	}
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	_, err = h.Write(sum.Sum(nil))
	return err
}

// gitHead is the commit that a .git directory has checked out, or what is known of it.
func gitHead(dir string) string {
	head, err := readSmall(filepath.Join(dir, "HEAD"))
	if err != nil {
		return ""
	}
	ref, symbolic := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: ")
	if !symbolic || !filepath.IsLocal(ref) {
		return string(head)
	}
	if commit, err := readSmall(filepath.Join(dir, ref)); err == nil {
		return string(commit)
	}
	packed, err := readSmall(filepath.Join(dir, "packed-refs"))
	if err != nil {
		return ref
	}
	for line := range bytes.Lines(packed) {
		if f := strings.Fields(string(line)); len(f) == 2 && f[1] == ref {
			return f[0]
		}
	}
	return ref
}

// artifact moves the file at from to its place and looks at it.
func artifact(from, to string) (Artifact, error) {
	f, err := os.Open(from)
	if err != nil {
		return Artifact{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Artifact{}, err
	}
	d, n, err := results.DigestReader(f)
	if err != nil {
		return Artifact{}, fmt.Errorf("reading %q: %w", from, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return Artifact{}, err
	}
	if err := os.Remove(to); err != nil && !os.IsNotExist(err) {
		return Artifact{}, err
	}
	if err := os.Rename(from, to); err != nil {
		if err := copyFile(from, to, info); err != nil {
			return Artifact{}, err
		}
	}
	if err := os.Chmod(to, 0o755); err != nil {
		return Artifact{}, err
	}
	return Artifact{File: to, SHA256: d, Size: n}, nil
}
