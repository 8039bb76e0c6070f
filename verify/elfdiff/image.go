package elfdiff

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// Limits on what a file may make us hold. Real plugins stay far below them; beyond, contents are compared as raw bytes.
const (
	maxSections = 1 << 16
	maxName     = 64 << 10 // bytes of a symbol's or section's name; Go's generic names reach thousands
	maxSymbols  = 8 << 20
	maxInflated = 1 << 30 // bytes of one decompressed section
	maxRatio    = 64      // inflated to deflated; DWARF stays below 12
)

// image is an ELF file's headers with access to its contents.
type image struct {
	path    string
	r       io.ReaderAt
	size    int64
	sum     [32]byte
	order   binary.ByteOrder
	class   elf.Class
	etype   elf.Type
	machine elf.Machine
	flags   uint32
	entry   uint64
	ident   [16]byte
	word    int // bytes of an address: 4 or 8
	hdrSize int64
	shoff   int64
	phoff   int64
	secs    []*section
	progs   []elf.ProgHeader
	err     error // the first read error after the headers; Compare returns it
}

// section is one section header with its contents, read on demand.
type section struct {
	elf.SectionHeader
	nameOff uint32
	index   int
	key     string // name, and "#n" for the n-th of the same name
	data    []byte
	loaded  bool
}

func (s *section) alloc() bool { return s.Flags&elf.SHF_ALLOC != 0 }
func (s *section) exec() bool  { return s.Flags&elf.SHF_EXECINSTR != 0 }

// fileSize is the number of bytes that the section occupies in the file.
func (s *section) fileSize() int64 {
	if s.Type == elf.SHT_NOBITS || s.Type == elf.SHT_NULL {
		return 0
	}
	return int64(s.FileSize)
}

// digest reads the whole input once.
func digest(in Input) (sum [32]byte, err error) {
	h := sha256.New()
	buf := make([]byte, 256<<10)
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, io.NewSectionReader(in.R, 0, in.Size), buf)
	if err != nil {
		return sum, &InputError{in.Path, fmt.Errorf("%w: %w", ErrUnreadable, err)}
	}
	if n != in.Size {
		return sum, &InputError{in.Path, fmt.Errorf("%w: ends at byte %d of %d", ErrUnreadable, n, in.Size)}
	}
	h.Sum(sum[:0])
	return sum, nil
}

// openImage reads headers only. A file without section headers, or whose section headers lie outside it, has no sections.
func openImage(in Input) (*image, error) {
	bad := func(format string, args ...any) (*image, error) {
		return nil, &InputError{in.Path, fmt.Errorf("%w: %s", ErrBadELF, fmt.Sprintf(format, args...))}
	}
	im := &image{path: in.Path, r: in.R, size: in.Size}
	hdr := make([]byte, 64)
	n, err := in.R.ReadAt(hdr[:min(64, in.Size)], 0)
	if err != nil && err != io.EOF {
		return nil, &InputError{in.Path, fmt.Errorf("%w: %w", ErrUnreadable, err)}
	}
	if n < 16 || string(hdr[:4]) != elf.ELFMAG {
		return nil, &InputError{in.Path, ErrNotELF}
	}
	copy(im.ident[:], hdr)
	im.class = elf.Class(hdr[elf.EI_CLASS])
	switch im.class {
	case elf.ELFCLASS32:
		im.word, im.hdrSize = 4, 52
	case elf.ELFCLASS64:
		im.word, im.hdrSize = 8, 64
	default:
		return bad("class %d at byte 4", hdr[elf.EI_CLASS])
	}
	switch elf.Data(hdr[elf.EI_DATA]) {
	case elf.ELFDATA2LSB:
		im.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		im.order = binary.BigEndian
	default:
		return bad("byte order %d at byte 5", hdr[elf.EI_DATA])
	}
	if int64(n) < im.hdrSize {
		return bad("header ends at byte %d of %d", n, im.hdrSize)
	}
	o := im.order
	im.etype, im.machine = elf.Type(o.Uint16(hdr[16:])), elf.Machine(o.Uint16(hdr[18:]))
	var phentsize, phnum, shentsize, shnum, shstrndx int
	if im.word == 8 {
		im.entry = o.Uint64(hdr[24:])
		im.phoff, im.shoff = int64(o.Uint64(hdr[32:])), int64(o.Uint64(hdr[40:]))
		im.flags = o.Uint32(hdr[48:])
		hdr = hdr[54:]
	} else {
		im.entry = uint64(o.Uint32(hdr[24:]))
		im.phoff, im.shoff = int64(o.Uint32(hdr[28:])), int64(o.Uint32(hdr[32:]))
		im.flags = o.Uint32(hdr[36:])
		hdr = hdr[42:]
	}
	phentsize, phnum = int(o.Uint16(hdr)), int(o.Uint16(hdr[2:]))
	shentsize, shnum, shstrndx = int(o.Uint16(hdr[4:])), int(o.Uint16(hdr[6:])), int(o.Uint16(hdr[8:]))
	if err := im.readProgs(phentsize, phnum); err != nil {
		return bad("program headers: %v", err)
	}
	im.readSections(shentsize, shnum, shstrndx)
	return im, nil
}

