package goelf

import (
	"debug/elf"
	"errors"
	"fmt"
	"math"
)

// Dyn is one entry of PT_DYNAMIC.
type Dyn struct {
	Tag elf.DynTag
	Val uint64
}

// maxDynString bounds one string of .dynstr. Go's symbol names of generic types are long; a megabyte is not a name.
const maxDynString = 256 << 10

// maxNames bounds the bytes of all strings that one call returns, where a hostile file could name one long string many times.
const maxNames = 32 << 20

var errNames = errors.New("the names are too long")

func (f *File) readDynamic() ([]Dyn, error) {
	s := f.Segment(elf.PT_DYNAMIC)
	if s == nil {
		return nil, nil
	}
	ent := uint64(2 * f.PtrSize())
	var out []Dyn
	for at := uint64(0); at+ent <= s.FileSz; at += ent {
		b, err := f.readOffset(s.Off+at, ent)
		if err != nil {
			return out, fmt.Errorf("reading PT_DYNAMIC: %w", err)
		}
		d := decoder{b, f}
		tag := d.word()
		if f.PtrSize() == 4 {
			tag = uint64(int64(int32(tag)))
		}
		if tag == 0 {
			return out, nil
		}
		if len(out) == 1<<16 {
			return out, fmt.Errorf("reading PT_DYNAMIC: more than %d entries", len(out))
		}
		out = append(out, Dyn{elf.DynTag(tag), d.word()})
	}
	return out, nil
}

// DynValue returns the value of the last entry with a tag, which is the one that loaders use.
func (f *File) DynValue(tag elf.DynTag) (uint64, bool) {
	for i := len(f.Dynamic) - 1; i >= 0; i-- {
		if f.Dynamic[i].Tag == tag {
			return f.Dynamic[i].Val, true
		}
	}
	return 0, false
}

// DynString returns the string that an entry with a tag names (DT_SONAME, DT_RUNPATH, DT_RPATH), "" when there is none.
func (f *File) DynString(tag elf.DynTag) string {
	v, ok := f.DynValue(tag)
	if !ok {
		return ""
	}
	s, err := f.dynString(v)
	if err != nil {
		return ""
	}
	return s
}

// Needed returns the DT_NEEDED names in file order.
func (f *File) Needed() ([]string, error) {
	var out []string
	total := 0
	for _, d := range f.Dynamic {
		if d.Tag != elf.DT_NEEDED {
			continue
		}
		s, err := f.dynString(d.Val)
		if total += len(s); err == nil && total > maxNames {
			err = errNames
		}
		if err != nil {
			return out, fmt.Errorf("reading DT_NEEDED: %w", err)
		}
		out = append(out, s)
	}
	return out, nil
}

// dynTables are the file ranges of the dynamic string and symbol tables.
type dynTables struct {
	err              error
	strOff, strLen   uint64
	symOff, symAvail uint64
	count            uint32 // symbols, index 0 included
	hash             hashTable
}

// tables locates .dynstr and .dynsym through PT_DYNAMIC, and counts the symbols through the hash tables or, without any, through the section headers.
func (f *File) tables() *dynTables {
	f.dynOnce.Do(func() { f.dyn.err = f.findTables(&f.dyn) })
	return &f.dyn
}

func (f *File) findTables(t *dynTables) error {
	if f.DynamicErr != nil {
		return f.DynamicErr
	}
	strtab, ok1 := f.DynValue(elf.DT_STRTAB)
	symtab, ok2 := f.DynValue(elf.DT_SYMTAB)
	if !ok1 || !ok2 {
		return nil // a file without dynamic symbols
	}
	off, avail, ok := f.Offset(strtab)
	if !ok {
		return fmt.Errorf("reading DT_STRTAB: address %#x is in no segment", strtab)
	}
	t.strOff, t.strLen = off, avail
	if n, ok := f.DynValue(elf.DT_STRSZ); ok {
		t.strLen = min(avail, n)
	}
	if t.symOff, t.symAvail, ok = f.Offset(symtab); !ok {
		return fmt.Errorf("reading DT_SYMTAB: address %#x is in no segment", symtab)
	}
	if f.readHash(t); t.hash.err != nil && len(f.Sections) == 0 {
		return t.hash.err
	}
	n := t.hash.count
	if s := f.dynsymSection(symtab); s != nil && (n == 0 || t.hash.err != nil) {
		n = s.Size / uint64(f.symSize())
	}
	size := uint64(max(f.in.size, 0))
	n = min(n, t.symAvail/uint64(f.symSize()), (size-min(size, t.symOff))/uint64(f.symSize()), math.MaxUint32)
	t.count = uint32(n)
	return nil
}

func (f *File) dynsymSection(addr uint64) *Section {
	for i := range f.Sections {
		if s := &f.Sections[i]; s.Type == elf.SHT_DYNSYM && s.Addr == addr {
			return s
		}
	}
	return nil
}

func (f *File) dynString(at uint64) (string, error) {
	t := f.tables()
	if t.err != nil {
		return "", t.err
	}
	if at >= t.strLen {
		return "", fmt.Errorf("reading .dynstr: offset %#x is beyond its %#x bytes", at, t.strLen)
	}
	return f.cstringAt(t.strOff+at, t.strLen-at, maxDynString)
}
