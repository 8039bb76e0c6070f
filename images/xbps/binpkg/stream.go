package binpkg

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/xi2/xz"
)

// Stream is the decompressed archive: it ends with a *Refusal when it grows beyond its limit.
type Stream struct {
	Compression string // zstd, xz, gzip, bzip2, lz4 or none
	r           io.Reader
	left        int64
	limit       int64
	close       func()
}

// Expand decompresses by magic, never by name, as libarchive does for xbps (lib/archive.c).
func Expand(r io.ReaderAt, size int64, limits Limits) (*Stream, error) {
	l := limits.withDefaults()
	head := make([]byte, 512)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("binpkg: reading: %w", err)
	}
	head = head[:n]
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10) // the readers of xz and bzip2 ask for single bytes
	s := &Stream{limit: l.expanded(size), close: func() {}}
	s.left = s.limit
	switch {
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		s.Compression = "zstd"
		d, zerr := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(l.Window)))
		if err = zerr; err == nil {
			s.r, s.close = d, d.Close
		}
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		s.Compression = "xz"
		if err = checkXZ(head, l.Window); err == nil {
			s.r, err = xz.NewReader(in, uint32(min(l.Window, math.MaxUint32)))
		}
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		s.Compression = "gzip"
		s.r, err = gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("BZh")):
		s.Compression, s.r = "bzip2", bzip2.NewReader(in)
	case bytes.HasPrefix(head, []byte{0x04, 0x22, 0x4d, 0x18}):
		s.Compression, s.r = "lz4", lz4.NewReader(in)
	case len(head) == 512 && bytes.Equal(head[257:262], []byte("ustar")):
		s.Compression, s.r = "none", in
	default:
		return nil, refuse(NotAPackage, "", "no archive that xbps reads")
	}
	if err != nil {
		if _, ok := err.(*Refusal); ok {
			return nil, err
		}
		return nil, refuse(NotAPackage, "", "cannot decompress %s: %v", s.Compression, err)
	}
	return s, nil
}

// checkXZ reads the block header behind the 12 bytes of the stream header (The .xz File Format 1.2.1, section 3.1) for
// the size of the dictionary, which the decompressor allocates at once.
func checkXZ(head []byte, window int64) error {
	bad := refuse(NotAPackage, "", "cannot decompress xz: no block with one LZMA2 filter")
	if len(head) < 24 || head[12] == 0 {
		return bad
	}
	block := head[12:]
	if length := (int(block[0]) + 1) * 4; length <= len(block) {
		block = block[:length]
	}
	flags, fields := block[1], block[2:]
	for _, present := range []byte{flags & 0x40, flags & 0x80} { // compressed and uncompressed size
		if present == 0 {
			continue
		}
		_, n := binary.Uvarint(fields)
		if n <= 0 {
			return bad
		}
		fields = fields[n:]
	}
	if flags&3 != 0 || len(fields) < 3 || fields[0] != 0x21 || fields[1] != 1 {
		return bad
	}
	if bits := int64(fields[2]); bits > 40 || (2|bits&1)<<(bits/2+11) > window {
		return refuse(TooBig, "", "xz asks for more than %d bytes of history", window)
	}
	return nil
}

// Read gives the archive's bytes.
func (s *Stream) Read(p []byte) (int, error) {
	if s.left <= 0 {
		// One more byte tells an archive that ends here from one that goes on.
		var one [1]byte
		if n, err := s.r.Read(one[:]); n == 0 && err != nil {
			return 0, err
		}
		return 0, refuse(TooBig, "", "expands to more than %d bytes", s.limit)
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	return n, err
}

// Close frees the decompressor.
func (s *Stream) Close() { s.close() }
