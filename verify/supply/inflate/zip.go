package inflate

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"os"
	"sync/atomic"
)

const (
	// maxDirectory bounds a zip's directory, in bytes: archive/zip reads all of it, whatever number of files the zip says it has, and keeps
	// some 400 bytes of each. A toolchain's has 2 MB.
	maxDirectory = 24 << 20
	// maxEntries bounds the files of a zip. A toolchain has 14,000.
	maxEntries = 200_000
)

// Zip opens a zip of size bytes whose directory is not to be believed: one of more than 24 MiB or 200,000 files is an error. Its files
// are decompressed by NewReader.
func Zip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	s := &sparing{r: r}
	s.left.Store(maxDirectory)
	z, err := zip.NewReader(s, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("zip: it has %d files, and at most %d are taken", len(z.File), maxEntries)
	}
	s.left.Store(math.MaxInt64) // what follows are the files
	z.RegisterDecompressor(zip.Deflate, NewReader)
	return z, nil
}

// OpenZip opens the zip in a file like Zip. The caller closes the file.
func OpenZip(name string) (*zip.Reader, *os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil {
		var z *zip.Reader
		if z, err = Zip(f, st.Size()); err == nil {
			return z, f, nil
		}
	}
	f.Close()
	return nil, nil, fmt.Errorf("reading %q: %w", name, err)
}

// sparing reads so many bytes and then no more.
type sparing struct {
	r    io.ReaderAt
	left atomic.Int64
}

func (s *sparing) ReadAt(p []byte, off int64) (int, error) {
	if s.left.Load() != math.MaxInt64 && s.left.Add(-int64(len(p))) < 0 {
		return 0, fmt.Errorf("zip: its directory is longer than %d bytes", maxDirectory)
	}
	return s.r.ReadAt(p, off)
}
