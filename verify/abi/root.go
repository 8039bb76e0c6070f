package abi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// FileRoot is a root file system that holds one file under several absolute paths: enough where only the C library is needed.
func FileRoot(file string, paths ...string) fs.FS {
	return fileRoot{file, paths}
}

type fileRoot struct {
	file  string
	paths []string
}

func (r fileRoot) Open(name string) (fs.File, error) {
	for _, p := range r.paths {
		if strings.TrimPrefix(p, "/") == name {
			return os.Open(r.file)
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// openRoot opens an absolute path of the target.
func openRoot(root fs.FS, name string) (io.ReaderAt, int64, io.Closer, error) {
	clean := strings.TrimPrefix(path.Clean(name), "/")
	if clean == "" {
		clean = "."
	}
	f, err := root.Open(clean)
	if err != nil {
		return nil, 0, nil, err
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	if err != nil {
		f.Close()
		return nil, 0, nil, err
	}
	if r, ok := f.(io.ReaderAt); ok {
		return r, st.Size(), f, nil
	}
	b, err := io.ReadAll(io.LimitReader(f, maxWholeFile+1))
	f.Close()
	if err == nil && len(b) > maxWholeFile {
		err = fmt.Errorf("reading %q: more than %d bytes in a file system without random access", name, maxWholeFile)
	}
	if err != nil {
		return nil, 0, nil, err
	}
	return strings.NewReader(string(b)), int64(len(b)), io.NopCloser(nil), nil
}

// maxWholeFile bounds files that must be read whole because their fs.FS has no ReadAt.
const maxWholeFile = 64 << 20
