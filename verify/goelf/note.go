package goelf

import (
	"debug/elf"
	"encoding/hex"
	"fmt"
)

// Note is one ELF note.
type Note struct {
	Name string // owner, for example "GNU" or "Go"
	Type uint32
	Desc []byte
	Off  uint64 // file offset of Desc
}

// Note types: NT_GNU_BUILD_ID of the GNU ABI, and cmd/internal/buildid's elfGoBuildIDTag.
const (
	noteGNUBuildID = 3
	noteGoBuildID  = 4
)

// maxNotes bounds the bytes of all note segments or sections that are read.
const maxNotes = 4 << 20

// Notes returns the notes of all PT_NOTE segments; of the SHT_NOTE sections where no such segment exists.
func (f *File) Notes() ([]Note, error) {
	var out []Note
	found, left := false, uint64(maxNotes)
	for _, s := range f.Segments {
		if s.Type == elf.PT_NOTE {
			found = true
			var err error
			if out, err = f.notes(out, s.Off, s.FileSz, s.Aln, &left); err != nil {
				return out, err
			}
		}
	}
	for i := range f.Sections {
		if s := &f.Sections[i]; !found && s.Type == elf.SHT_NOTE {
			var err error
			if out, err = f.notes(out, s.Off, s.Size, s.Aln, &left); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func (f *File) notes(out []Note, off, size, align uint64, left *uint64) ([]Note, error) {
	if size > *left {
		return out, fmt.Errorf("reading notes: they are longer than %d bytes", maxNotes)
	}
	*left -= size
	b, err := f.readOffset(off, size)
	if err != nil {
		return out, fmt.Errorf("reading notes: %w", err)
	}
	if align != 8 {
		align = 4
	}
	up := func(n uint64) uint64 { return (n + align - 1) &^ (align - 1) }
	for at := uint64(0); size-at >= 12; {
		namesz, descsz := uint64(f.Order.Uint32(b[at:])), uint64(f.Order.Uint32(b[at+4:]))
		typ := f.Order.Uint32(b[at+8:])
		desc := at + up(12+namesz)
		if namesz > size || descsz > size || at+12+namesz > size || desc+descsz > size {
			return out, fmt.Errorf("reading notes: the note at offset %#x does not fit", off+at)
		}
		out = append(out, Note{cstring(b[at+12 : at+12+namesz]), typ, b[desc : desc+descsz : desc+descsz], off + desc})
		at = min(size, desc+up(descsz))
	}
	return out, nil
}

func (f *File) note(name string, typ uint32) []byte {
	notes, _ := f.Notes() // a broken note does not hide those before it
	for _, n := range notes {
		if n.Name == name && n.Type == typ {
			return n.Desc
		}
	}
	return nil
}

// GNUBuildID is the linker's build ID in hexadecimal, "" when there is none.
func (f *File) GNUBuildID() string { return hex.EncodeToString(f.note("GNU", noteGNUBuildID)) }

// GoBuildID is the go command's build ID, "" when there is none. Its four parts are linkAction/mainAction/mainContent/linkContent.
func (f *File) GoBuildID() string { return string(f.note("Go", noteGoBuildID)) }
