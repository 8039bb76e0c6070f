package cpio

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/plugproof/plugproof/images/links"
)

// FS is an archive as a file system to look files up in: links lead where they lead in the booted system, and never out of
// it. Directories can be opened and asked for their Stat, but not listed.
type FS struct {
	r     io.ReaderAt
	files map[string]Header
}

// NewFS reads the list of an archive of size bytes. Of a name that occurs twice the last counts, as the kernel has it.
func NewFS(r io.ReaderAt, size int64) (*FS, error) {
	list, err := Read(r, size)
	if err != nil {
		return nil, err
	}
	f := &FS{r: r, files: make(map[string]Header, len(list))}
	for _, h := range list {
		f.files[path.Clean(strings.TrimPrefix(h.Name, "/"))] = h
	}
	return f, nil
}

// OpenFS is NewFS of a file, which stays open until close is called.
func OpenFS(name string) (f *FS, close func() error, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	st, err := file.Stat()
	if err == nil {
		f, err = NewFS(file, st.Size())
	}
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("reading archive %q: %w", name, err)
	}
	return f, file.Close, nil
}

// Open opens a file through the archive's links. The error is a *fs.PathError.
func (f *FS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	real, err := links.Follow(name, func(name string) (string, bool) {
		h, ok := f.files[name]
		return h.Target, ok && h.Mode&typeMask == TypeLink
	})
	h, there := f.files[real]
	switch {
	case real == ".":
		h = Header{Mode: TypeDir | 0o755}
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	case !there:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &fsFile{SectionReader: h.Contents(f.r), info: info{path.Base(name), h}}, nil
}

// fsFile is an open file; it reads at random, too.
type fsFile struct {
	*io.SectionReader
	info info
}

func (f *fsFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *fsFile) Close() error               { return nil }

type info struct {
	name string
	h    Header
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.h.Size }
func (i info) ModTime() time.Time { return time.Unix(int64(i.h.MTime), 0) }
func (i info) IsDir() bool        { return i.h.Mode&typeMask == TypeDir }
func (i info) Sys() any           { return i.h }

func (i info) Mode() fs.FileMode {
	m := fs.FileMode(i.h.Mode & 0o777)
	switch i.h.Mode & typeMask {
	case TypeDir:
		m |= fs.ModeDir
	case TypeLink:
		m |= fs.ModeSymlink
	case TypeChar:
		m |= fs.ModeDevice | fs.ModeCharDevice
	case TypeReg:
	default:
		m |= fs.ModeIrregular
	}
	return m
}
