// Package elfinfo reads from an ELF file what decides whether a machine of a given architecture and libc can run it: the
// machine, the interpreter, the needed libraries and symbol versions, ARM's float ABI.
//
// It looks where the dynamic loader looks, at the program headers and PT_DYNAMIC, so files without section headers are
// read too; only ARM's build attributes need a section. Every table is bounded and every offset checked.
package elfinfo

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The most of each that is read; real files stay far below.
const (
	maxHeaders  = 1024
	maxSections = 65535
	maxDynamic  = 8192
	maxVersions = 8192
	maxString   = 4096
	maxAttr     = 64 << 10
)

// ErrNotELF says that a file does not begin with the ELF magic.
var ErrNotELF = errors.New("elfinfo: not an ELF file")

// Info is what the file says.
type Info struct {
	Class    elf.Class
	Data     elf.Data
	Machine  elf.Machine
	Type     elf.Type
	Flags    uint32   // e_flags
	Interp   string   // PT_INTERP, "" if there is none
	Dynamic  bool     // has PT_DYNAMIC
	Needed   []string // DT_NEEDED in order
	Soname   string   // DT_SONAME
	Versions []string // needed symbol versions such as GLIBC_2.34, sorted, each once

	HasAttributes bool // has ARM build attributes
	VFPArgs       int  // Tag_ABI_VFP_args: 0 soft, 1 hard, 3 both
	CPUArch       int  // Tag_CPU_arch: 6 is v6, 10 is v7
}

// Magic reports whether a file that begins so is ELF.
func Magic(head []byte) bool { return len(head) >= 4 && string(head[:4]) == elf.ELFMAG }

type segment struct{ off, vaddr, filesz uint64 }

type reader struct {
	r     io.ReaderAt
	size  uint64
	order binary.ByteOrder
	wide  bool // 64 bits
	loads []segment
}

// at reads n bytes at off; both come from the file and are checked against its size.
func (f *reader) at(off, n uint64) ([]byte, error) {
	if n > f.size || off > f.size-n {
		return nil, fmt.Errorf("elfinfo: byte %d: %d bytes lead beyond the end", off, n)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, int64(off)); err != nil && err != io.EOF {
		return nil, fmt.Errorf("elfinfo: byte %d: %w", off, err)
	}
	return b, nil
}

// word reads a native word from b at 8*i or 4*i.
func (f *reader) word(b []byte, i int) uint64 {
	if f.wide {
		return f.order.Uint64(b[8*i:])
	}
	return uint64(f.order.Uint32(b[4*i:]))
}

// Read reads a file of the given size in bytes. A file without the magic is ErrNotELF; other errors say at which byte.
func Read(r io.ReaderAt, size int64) (*Info, error) {
	f := &reader{r: r, size: uint64(max(size, 0))}
	ident, err := f.at(0, min(16, f.size))
	if err != nil || !Magic(ident) {
		return nil, ErrNotELF
	}
	if len(ident) < 16 {
		return nil, errors.New("elfinfo: byte 4: the file ends in its header")
	}
	info := &Info{Class: elf.Class(ident[4]), Data: elf.Data(ident[5])}
	switch info.Data {
	case elf.ELFDATA2LSB:
		f.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		f.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("elfinfo: byte 5: unknown byte order %d", ident[5])
	}
	if info.Class != elf.ELFCLASS32 && info.Class != elf.ELFCLASS64 {
		return nil, fmt.Errorf("elfinfo: byte 4: unknown class %d", ident[4])
	}
	f.wide = info.Class == elf.ELFCLASS64
	length := uint64(52)
	if f.wide {
		length = 64
	}
	h, err := f.at(0, length)
	if err != nil {
		return nil, err
	}
	info.Type, info.Machine = elf.Type(f.order.Uint16(h[16:])), elf.Machine(f.order.Uint16(h[18:]))
	rest := h[24:] // e_entry, e_phoff, e_shoff, then e_flags and halves
	phoff, shoff := f.word(rest, 1), f.word(rest, 2)
	tail := h[length-16:] // e_flags, e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
	info.Flags = f.order.Uint32(tail)
	if err := f.segments(info, phoff, f.order.Uint16(tail[6:]), f.order.Uint16(tail[8:])); err != nil {
		return nil, err
	}
	if info.Machine == elf.EM_ARM {
		f.attributes(info, shoff, f.order.Uint16(tail[10:]), f.order.Uint16(tail[12:]))
	}
	return info, nil
}

