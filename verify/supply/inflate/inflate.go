// Package inflate opens zips that are not to be believed, and decompresses their DEFLATE streams (RFC 1951), by a quicker reader than the standard library's: a kit's toolchains are
// proved by what their zips hold, and decompressing them is most of that.
package inflate

import (
	"bufio"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// pool keeps readers: a toolchain has some 14,000 files, and a reader has 70 kB.
var pool = sync.Pool{New: func() any {
	b := bufio.NewReaderSize(nil, 32<<10) // flate's own has 4 kB, so that a toolchain is read by 20,000 calls
	return &decompressor{b, flate.NewReader(b)}
}}

type decompressor struct {
	b *bufio.Reader
	z io.ReadCloser
}

// NewReader is a zip.Decompressor. Errors are flate's; data that end early give io.ErrUnexpectedEOF.
func NewReader(r io.Reader) io.ReadCloser {
	d := pool.Get().(*decompressor)
	d.b.Reset(r)
	_ = d.z.(flate.Resetter).Reset(d.b, nil) // it cannot fail without a dictionary
	return &reader{d}
}

type reader struct{ d *decompressor }

func (r *reader) Read(p []byte) (int, error) {
	if r.d == nil {
		return 0, io.ErrClosedPipe
	}
	return r.d.z.Read(p)
}

func (r *reader) Close() error {
	if r.d == nil {
		return nil
	}
	err := r.d.z.Close()
	r.d.b.Reset(nil) // what was read is not kept
	pool.Put(r.d)
	r.d = nil
	return err
}
