package vendored

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/plugproof/plugproof/verify/supply/inflate"
	"github.com/plugproof/plugproof/verify/supply/modtree"
)

// maxFile bounds a vendored file and a file in a zip, in bytes; a module zip holds at most 500 MB in all
// (golang.org/x/mod/zip, MaxZipFile).
const maxFile = 500 << 20

// module compares the files of one module with its zip.
func (c *checker) module(m mod, files []string, owner func(string) string) error {
	name := m.from.String()
	if m.from.Version == "" {
		c.find(Local, "vendor/"+m.Path, m.Version.String(), "it is replaced by the folder %s: no zip says what its %d files should be", m.from.Path, len(files))
		return nil
	}
	if len(files) == 0 && len(m.packages) == 0 {
		return nil // nothing of it is vendored
	}
	want, ok := c.sums[m.from]
	if !ok {
		c.find(Unsum, "vendor/"+m.Path, name, "go.sum does not name its zip")
		return nil
	}
	file, err := c.zip(m.from)
	if err != nil {
		return err
	}
	if file == "" {
		c.find(NoZip, "vendor/"+m.Path, name, "its zip is not at hand, and its %d files were not checked", len(files))
		return nil
	}
	sum, err := modtree.HashZipFile(file)
	if err != nil {
		c.find(BadZip, "vendor/"+m.Path, name, "its zip cannot be read: %v", err)
		return nil
	}
	if sum != want {
		c.find(BadZip, "vendor/"+m.Path, name, "its zip has the hash %s, and go.sum names %s", sum, want)
		return nil
	}
	return c.compare(m, file, files, owner)
}

func (c *checker) compare(m mod, file string, files []string, owner func(string) string) error {
	z, f, err := inflate.OpenZip(file)
	if err != nil {
		return err
	}
	defer f.Close()
	prefix := m.from.Path + "@" + m.from.Version + "/"
	entries := map[string]*zip.File{}
	for _, e := range z.File {
		if rest, ok := strings.CutPrefix(e.Name, prefix); ok {
			entries["vendor/"+m.Path+"/"+rest] = e
		}
	}
	there := map[string]bool{}
	for _, name := range files {
		there[name] = true
		e := entries[name]
		if e == nil {
			c.find(Added, name, m.from.String(), "the module has no such file")
			continue
		}
		same, err := c.same(name, e)
		if err != nil {
			return err
		}
		if !same {
			c.find(Edited, name, m.from.String(), "it differs from the module's file")
		}
	}
	vendored := map[string]bool{}
	for _, p := range m.packages {
		vendored["vendor/"+p] = true
	}
	for name, e := range entries {
		if there[name] || !vendored[path.Dir(name)] || !source(name) || owner(strings.TrimPrefix(name, "vendor/")) != m.Path {
			continue
		}
		ignored, err := ignored(e)
		if err != nil {
			return err
		}
		if !ignored {
			c.find(Missing, name, m.from.String(), "the module has it, and the vendor folder does not")
		}
	}
	return nil
}

func (c *checker) same(name string, e *zip.File) (bool, error) {
	if e.UncompressedSize64 > maxFile {
		return false, fmt.Errorf("%q is longer than %d bytes", e.Name, maxFile)
	}
	st, err := c.root.Lstat(name)
	if err != nil {
		return false, err
	}
	if uint64(st.Size()) != e.UncompressedSize64 {
		return false, nil
	}
	f, err := c.root.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil || !st.Mode().IsRegular() {
		return false, errors.Join(err, fmt.Errorf("%q is no regular file any more", name))
	}
	r, err := e.Open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	return equal(f, r)
}

// equal compares what two readers give to their ends.
func equal(a, b io.Reader) (bool, error) {
	var x, y [32 << 10]byte
	for {
		n, err := io.ReadFull(a, x[:])
		m, err2 := io.ReadFull(b, y[:])
		for _, err := range []error{err, err2} {
			if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
				return false, err
			}
		}
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if n == 0 {
			return true, nil
		}
	}
}

func readFile(root *os.Root, name string, max int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > max {
		return nil, fmt.Errorf("%q is no regular file of at most %d bytes", name, max)
	}
	return io.ReadAll(io.LimitReader(f, max))
}

func readEntry(e *zip.File, max int64) ([]byte, error) {
	r, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, max))
}
