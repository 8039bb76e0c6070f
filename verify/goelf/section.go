package goelf

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Section is one section header.
type Section struct {
	Name            string
	Index           int
	Type            elf.SectionType
	Flags           elf.SectionFlag
	Addr, Off, Size uint64 // Size is the size in the file, compressed or not
	Link, Info      uint32
	Aln, EntSize    uint64
}

// maxSectionName is far above what compilers write (names carry function names with -ffunction-sections).
const maxSectionName = 64 << 10

func (f *File) readSections(entsize, n, strndx int) ([]Section, error) {
	want := 40
	if f.Class == elf.ELFCLASS64 {
		want = 64
	}
	if entsize < want {
		return nil, fmt.Errorf("reading section headers: entries of %d bytes", entsize)
	}
	if n == 0 || strndx == int(elf.SHN_XINDEX) { // the real numbers are in section 0
		b, err := f.readOffset(f.ShOff, uint64(entsize))
		if err != nil {
			return nil, fmt.Errorf("reading section headers: %w", err)
		}
		s := f.section(b)
		if n == 0 {
			n = int(min(s.Size, 1<<30))
		}
		if strndx == int(elf.SHN_XINDEX) {
			strndx = int(s.Link)
		}
	}
	b, err := f.readOffset(f.ShOff, uint64(n)*uint64(entsize))
	if err != nil {
		return nil, fmt.Errorf("reading section headers: %w", err)
	}
	out := make([]Section, n)
	names := make([]uint32, n)
	for i := range out {
		out[i] = f.section(b[i*entsize:])
		out[i].Index = i
		names[i] = f.Order.Uint32(b[i*entsize:])
	}
	if strndx <= 0 || strndx >= n {
		return out, nil // sections without names are allowed
	}
	st := out[strndx]
	total := 0
	for i := range out {
		if uint64(names[i]) >= st.Size {
			continue
		}
		name, err := f.cstringAt(st.Off+uint64(names[i]), st.Size-uint64(names[i]), maxSectionName)
		if err != nil {
			return nil, fmt.Errorf("reading the name of section %d: %w", i, err)
		}
		if total += len(name); total > maxNames {
			return nil, fmt.Errorf("reading the name of section %d: %w", i, errNames)
		}
		out[i].Name = name
	}
	return out, nil
}

func (f *File) section(b []byte) Section {
	d := decoder{b[4:], f}
	s := Section{Type: elf.SectionType(d.u32())}
	s.Flags = elf.SectionFlag(d.word())
	s.Addr, s.Off, s.Size = d.word(), d.word(), d.word()
	s.Link, s.Info = d.u32(), d.u32()
	s.Aln, s.EntSize = d.word(), d.word()
	return s
}

// Section returns the first section with a name, or nil.
func (f *File) Section(name string) *Section {
	for i := range f.Sections {
		if f.Sections[i].Name == name {
			return &f.Sections[i]
		}
	}
	return nil
}

// RawData returns a section's bytes as they are in the file; none for SHT_NOBITS.
func (f *File) RawData(s *Section) ([]byte, error) {
	if s.Type == elf.SHT_NOBITS {
		return nil, nil
	}
	b, err := f.readOffset(s.Off, s.Size)
	if err != nil {
		return nil, fmt.Errorf("reading section %q: %w", s.Name, err)
	}
	return b, nil
}

// Data returns a section's bytes, decompressed (SHF_COMPRESSED with zlib or zstd, and the old .zdebug_ form). More than limit bytes is an error.
func (f *File) Data(s *Section, limit int64) ([]byte, error) {
	old := strings.HasPrefix(s.Name, ".zdebug_")
	if s.Flags&elf.SHF_COMPRESSED == 0 && !old {
		if s.Type != elf.SHT_NOBITS && s.Size > uint64(max(limit, 0)) {
			return nil, fmt.Errorf("reading section %q: %d bytes are more than %d", s.Name, s.Size, limit)
		}
		return f.RawData(s)
	}
	raw, err := f.RawData(s)
	if err != nil {
		return nil, err
	}
	kind, size := elf.COMPRESS_ZLIB, uint64(0)
	switch {
	case old:
		if len(raw) < 12 || string(raw[:4]) != "ZLIB" {
			return raw, nil
		}
		for _, c := range raw[4:12] {
			size = size<<8 | uint64(c)
		}
		raw = raw[12:]
	case f.Class == elf.ELFCLASS64 && len(raw) >= 24:
		kind, size, raw = elf.CompressionType(f.Order.Uint32(raw)), f.Order.Uint64(raw[8:]), raw[24:]
	case f.Class == elf.ELFCLASS32 && len(raw) >= 12:
		kind, size, raw = elf.CompressionType(f.Order.Uint32(raw)), uint64(f.Order.Uint32(raw[4:])), raw[12:]
	default:
		return nil, fmt.Errorf("decompressing section %q: %w", s.Name, io.ErrUnexpectedEOF)
	}
	if size > uint64(max(limit, 0)) {
		return nil, fmt.Errorf("decompressing section %q: %d bytes are more than %d", s.Name, size, limit)
	}
	b, err := inflate(kind, raw, int64(size))
	if err != nil {
		return nil, fmt.Errorf("decompressing section %q: %w", s.Name, err)
	}
	return b, nil
}

// inflate grows its result with what really comes out, so that a header's claim allocates nothing.
func inflate(kind elf.CompressionType, raw []byte, size int64) ([]byte, error) {
	var r io.Reader
	switch kind {
	case elf.COMPRESS_ZLIB:
		z, err := zlib.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	case elf.COMPRESS_ZSTD:
		z, err := zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	default:
		return nil, fmt.Errorf("unknown compression %d", kind)
	}
	var out bytes.Buffer
	out.Grow(int(min(size, 4*int64(len(raw))) + bytes.MinRead)) // as much as the file's own bytes speak for
	n, err := io.Copy(&out, io.LimitReader(r, size+1))
	if err != nil {
		return nil, err
	}
	if n != size {
		return nil, fmt.Errorf("%d bytes came out, the header says %d", n, size)
	}
	return out.Bytes(), nil
}
