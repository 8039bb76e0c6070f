package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// computeDigest reads all files of the tree. The insides of version control directories change without any change of sources
// (an index is rewritten by "git status"), so of those only the commit that is checked out counts.
func (t *Tree) computeDigest() (results.Digest, error) {
	h := sha256.New()
	fmt.Fprintf(h, "tree %q %q\n", t.Project, t.Roots)
	err := t.walk(DefaultMaxTree, func(e entry) error {
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
	if err != nil {
		return "", fmt.Errorf("digesting the sources: %w", err)
	}
	return results.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
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
