package goelf

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"sync"
)

const (
	pageSize  = 32 << 10 // bytes read at once
	pageSlots = 128      // pages kept: 4 MiB per file
)

// pages is a direct-mapped cache in front of the file, so that many small reads cost few system calls and little memory.
type pages struct {
	r    io.ReaderAt
	size int64
	mu   sync.Mutex
	slot [pageSlots]struct {
		n int64 // page number + 1
		b []byte
	}
}

// read fills b from off. The caller has checked the range.
func (p *pages) read(b []byte, off int64) error {
	if len(b) >= pageSize {
		return readFull(p.r, b, off)
	}
	return p.copied(b, off)
}

// copied is read for small b, which may stand on the stack: only pages are read from the file.
func (p *pages) copied(b []byte, off int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(b) > 0 {
		n := off / pageSize
		s := &p.slot[n%pageSlots]
		if s.n != n+1 {
			want := min(pageSize, p.size-n*pageSize)
			if int64(cap(s.b)) < want {
				s.b = make([]byte, want)
			}
			s.b, s.n = s.b[:want], 0
			if err := readFull(p.r, s.b, n*pageSize); err != nil {
				return err
			}
			s.n = n + 1
		}
		c := copy(b, s.b[off-n*pageSize:])
		if c == 0 {
			return io.ErrUnexpectedEOF
		}
		b, off = b[c:], off+int64(c)
	}
	return nil
}

func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at offset %#x: %w", len(b), off, err)
}

// ReadOffset returns n bytes at a file offset. It allocates only when the file is large enough.
func (f *File) ReadOffset(off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 {
		return nil, fmt.Errorf("reading %d bytes at offset %d: negative", n, off)
	}
	return f.readOffset(uint64(off), uint64(n))
}

func (f *File) readOffset(off, n uint64) ([]byte, error) {
	size := uint64(max(f.in.size, 0))
	if off > size || n > size-off {
		return nil, fmt.Errorf("reading %d bytes at offset %#x: the file ends at %#x: %w", n, off, size, io.ErrUnexpectedEOF)
	}
	b := make([]byte, n)
	return b, f.in.read(b, int64(off))
}

// readInto is readOffset into a buffer that is used again and grows when it must.
func (f *File) readInto(buf *[]byte, off, n uint64) ([]byte, error) {
	if n > uint64(cap(*buf)) {
		b, err := f.readOffset(off, n)
		*buf = b
		return b, err
	}
	size := uint64(max(f.in.size, 0))
	if off > size || n > size-off {
		return nil, fmt.Errorf("reading %d bytes at offset %#x: the file ends at %#x: %w", n, off, size, io.ErrUnexpectedEOF)
	}
	b := (*buf)[:n]
	return b, f.in.read(b, int64(off))
}

// Offset translates an address into a file offset through the PT_LOAD headers. avail is the number of bytes that the segment holds from there in the file.
func (f *File) Offset(addr uint64) (off, avail uint64, ok bool) {
	for i := range f.Segments {
		s := &f.Segments[i]
		if s.Type == elf.PT_LOAD && addr >= s.Vaddr && addr-s.Vaddr < s.FileSz {
			d := addr - s.Vaddr
			return s.Off + d, s.FileSz - d, s.Off+d >= s.Off
		}
	}
	return 0, 0, false
}

// ReadAddr returns n bytes of the memory image at an address, as it is before relocation. Bytes of a segment beyond its file part are zero.
func (f *File) ReadAddr(addr, n uint64) ([]byte, error) {
	off, avail, ok := f.Offset(addr)
	if !ok {
		if n <= pageSize && f.inMemory(addr, n) {
			return make([]byte, n), nil
		}
		return nil, fmt.Errorf("reading %d bytes at address %#x: no segment holds it", n, addr)
	}
	if n <= avail {
		return f.readOffset(off, n)
	}
	if n > pageSize || !f.inMemory(addr, n) {
		return nil, fmt.Errorf("reading %d bytes at address %#x: the segment ends after %d", n, addr, avail)
	}
	b, err := f.readOffset(off, avail)
	if err != nil {
		return nil, err
	}
	return append(b, make([]byte, n-avail)...), nil
}

func (f *File) inMemory(addr, n uint64) bool {
	for i := range f.Segments {
		s := &f.Segments[i]
		if s.Type == elf.PT_LOAD && addr >= s.Vaddr && addr-s.Vaddr <= s.MemSz && n <= s.MemSz-(addr-s.Vaddr) {
			return true
		}
	}
	return false
}

// ReadWord reads one address-sized number of the memory image, as it is before relocation.
func (f *File) ReadWord(addr uint64) (uint64, error) {
	w := uint64(f.PtrSize())
	size := uint64(max(f.in.size, 0))
	if off, avail, ok := f.Offset(addr); ok && w <= avail && off <= size && w <= size-off {
		var buf [8]byte
		if err := f.in.copied(buf[:w], int64(off)); err != nil {
			return 0, err
		}
		return f.Word(buf[:w]), nil
	}
	b, err := f.ReadAddr(addr, w)
	if err != nil {
		return 0, err
	}
	return f.Word(b), nil
}

// ReadCString reads a NUL-terminated string of at most limit bytes at an address.
func (f *File) ReadCString(addr uint64, limit int) (string, error) {
	off, avail, ok := f.Offset(addr)
	if !ok {
		return "", fmt.Errorf("reading a string at address %#x: no segment holds it", addr)
	}
	return f.cstringAt(off, avail, limit)
}

// cstringAt reads a NUL-terminated string at a file offset that has avail bytes and must end within limit.
func (f *File) cstringAt(off, avail uint64, limit int) (string, error) {
	avail = min(avail, uint64(limit)+1)
	var short [64]byte // most strings are, and cost no second allocation
	if size := uint64(max(f.in.size, 0)); off < size && avail > 0 {
		b := short[:min(64, avail, size-off)]
		if err := f.in.copied(b, int64(off)); err != nil {
			return "", fmt.Errorf("reading a string: %w", err)
		}
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return string(b[:i]), nil
		}
	}
	for n := uint64(64); ; n *= 4 {
		n = min(n, avail)
		b, err := f.readOffset(off, n)
		if err != nil && n > 64 {
			return "", fmt.Errorf("reading a string: %w", err)
		} else if err != nil { // the table may end with the file
			n = min(n, uint64(max(f.in.size, 0))-min(off, uint64(max(f.in.size, 0))))
			if b, err = f.readOffset(off, n); err != nil {
				return "", fmt.Errorf("reading a string: %w", err)
			}
			avail = n
		}
		for i, c := range b {
			if c == 0 {
				return string(b[:i]), nil
			}
		}
		if n >= avail {
			return "", fmt.Errorf("reading a string at offset %#x: no end within %d bytes", off, n)
		}
	}
}
