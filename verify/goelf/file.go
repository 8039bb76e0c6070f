// Package goelf reads Go's structures out of ELF files: what the dynamic loader and Go's runtime look at, found the way they find it.
//
// It works on files that were stripped and on files whose section headers were cut off, because those still load. Every read is
// checked against the file's real size before anything is allocated for it; a hostile file gives an error that says where it stopped.
// A File keeps at most about 4 MiB of the file in memory, whatever the file's size, apart from what a call returns.
package goelf

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// ErrNotELF is wrapped by Open's error when the file does not begin with the ELF magic number.
var ErrNotELF = errors.New("not an ELF file")

// maxSegments bounds the program headers that are read: e_phnum has 16 bits and PN_XNUM is not used for loadable files.
const maxSegments = 1 << 16

// File is an open ELF file. Its methods may be called by several goroutines at once.
type File struct {
	Class   elf.Class
	Order   Order
	OSABI   byte
	Machine elf.Machine
	Type    elf.Type
	Entry   uint64
	Flags   uint32 // e_flags
	PhOff   uint64 // e_phoff
	PhSize  uint16 // e_phentsize
	ShOff   uint64 // e_shoff

	Segments    []Segment
	Sections    []Section // nil when there are none, or when they cannot be read
	SectionsErr error     // why the section headers cannot be read; nil when they are absent
	Dynamic     []Dyn     // the entries of PT_DYNAMIC up to DT_NULL
	DynamicErr  error     // why PT_DYNAMIC cannot be read; nil when it is absent

	relative uint32 // R_*_RELATIVE, 0 for a machine that is not known

	in      pages
	steps   atomic.Int64 // of hash chains
	dynOnce sync.Once
	dyn     dynTables
	modOnce sync.Once
	mod     *Module
	modErr  error
	layOnce sync.Once
	lay     Layout
	layErr  error
}

// Segment is one program header.
type Segment struct {
	Type                           elf.ProgType
	Flags                          elf.ProgFlag
	Off, Vaddr, FileSz, MemSz, Aln uint64
}

// Open reads the ELF header, the program headers, the section headers if there are any, and the dynamic section.
// Broken section headers or a broken dynamic section are kept in SectionsErr and DynamicErr, for the loader does not mind the former.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{in: pages{r: r, size: size}}
	id, err := f.ReadOffset(0, 16)
	if err != nil {
		return nil, fmt.Errorf("reading ELF header: %w: %w", ErrNotELF, err)
	}
	if string(id[:4]) != elf.ELFMAG {
		return nil, fmt.Errorf("reading ELF header: %w", ErrNotELF)
	}
	f.Class, f.OSABI = elf.Class(id[elf.EI_CLASS]), id[elf.EI_OSABI]
	switch elf.Data(id[elf.EI_DATA]) {
	case elf.ELFDATA2LSB:
		f.Order = Order{}
	case elf.ELFDATA2MSB:
		f.Order = Order{big: true}
	default:
		return nil, fmt.Errorf("reading ELF header: unknown byte order %d", id[elf.EI_DATA])
	}
	var n int
	switch f.Class {
	case elf.ELFCLASS32:
		n = 52
	case elf.ELFCLASS64:
		n = 64
	default:
		return nil, fmt.Errorf("reading ELF header: unknown class %d", id[elf.EI_CLASS])
	}
	h, err := f.ReadOffset(0, n)
	if err != nil {
		return nil, fmt.Errorf("reading ELF header: %w", err)
	}
	d := decoder{h[16:], f}
	f.Type, f.Machine = elf.Type(d.u16()), elf.Machine(d.u16())
	f.relative = relativeTypes[f.Machine]
	d.u32() // e_version
	f.Entry, f.PhOff, f.ShOff = d.word(), d.word(), d.word()
	f.Flags = d.u32()
	d.u16() // e_ehsize
	f.PhSize = d.u16()
	phnum := int(d.u16())
	shentsize, shnum, shstrndx := int(d.u16()), int(d.u16()), int(d.u16())

	if err := f.readSegments(phnum); err != nil {
		return nil, err
	}
	if f.ShOff != 0 {
		if f.Sections, err = f.readSections(shentsize, shnum, shstrndx); err != nil {
			f.Sections, f.SectionsErr = nil, err
		}
	}
	f.Dynamic, f.DynamicErr = f.readDynamic()
	return f, nil
}

func (f *File) readSegments(phnum int) error {
	if phnum == 0 {
		return nil
	}
	want := 32
	if f.Class == elf.ELFCLASS64 {
		want = 56
	}
	if int(f.PhSize) < want || phnum >= maxSegments {
		return fmt.Errorf("reading program headers: %d of size %d", phnum, f.PhSize)
	}
	b, err := f.readOffset(f.PhOff, uint64(phnum)*uint64(f.PhSize))
	if err != nil {
		return fmt.Errorf("reading program headers: %w", err)
	}
	f.Segments = make([]Segment, phnum)
	for i := range f.Segments {
		d := decoder{b[i*int(f.PhSize):], f}
		s := &f.Segments[i]
		s.Type = elf.ProgType(d.u32())
		if f.Class == elf.ELFCLASS64 {
			s.Flags = elf.ProgFlag(d.u32())
		}
		s.Off, s.Vaddr = d.word(), d.word()
		d.word() // p_paddr
		s.FileSz, s.MemSz = d.word(), d.word()
		if f.Class == elf.ELFCLASS32 {
			s.Flags = elf.ProgFlag(d.u32())
		}
		s.Aln = d.word()
	}
	return nil
}

// Size is the file's size in bytes.
func (f *File) Size() int64 { return f.in.size }

// PtrSize is the size of an address in bytes, 4 or 8.
func (f *File) PtrSize() int {
	if f.Class == elf.ELFCLASS64 {
		return 8
	}
	return 4
}

// Segment returns the first program header of a type, or nil.
func (f *File) Segment(t elf.ProgType) *Segment {
	for i := range f.Segments {
		if f.Segments[i].Type == t {
			return &f.Segments[i]
		}
	}
	return nil
}

// Interp is the path in PT_INTERP, "" when there is none.
func (f *File) Interp() string {
	s := f.Segment(elf.PT_INTERP)
	if s == nil || s.FileSz > 4096 {
		return ""
	}
	b, err := f.readOffset(s.Off, s.FileSz)
	if err != nil {
		return ""
	}
	return cstring(b)
}

// Word reads an address-sized number from b, which must hold PtrSize bytes.
func (f *File) Word(b []byte) uint64 {
	if f.Class == elf.ELFCLASS64 {
		return f.Order.Uint64(b)
	}
	return uint64(f.Order.Uint32(b))
}

// decoder takes fields off the front of b. The caller has checked that b is long enough.
type decoder struct {
	b []byte
	f *File
}

func (d *decoder) u16() uint16 {
	v := d.f.Order.Uint16(d.b)
	d.b = d.b[2:]
	return v
}

func (d *decoder) u32() uint32 {
	v := d.f.Order.Uint32(d.b)
	d.b = d.b[4:]
	return v
}

func (d *decoder) word() uint64 {
	v := d.f.Word(d.b)
	d.b = d.b[d.f.PtrSize():]
	return v
}

func cstring(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
