package cpio

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Header describes one file of an archive that was read.
type Header struct {
	Name         string
	Mode         uint32
	UID, GID     uint32
	Inode, Links uint32
	MTime        uint32 // seconds since 1970
	Size         int64  // bytes of contents
	Offset       int64  // where the contents begin in the archive
	Major, Minor uint32 // of a device
	Target       string // of a symbolic link
}

// ErrFormat is wrapped by every error that Read returns for an archive that is not well formed.
var ErrFormat = errors.New("not a newc archive")

// Read lists an archive of size bytes. Archives may follow one another, separated by zero bytes, as the kernel allows;
// a compressed part is an error. No memory is taken on the word of a size field: names and link targets are at most
// MaxName bytes and contents are not read at all.
func Read(r io.ReaderAt, size int64) ([]Header, error) {
	var list []Header
	for off := int64(0); off < size; {
		var err error
		if off, err = skipZeros(r, off, size); err != nil {
			return list, fmt.Errorf("reading archive at byte %d: %w", off, err)
		}
		if off >= size {
			break
		}
		for {
			h, next, err := readHeader(r, off, size)
			if err != nil {
				return list, fmt.Errorf("reading archive at byte %d: %w", off, err)
			}
			off = next
			if h.Name == trailer {
				break
			}
			list = append(list, h)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("reading archive: %w: it holds no file", ErrFormat)
	}
	return list, nil
}

// Contents returns a reader of one file's contents.
func (h Header) Contents(r io.ReaderAt) *io.SectionReader {
	return io.NewSectionReader(r, h.Offset, h.Size)
}

// readHeader reads the header at off and returns where the next one begins.
func readHeader(r io.ReaderAt, off, size int64) (Header, int64, error) {
	var raw [headerSize]byte
	if size-off < headerSize {
		return Header{}, 0, fmt.Errorf("%w: %d bytes are left for a header of %d", ErrFormat, size-off, headerSize)
	}
	if err := readFull(r, raw[:], off); err != nil {
		return Header{}, 0, err
	}
	if magic := string(raw[:6]); magic != "070701" && magic != "070702" {
		return Header{}, 0, fmt.Errorf("%w: magic %q", ErrFormat, magic)
	}
	var field [13]uint32
	for i := range field {
		v, err := hex8(raw[6+8*i:])
		if err != nil {
			return Header{}, 0, err
		}
		field[i] = v
	}
	h := Header{Inode: field[0], Mode: field[1], UID: field[2], GID: field[3], Links: field[4], MTime: field[5],
		Size: int64(field[6]), Major: field[9], Minor: field[10]}
	nameSize := int64(field[11])
	if nameSize < 2 || nameSize > MaxName+1 || nameSize > size-off-headerSize {
		return Header{}, 0, fmt.Errorf("%w: a name of %d bytes", ErrFormat, nameSize)
	}
	name := make([]byte, nameSize)
	if err := readFull(r, name, off+headerSize); err != nil {
		return Header{}, 0, err
	}
	if strings.IndexByte(string(name), 0) != len(name)-1 {
		return Header{}, 0, fmt.Errorf("%w: name %.40q is not ended by its only zero byte", ErrFormat, name)
	}
	h.Name = string(name[:nameSize-1])
	h.Offset = align4(off + headerSize + nameSize)
	if h.Offset > size || h.Size > size-h.Offset {
		if h.Name == trailer && h.Size == 0 { // the padding after the last trailer may be missing
			return h, size, nil
		}
		return Header{}, 0, fmt.Errorf("%w: file %q claims %d bytes, %d are left", ErrFormat, h.Name, h.Size, max(0, size-h.Offset))
	}
	if h.Mode&typeMask == TypeLink {
		if h.Size > MaxName {
			return Header{}, 0, fmt.Errorf("%w: link %q has a target of %d bytes", ErrFormat, h.Name, h.Size)
		}
		target := make([]byte, h.Size)
		if err := readFull(r, target, h.Offset); err != nil {
			return Header{}, 0, err
		}
		h.Target = string(target)
	}
	return h, min(size, align4(h.Offset+h.Size)), nil
}

func align4(n int64) int64 { return (n + 3) &^ 3 }

// hex8 reads eight hexadecimal digits; strconv would also take signs.
func hex8(b []byte) (uint32, error) {
	var v uint32
	for _, c := range b[:8] {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint32(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint32(c-'a'+10)
		case 'A' <= c && c <= 'F':
			v = v<<4 | uint32(c-'A'+10)
		default:
			return 0, fmt.Errorf("%w: %q is not a hexadecimal number", ErrFormat, b[:8])
		}
	}
	return v, nil
}

// skipZeros returns the first offset from off on that holds no zero byte.
func skipZeros(r io.ReaderAt, off, size int64) (int64, error) {
	var buf [4096]byte
	for off < size {
		n := min(int64(len(buf)), size-off)
		if err := readFull(r, buf[:n], off); err != nil {
			return off, err
		}
		for i, c := range buf[:n] {
			if c != 0 {
				return off + int64(i), nil
			}
		}
		off += n
	}
	return off, nil
}

func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
