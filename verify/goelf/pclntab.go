package goelf

import (
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"strings"
)

// ErrNoPclntab is returned when a file has no line table of Go 1.18 or later.
var ErrNoPclntab = errors.New("no Go line table")

// maxPclntab bounds a line table in bytes; rclone's has 40 MB.
const maxPclntab = 1 << 30

// pcHeader words after its first 8 bytes (runtime/symtab.go): nfunc, nfiles, textStart, then offsets.
const (
	hdrText = iota + 2
	hdrFuncName
	hdrCU
	hdrFile
	hdrPC
	hdrFunc
	hdrWords
)

// PclntabRange returns the address and the length in bytes of the line table, the runtime's pclntab. Where neither a
// section nor the module data gives the length, it is that of the rest of the segment.
func (f *File) PclntabRange() (addr, size uint64, err error) {
	for _, name := range []string{".gopclntab", ".data.rel.ro.gopclntab"} {
		if s := f.Section(name); s != nil && s.Type != elf.SHT_NOBITS {
			return f.checkPclntab(s.Addr, s.Size)
		}
	}
	if l, err := f.Layout(); err == nil {
		return f.checkPclntab(l.Pclntab, l.PclntabEnd-l.Pclntab)
	}
	if m, err := f.Plugin(); err == nil && m.pclntab != 0 {
		return f.checkPclntab(m.pclntab, maxPclntab)
	}
	var lo, hi uint64
	for s, err := range f.Symbols() {
		if err != nil {
			break
		}
		switch s.Name {
		case "runtime.pclntab":
			lo = s.Value
		case "runtime.epclntab":
			hi = s.Value
		}
	}
	if lo != 0 && hi > lo {
		return f.checkPclntab(lo, hi-lo)
	}
	return 0, 0, ErrNoPclntab
}

func (f *File) checkPclntab(addr, size uint64) (uint64, uint64, error) {
	_, avail, ok := f.Offset(addr)
	if !ok || avail < 8 {
		return 0, 0, fmt.Errorf("reading the line table at address %#x: %w", addr, ErrNoPclntab)
	}
	b, err := f.ReadAddr(addr, 8)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the line table: %w", err)
	}
	if !f.isPclntab(b) {
		return 0, 0, fmt.Errorf("reading the line table at address %#x: %w: unknown header % x", addr, ErrNoPclntab, b)
	}
	return addr, min(size, avail), nil
}

// Pclntab returns the bytes of the line table.
func (f *File) Pclntab() ([]byte, error) {
	addr, size, err := f.PclntabRange()
	if err != nil {
		return nil, err
	}
	if size > maxPclntab {
		return nil, fmt.Errorf("reading the line table: %d bytes are more than %d", size, maxPclntab)
	}
	b, err := f.ReadAddr(addr, size)
	if err != nil {
		return nil, fmt.Errorf("reading the line table: %w", err)
	}
	return b, nil
}

// FileNames returns the source file names of the line table in its own order, "" left out. It reads only that part of the table.
func (f *File) FileNames() ([]string, error) {
	addr, size, err := f.PclntabRange()
	if err != nil {
		return nil, err
	}
	w := uint64(f.PtrSize())
	b, err := f.ReadAddr(addr, 8+hdrWords*w)
	if err != nil {
		return nil, fmt.Errorf("reading the line table: %w", err)
	}
	lo, hi := f.Word(b[8+hdrFile*w:]), f.Word(b[8+hdrPC*w:])
	if lo > hi || hi > size {
		return nil, fmt.Errorf("reading the line table: file names from %#x to %#x in %#x bytes", lo, hi, size)
	}
	if b, err = f.ReadAddr(addr+lo, hi-lo); err != nil {
		return nil, fmt.Errorf("reading the line table: %w", err)
	}
	var out []string
	for s := range strings.SplitSeq(string(b), "\x00") {
		if s != "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// GoSym returns the functions and lines of the line table. text is the address of the first function: runtime.text.
func (f *File) GoSym() (t *gosym.Table, err error) {
	b, err := f.Pclntab()
	if err != nil {
		return nil, err
	}
	defer func() { // debug/gosym indexes its table with offsets from the file
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("reading the line table: %v", r)
		}
	}()
	if err := f.checkCounts(b); err != nil {
		return nil, fmt.Errorf("reading the line table: %w", err)
	}
	var text uint64
	if s := f.Section(".text"); s != nil {
		text = s.Addr
	}
	if t, err = gosym.NewTable(nil, gosym.NewLineTable(b, text)); err != nil {
		return nil, fmt.Errorf("reading the line table: %w", err)
	}
	return t, nil
}

// checkCounts refuses counts that debug/gosym would believe when it allocates.
func (f *File) checkCounts(b []byte) error {
	w := f.PtrSize()
	if len(b) < 8+hdrWords*w {
		return fmt.Errorf("%d bytes: %w", len(b), ErrNoPclntab)
	}
	word := func(i int) uint64 { return f.Word(b[8+i*w:]) }
	size := uint64(len(b))
	for i := hdrFuncName; i <= hdrFunc; i++ {
		if word(i) > size {
			return fmt.Errorf("a part at %#x of %#x bytes", word(i), size)
		}
	}
	// An entry of the function table has 8 bytes, a file name at least one and its NUL.
	if n := word(0); n > (size-word(hdrFunc))/8 {
		return fmt.Errorf("%d functions in %#x bytes", n, size-word(hdrFunc))
	}
	if n := word(1); n > size-word(hdrFile) {
		return fmt.Errorf("%d files in %#x bytes", n, size-word(hdrFile))
	}
	return nil
}