// bytesAt reads n bytes of the file. It allocates only what the file has.
func (im *image) bytesAt(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > im.size || n > im.size-off {
		return nil, fmt.Errorf("bytes %d+%d lie outside the file of %d", off, n, im.size)
	}
	b := make([]byte, n)
	if _, err := im.r.ReadAt(b, off); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

func (im *image) readProgs(entsize, num int) error {
	want := 56
	if im.word == 4 {
		want = 32
	}
	if num == 0 {
		return nil
	}
	if entsize != want {
		return fmt.Errorf("entry size %d, want %d", entsize, want)
	}
	b, err := im.bytesAt(im.phoff, int64(entsize)*int64(num))
	if err != nil {
		return err
	}
	o := im.order
	for ; len(b) >= want; b = b[want:] {
		var p elf.ProgHeader
		p.Type = elf.ProgType(o.Uint32(b))
		if im.word == 8 {
			p.Flags = elf.ProgFlag(o.Uint32(b[4:]))
			p.Off, p.Vaddr, p.Paddr = o.Uint64(b[8:]), o.Uint64(b[16:]), o.Uint64(b[24:])
			p.Filesz, p.Memsz, p.Align = o.Uint64(b[32:]), o.Uint64(b[40:]), o.Uint64(b[48:])
		} else {
			p.Off, p.Vaddr, p.Paddr = uint64(o.Uint32(b[4:])), uint64(o.Uint32(b[8:])), uint64(o.Uint32(b[12:]))
			p.Filesz, p.Memsz = uint64(o.Uint32(b[16:])), uint64(o.Uint32(b[20:]))
			p.Flags, p.Align = elf.ProgFlag(o.Uint32(b[24:])), uint64(o.Uint32(b[28:]))
		}
		im.progs = append(im.progs, p)
	}
	return nil
}

// readSections leaves im.secs empty if the headers cannot be trusted: the loader does not read them, so such a file is not broken.
func (im *image) readSections(entsize, num, strndx int) {
	want := 64
	if im.word == 4 {
		want = 40
	}
	if im.shoff <= 0 || entsize != want || num == 0 || num > maxSections {
		return
	}
	b, err := im.bytesAt(im.shoff, int64(entsize)*int64(num))
	if err != nil {
		return
	}
	o := im.order
	secs := make([]*section, 0, num)
	for i := 0; len(b) >= want; i, b = i+1, b[want:] {
		s := &section{index: i, nameOff: o.Uint32(b)}
		s.Type = elf.SectionType(o.Uint32(b[4:]))
		if im.word == 8 {
			s.Flags, s.Addr, s.Offset = elf.SectionFlag(o.Uint64(b[8:])), o.Uint64(b[16:]), o.Uint64(b[24:])
			s.FileSize, s.Link, s.Info = o.Uint64(b[32:]), o.Uint32(b[40:]), o.Uint32(b[44:])
			s.Addralign, s.Entsize = o.Uint64(b[48:]), o.Uint64(b[56:])
		} else {
			s.Flags, s.Addr, s.Offset = elf.SectionFlag(o.Uint32(b[8:])), uint64(o.Uint32(b[12:])), uint64(o.Uint32(b[16:]))
			s.FileSize, s.Link, s.Info = uint64(o.Uint32(b[20:])), o.Uint32(b[24:]), o.Uint32(b[28:])
			s.Addralign, s.Entsize = uint64(o.Uint32(b[32:])), uint64(o.Uint32(b[36:]))
		}
		s.Size = s.FileSize
		if n := s.fileSize(); n < 0 || (n > 0 && (s.Offset > uint64(im.size) || uint64(n) > uint64(im.size)-s.Offset)) {
			return
		}
		secs = append(secs, s)
	}
	if strndx >= len(secs) {
		return
	}
	names, err := im.bytesAt(int64(secs[strndx].Offset), secs[strndx].fileSize())
	if err != nil {
		return
	}
	seen := map[string]int{}
	for _, s := range secs {
		s.Name = cstring(names, uint64(s.nameOff))
		s.key = s.Name
		if n := seen[s.Name]; n > 0 {
			s.key = fmt.Sprintf("%s#%d", s.Name, n+1)
		}
		seen[s.Name]++
	}
	im.secs = secs
}

// cstring is the zero-terminated string at off, "" if there is none.
func cstring(b []byte, off uint64) string {
	if off >= uint64(len(b)) {
		return ""
	}
	b = b[off:]
	if len(b) > maxName {
		b = b[:maxName]
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i])
	}
	return ""
}

// section returns the first section of that name, nil if there is none.
func (im *image) section(name string) *section {
	for _, s := range im.secs {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// contents reads a section as it lies in the file and keeps it.
func (im *image) contents(s *section) []byte {
	if s == nil {
		return nil
	}
	if !s.loaded {
		s.loaded = true
		var err error
		if s.data, err = im.bytesAt(int64(s.Offset), s.fileSize()); err != nil && im.err == nil {
			im.err = &InputError{im.path, fmt.Errorf("%w: section %q: %w", ErrUnreadable, s.Name, err)}
		}
	}
	return s.data
}

func (im *image) release(s *section) { s.data, s.loaded = nil, false }
