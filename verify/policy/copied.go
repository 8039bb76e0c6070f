package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go/build/constraint"

	"golang.org/x/mod/module"
)

// A Difference is a file of a copy that is not as the original.
type Difference struct {
	Name string // slash-separated, below the copy
	Text string
}

// maxCopied bounds a file that is compared, in bytes.
const maxCopied = 64 << 20

// Copied compares the files of a directory in a vendor folder with the directory that they were copied from: files that differ, that the
// original lacks, that are no regular files, and Go files that go mod vendor would have copied. A directory in the copy that the
// original lacks altogether is another module's.
func Copied(vendor, original string) ([]Difference, error) {
	a, err := os.OpenRoot(vendor)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := os.OpenRoot(original)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	var out []Difference
	differ := func(name, format string, args ...any) {
		out = append(out, Difference{name, fmt.Sprintf(format, args...)})
	}
	err = fs.WalkDir(a.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			missing, err := lacking(a, b, name)
			for _, m := range missing {
				differ(m, "the directory that replaces the module has it, and the vendor folder does not")
			}
			return err
		}
		if !d.Type().IsRegular() {
			differ(name, "it is no regular file (%s)", d.Type())
			return nil
		}
		x, err := small(a, name)
		if err != nil {
			return err
		}
		switch y, err := small(b, name); {
		case errors.Is(err, fs.ErrNotExist):
			differ(name, "the directory that replaces the module has no such file")
		case err != nil:
			return err
		case !bytes.Equal(x, y):
			differ(name, "it differs from the file in the directory that replaces the module")
		}
		return nil
	})
	return out, err
}

// lacking are the Go files of a directory of the original that its copy lacks and go mod vendor would have copied.
func lacking(a, b *os.Root, dir string) (out []string, err error) {
	there, err := fs.ReadDir(a.FS(), dir)
	if err != nil {
		return nil, err
	}
	has, goes := map[string]bool{}, false
	for _, e := range there {
		has[e.Name()] = true
		goes = goes || strings.HasSuffix(e.Name(), ".go")
	}
	entries, err := fs.ReadDir(b.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) || !goes {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		n := e.Name()
		if has[n] || !e.Type().IsRegular() || !strings.HasSuffix(n, ".go") || strings.HasSuffix(n, "_test.go") || n[0] == '_' || n[0] == '.' {
			continue
		}
		text, err := small(b, path.Join(dir, n))
		if err != nil {
			return nil, err
		}
		if !ignoredGo(text) {
			out = append(out, path.Join(dir, n))
		}
	}
	return out, nil
}

// ignoredGo reports whether a Go file's constraint is the tag "ignore", which go mod vendor leaves out.
func ignoredGo(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "package ") {
			return false
		}
		if constraint.IsGoBuild(line) {
			x, err := constraint.Parse(line)
			tag, ok := x.(*constraint.TagExpr)
			return err == nil && ok && tag.Tag == "ignore"
		}
	}
	return false
}

func small(root *os.Root, name string) ([]byte, error) {
	st, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > maxCopied {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", name, maxCopied)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxCopied))
}

// Directory is the directory by which a module, "PATH@VERSION", is replaced as a file of the root says that lies in dir.
func (r *Root) Directory(dir, mod string) (string, bool) {
	p, version, _ := strings.Cut(mod, "@")
	for _, m := range r.Manifests {
		if x, ok := m.replaced(module.Version{Path: p, Version: version}); ok && m.Dir == dir && x.New.Version == "" {
			return under(dir, filepath.FromSlash(x.New.Path)), true
		}
	}
	return "", false
}
