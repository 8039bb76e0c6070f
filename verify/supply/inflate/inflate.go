// Package inflate opens zips that are not to be believed, and decompresses their DEFLATE streams (RFC 1951), by a quicker reader than the standard library's: a kit's toolchains are
// proved by what their zips hold, and decompressing them is most of that.
package inflate

import (
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// pool keeps readers: a toolchain has some 14,000 files, and a reader has 40 kB.
var pool = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// NewReader is a zip.Decompressor. Errors are flate's; data that end early give io.ErrUnexpectedEOF.
func NewReader(r io.Reader) io.ReadCloser {
	z := pool.Get().(io.ReadCloser)
	_ = z.(flate.Resetter).Reset(r, nil) // it cannot fail without a dictionary
	return &reader{z}
}

type reader struct{ z io.ReadCloser }

func (r *reader) Read(p []byte) (int, error) {
	if r.z == nil {
		return 0, io.ErrClosedPipe
	}
	return r.z.Read(p)
}

func (r *reader) Close() error {
	if r.z == nil {
		return nil
	}
	err := r.z.Close()
	pool.Put(r.z)
	r.z = nil
	return err
}
