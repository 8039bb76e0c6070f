package goelf

import (
	"debug/elf"
	"fmt"
	"iter"
)

// Symbol is one entry of a symbol table.
type Symbol struct {
	Name        string
	Index       uint32
	Info, Other byte
	Section     elf.SectionIndex
	Value, Size uint64
}

// Bind is the symbol's binding.
func (s Symbol) Bind() elf.SymBind { return elf.ST_BIND(s.Info) }

// Type is the symbol's type.
func (s Symbol) Type() elf.SymType { return elf.ST_TYPE(s.Info) }

// Defined reports whether the file itself defines the symbol.
func (s Symbol) Defined() bool { return s.Section != elf.SHN_UNDEF }

func (f *File) symSize() int {
	if f.Class == elf.ELFCLASS64 {
		return elf.Sym64Size
	}
	return elf.Sym32Size
}

// symbol decodes an entry; the offset of its name is returned beside it.
func (f *File) symbol(b []byte) (s Symbol, name uint32) {
	d := decoder{b, f}
	name = d.u32()
	if f.Class == elf.ELFCLASS64 {
		s.Info, s.Other = d.b[0], d.b[1]
		d.b = d.b[2:]
		s.Section = elf.SectionIndex(d.u16())
		s.Value, s.Size = d.word(), d.word()
		return s, name
	}
	s.Value, s.Size = d.word(), d.word()
	s.Info, s.Other = d.b[0], d.b[1]
	s.Section = elf.SectionIndex(f.Order.Uint16(d.b[2:]))
	return s, name
}

// DynSymbolCount is the number of dynamic symbols, the null symbol included. It never exceeds what the file has room for.
func (f *File) DynSymbolCount() (uint32, error) {
	t := f.tables()
	return t.count, t.err
}

// DynSymbol returns one dynamic symbol.
func (f *File) DynSymbol(i uint32) (Symbol, error) {
	s, name, err := f.dynSymbol(i)
	if err != nil {
		return s, err
	}
	s.Name, err = f.dynString(uint64(name))
	return s, err
}

// DynSymbolEntry returns one dynamic symbol without its name, which costs no allocation.
func (f *File) DynSymbolEntry(i uint32) (Symbol, error) {
	s, _, err := f.dynSymbol(i)
	return s, err
}

// DynSymbolEntries yields the dynamic symbols from index 1 on, without their names. It ends after the first error.
func (f *File) DynSymbolEntries() iter.Seq2[Symbol, error] {
	return func(yield func(Symbol, error) bool) {
		t := f.tables()
		if t.err != nil {
			yield(Symbol{}, fmt.Errorf("reading dynamic symbols: %w", t.err))
			return
		}
		size := uint64(f.symSize())
		var buf []byte
		for i := uint64(1); i < uint64(t.count); {
			c := min(uint64(t.count)-i, symChunk)
			b, err := f.readInto(&buf, t.symOff+i*size, c*size)
			if err != nil {
				yield(Symbol{}, fmt.Errorf("reading dynamic symbols %d to %d: %w", i, i+c, err))
				return
			}
			for ; len(b) > 0; b, i = b[size:], i+1 {
				s, _ := f.symbol(b)
				s.Index = uint32(i)
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

// dynSymbol reads a symbol without its name. Relocations may name symbols beyond the hash table's count, so only the segment bounds it.
func (f *File) dynSymbol(i uint32) (Symbol, uint32, error) {
	t := f.tables()
	if t.err != nil {
		return Symbol{}, 0, t.err
	}
	n := uint64(f.symSize())
	if uint64(i) >= t.symAvail/n {
		return Symbol{}, 0, fmt.Errorf("reading dynamic symbol %d: the segment holds %d", i, t.symAvail/n)
	}
	var buf [elf.Sym64Size]byte
	b := buf[:n]
	if off := t.symOff + uint64(i)*n; off > uint64(f.in.size) || n > uint64(f.in.size)-off {
		return Symbol{}, 0, fmt.Errorf("reading dynamic symbol %d: the file ends before it", i)
	} else if err := f.in.copied(b, int64(off)); err != nil {
		return Symbol{}, 0, fmt.Errorf("reading dynamic symbol %d: %w", i, err)
	}
	s, name := f.symbol(b)
	s.Index = i
	return s, name, nil
}

// DynSymbols yields the dynamic symbols from index 1 on. It ends after the first error.
func (f *File) DynSymbols() iter.Seq2[Symbol, error] {
	return func(yield func(Symbol, error) bool) {
		t := f.tables()
		if t.err != nil {
			yield(Symbol{}, fmt.Errorf("reading dynamic symbols: %w", t.err))
			return
		}
		f.eachSymbol(t.symOff, uint64(t.count), t.strOff, t.strLen, yield)
	}
}

// Symbols yields the entries of .symtab from index 1 on; none when the file is stripped. It ends after the first error.
func (f *File) Symbols() iter.Seq2[Symbol, error] {
	return func(yield func(Symbol, error) bool) {
		for i := range f.Sections {
			s := &f.Sections[i]
			if s.Type != elf.SHT_SYMTAB {
				continue
			}
			if int64(s.Link) >= int64(len(f.Sections)) {
				yield(Symbol{}, fmt.Errorf("reading .symtab: its string table is section %d of %d", s.Link, len(f.Sections)))
				return
			}
			st := &f.Sections[s.Link]
			f.eachSymbol(s.Off, s.Size/uint64(f.symSize()), st.Off, st.Size, yield)
			return
		}
	}
}

// symChunk is the number of symbols that are read at once.
const symChunk = 1 << 12

func (f *File) eachSymbol(off, n, strOff, strLen uint64, yield func(Symbol, error) bool) {
	size := uint64(f.symSize())
	budget := maxNames + 64*strLen // of bytes: names share their ends, but not all of them the longest
	var buf []byte
	for i := uint64(1); i < n; {
		c := min(n-i, symChunk)
		b, err := f.readInto(&buf, off+i*size, c*size)
		if err != nil {
			yield(Symbol{}, fmt.Errorf("reading symbols %d to %d: %w", i, i+c, err))
			return
		}
		for ; len(b) > 0; b, i = b[size:], i+1 {
			s, name := f.symbol(b)
			s.Index = uint32(i)
			if uint64(name) >= strLen {
				yield(s, fmt.Errorf("reading the name of symbol %d: offset %#x is beyond the table's %#x bytes", i, name, strLen))
				return
			}
			if s.Name, err = f.cstringAt(strOff+uint64(name), strLen-uint64(name), maxDynString); err != nil {
				yield(s, fmt.Errorf("reading the name of symbol %d: %w", i, err))
				return
			}
			if used := uint64(len(s.Name)); used > budget {
				yield(s, fmt.Errorf("reading the name of symbol %d: %w", i, errNames))
				return
			} else if budget -= used; !yield(s, nil) {
				return
			}
		}
	}
}
