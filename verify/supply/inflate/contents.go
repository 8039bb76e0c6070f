package inflate

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"
)

// budget bounds the memory of all contents that are held at once, in bytes.
const budget = 20 << 20

// A shelf keeps memory of one size, in bytes, that is used again and again: for a file and what it is packed to.
type shelf struct {
	size int64
	pool *sync.Pool
}

var (
	memory  = semaphore.NewWeighted(budget)
	shelves = []shelf{newShelf(1 << 20), newShelf(8 << 20)} // larger are a dozen files of a Go release
)

func newShelf(size int64) shelf {
	return shelf{size, &sync.Pool{New: func() any { b := make([]byte, size); return &b }}}
}

// Contents calls use with the bytes of a file of the zip that r reads, which may not be kept. done is false for one that is not compressed
// by DEFLATE, or for which there is no memory now: then use was not called. The checks are those of archive/zip.
func Contents(r io.ReaderAt, f *zip.File, use func([]byte)) (done bool, err error) {
	packed, size := int64(min(f.CompressedSize64, budget)), int64(min(f.UncompressedSize64, budget))
	if f.Method != zip.Deflate || strings.HasSuffix(f.Name, "/") {
		return false, nil
	}
	at := slices.IndexFunc(shelves, func(s shelf) bool { return packed+size <= s.size })
	if at < 0 || !memory.TryAcquire(shelves[at].size) {
		return false, nil
	}
	defer memory.Release(shelves[at].size)
	buf := shelves[at].pool.Get().(*[]byte)
	defer shelves[at].pool.Put(buf)
	src, dst := (*buf)[:packed], (*buf)[packed:packed+size]
	raw, err := f.OpenRaw()
	if err != nil {
		return false, err
	}
	there, err := io.ReadFull(raw, src)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // a stream may end before it is said to
		return false, fmt.Errorf("%q: %w", f.Name, err)
	}
	n, err := decode(dst, src[:there])
	switch {
	case err == errFull:
		return false, fmt.Errorf("%q: %w", f.Name, zip.ErrFormat)
	case err == nil && n != len(dst):
		return false, fmt.Errorf("%q: %w", f.Name, io.ErrUnexpectedEOF)
	case err != nil:
		return false, fmt.Errorf("%q: %w", f.Name, err)
	}
	if err := checkSum(r, f, crc32.ChecksumIEEE(dst)); err != nil {
		return false, fmt.Errorf("%q: %w", f.Name, err)
	}
	use(dst)
	return true, nil
}

// descriptor begins what may follow a file: its checksum and sizes (APPNOTE.TXT, section 4.3.9).
const descriptor = 0x08074b50

// checkSum holds a file's checksum against those of the directory and, where there is one, of the descriptor behind the file.
func checkSum(r io.ReaderAt, f *zip.File, sum uint32) error {
	if f.Flags&8 == 0 {
		if f.CRC32 != 0 && sum != f.CRC32 { // 0: none was written
			return zip.ErrChecksum
		}
		return nil
	}
	at, err := f.DataOffset()
	if err != nil {
		return err
	}
	var b [16]byte
	n, err := r.ReadAt(b[:], at+int64(f.CompressedSize64))
	if n < len(b) && err != io.EOF {
		return err
	}
	rest := b[:n]
	if n >= 4 && binary.LittleEndian.Uint32(rest) == descriptor {
		rest = rest[4:]
	}
	if len(rest) < 12 {
		return io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(rest) != f.CRC32 || sum != f.CRC32 {
		return zip.ErrChecksum
	}
	return nil
}
