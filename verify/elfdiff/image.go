package elfdiff

import (
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"

	"github.com/plugproof/plugproof/verify/goelf"
)

// Limits on what a file may make us hold. Real plugins stay far below them; beyond, contents are compared as raw bytes.
const (
	maxSections = 1 << 12  // linked files have fewer than 100
	maxName     = 64 << 10 // bytes of a symbol's or section's name; Go's generic names reach thousands
	maxSymbols  = 8 << 20
)

// image is an ELF file with access to its sections' contents.
type image struct {
	*goelf.File
	path        string
	r           io.ReaderAt
	size        int64
	sum         [32]byte
	word        int // bytes of an address: 4 or 8
	secs        []*section
	known       *facts
	byAddr      []*section // loaded sections by address
	symCache    map[*section][]symbol
	lastHit     *section // of sectionAt
	synthetic   bool     // secs were made from notes, for there are no section headers
	madeSyms    []symbol // of made
	madeDone    bool
	makeAll     bool     // one of the files compared has no .symtab
	limitList   []uint64 // of limits
	constantsOf map[*section]constantIndex
	limitsDone  bool
	hashAt      map[uint64]string // packages by the addresses of their fingerprints
	err         error             // the first read error after the headers; Compare returns it
}

// section is one section header with its contents, read on demand.
type section struct {
	*goelf.Section
	key    string // name, and "#n" for the n-th of the same name
	data   []byte
	loaded bool
}

func (s *section) alloc() bool { return s.Flags&elf.SHF_ALLOC != 0 }
func (s *section) exec() bool  { return s.Flags&elf.SHF_EXECINSTR != 0 }

// fileSize is the number of bytes that the section occupies in the file.
func (s *section) fileSize() int64 {
	if s.Type == elf.SHT_NOBITS || s.Type == elf.SHT_NULL {
		return 0
	}
	return int64(s.Size)
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

// openImage reads headers only. A file without section headers, or whose section headers cannot be trusted, has the sections that
// its program headers make: the loader does not read section headers, so such a file is not broken.
func openImage(in Input) (*image, error) {
	f, err := goelf.Open(in.R, in.Size)
	switch {
	case errors.Is(err, goelf.ErrNotELF):
		return nil, &InputError{in.Path, ErrNotELF}
	case err != nil:
		return nil, &InputError{in.Path, fmt.Errorf("%w: %w", ErrBadELF, err)}
	}
	im := &image{File: f, path: in.Path, r: in.R, size: in.Size, word: f.PtrSize()}
	seen := map[string]int{}
	for i := range f.Sections {
		s := &section{Section: &f.Sections[i]}
		if n := s.fileSize(); s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL && (n < 0 || s.Off > uint64(im.size) || uint64(n) > uint64(im.size)-s.Off) {
			im.secs = nil
			break
		}
		s.key = s.Name
		if n := seen[s.Name]; n > 0 {
			s.key = fmt.Sprintf("%s#%d", s.Name, n+1)
		}
		seen[s.Name]++
		im.secs = append(im.secs, s)
	}
	total := int64(0)
	for _, s := range im.secs {
		total += s.fileSize()
	}
	if len(im.secs) > maxSections || total > 2*im.size { // no linker lays sections over each other
		im.secs = nil
	}
	if len(im.secs) == 0 {
		im.secs, im.synthetic = im.noteSections(), true
	}
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

// readInto fills b from the file, and reports whether it could.
func (im *image) readInto(b []byte, off int64) bool {
	n, _ := im.r.ReadAt(b, off)
	return n == len(b)
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
		if s.fileSize() == 0 { // its offset means nothing
			return nil
		}
		var err error
		if s.data, err = im.bytesAt(int64(s.Off), s.fileSize()); err != nil && im.err == nil {
			im.err = &InputError{im.path, fmt.Errorf("%w: section %q: %w", ErrUnreadable, s.Name, err)}
		}
	}
	return s.data
}

func (im *image) release(s *section) { s.data, s.loaded = nil, false }