// segments walks the program headers.
func (f *reader) segments(info *Info, phoff uint64, entsize, count uint16) error {
	want := uint64(32)
	if f.wide {
		want = 56
	}
	if count == 0 {
		return nil
	}
	if uint64(entsize) < want || count > maxHeaders {
		return fmt.Errorf("elfinfo: byte %d: %d program headers of %d bytes", phoff, count, entsize)
	}
	table, err := f.at(phoff, uint64(entsize)*uint64(count))
	if err != nil {
		return err
	}
	var interp, dynamic *segment
	for i := range int(count) {
		p := table[i*int(entsize):]
		s := segment{}
		if f.wide {
			s = segment{f.order.Uint64(p[8:]), f.order.Uint64(p[16:]), f.order.Uint64(p[32:])}
		} else {
			s = segment{uint64(f.order.Uint32(p[4:])), uint64(f.order.Uint32(p[8:])), uint64(f.order.Uint32(p[16:]))}
		}
		switch elf.ProgType(f.order.Uint32(p)) {
		case elf.PT_LOAD:
			f.loads = append(f.loads, s)
		case elf.PT_INTERP:
			interp = &s
		case elf.PT_DYNAMIC:
			dynamic = &s
		}
	}
	if interp != nil {
		b, err := f.at(interp.off, min(interp.filesz, maxString))
		if err != nil {
			return err
		}
		info.Interp, _, _ = strings.Cut(string(b), "\x00")
	}
	if dynamic != nil {
		info.Dynamic = true
		return f.dynamic(info, *dynamic)
	}
	return nil
}

// offset finds where an address lies in the file.
func (f *reader) offset(addr uint64) (uint64, error) {
	for _, s := range f.loads {
		if addr >= s.vaddr && addr-s.vaddr < s.filesz {
			return s.off + (addr - s.vaddr), nil
		}
	}
	return 0, fmt.Errorf("elfinfo: address %#x is in no segment", addr)
}

// text reads the string at an offset of the string table.
func (f *reader) text(strtab, off uint64) (string, error) {
	start := strtab + off
	if start < strtab || start >= f.size {
		return "", fmt.Errorf("elfinfo: string %d leads beyond the end", off)
	}
	b, err := f.at(start, min(maxString, f.size-start))
	if err != nil {
		return "", err
	}
	s, _, ok := strings.Cut(string(b), "\x00")
	if !ok {
		return "", fmt.Errorf("elfinfo: byte %d: a string that does not end", start)
	}
	return s, nil
}

func (f *reader) dynamic(info *Info, s segment) error {
	size := 8
	if f.wide {
		size = 16
	}
	table, err := f.at(s.off, min(s.filesz, uint64(maxDynamic*size)))
	if err != nil {
		return err
	}
	var needed []uint64
	tags := map[elf.DynTag]uint64{}
	for i := 0; (i+1)*size <= len(table); i++ {
		tag, value := elf.DynTag(f.word(table, 2*i)), f.word(table, 2*i+1)
		if tag == elf.DT_NULL {
			break
		}
		if tag == elf.DT_NEEDED {
			needed = append(needed, value)
			continue
		}
		tags[tag] = value
	}
	soname, named := tags[elf.DT_SONAME]
	if len(needed) == 0 && !named && tags[elf.DT_VERNEED] == 0 {
		return nil
	}
	strtab, err := f.offset(tags[elf.DT_STRTAB])
	if err != nil {
		return err
	}
	for _, n := range needed {
		name, err := f.text(strtab, n)
		if err != nil {
			return err
		}
		info.Needed = append(info.Needed, name)
	}
	if named {
		if info.Soname, err = f.text(strtab, soname); err != nil {
			return err
		}
	}
	if addr := tags[elf.DT_VERNEED]; addr != 0 {
		return f.versions(info, addr, tags[elf.DT_VERNEEDNUM], strtab)
	}
	return nil
}

// versions walks the Verneed records and their Vernaux records (gABI, symbol versioning). Both chains go forward only.
func (f *reader) versions(info *Info, addr, count, strtab uint64) error {
	off, err := f.offset(addr)
	if err != nil {
		return err
	}
	steps := 0
	for range min(count, maxVersions) {
		need, err := f.at(off, 16)
		if err != nil {
			return err
		}
		aux := off + uint64(f.order.Uint32(need[8:]))
		for range f.order.Uint16(need[2:]) {
			if steps++; steps > maxVersions {
				return fmt.Errorf("elfinfo: byte %d: more than %d needed versions", aux, maxVersions)
			}
			v, err := f.at(aux, 16)
			if err != nil {
				return err
			}
			name, err := f.text(strtab, uint64(f.order.Uint32(v[8:])))
			if err != nil {
				return err
			}
			info.Versions = append(info.Versions, name)
			next := uint64(f.order.Uint32(v[12:]))
			if next == 0 {
				break
			}
			aux += next
		}
		next := uint64(f.order.Uint32(need[12:]))
		if next == 0 {
			break
		}
		off += next
	}
	slices.Sort(info.Versions)
	info.Versions = slices.Compact(info.Versions)
	return nil
}
