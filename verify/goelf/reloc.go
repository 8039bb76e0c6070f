package goelf

import (
	"debug/elf"
	"fmt"
	"iter"
	"math/bits"
)

// RelocTable says which dynamic table a relocation came from.
type RelocTable byte

// The tables, in the order in which musl applies them.
const (
	JmpRel RelocTable = iota
	Rel
	Rela
	Relr
)

// Reloc is one dynamic relocation.
type Reloc struct {
	Off      uint64 // address of the slot
	Type     uint32
	Sym      uint32 // index into the dynamic symbols, 0 for none
	Addend   int64  // only with Explicit; else it lies in the slot
	Table    RelocTable
	Explicit bool
}

// relocChunk is the number of relocations that are read at once.
const relocChunk = 1 << 10

// Relocs yields the dynamic relocations in the order in which musl applies them: DT_JMPREL, DT_REL, DT_RELA, DT_RELR. It ends after the first error.
func (f *File) Relocs() iter.Seq2[Reloc, error] {
	return func(yield func(Reloc, error) bool) {
		if f.DynamicErr != nil {
			yield(Reloc{}, f.DynamicErr)
			return
		}
		pltrel, _ := f.DynValue(elf.DT_PLTREL)
		_ = f.relocTable(elf.DT_JMPREL, elf.DT_PLTRELSZ, JmpRel, elf.DynTag(pltrel) == elf.DT_RELA, yield) &&
			f.relocTable(elf.DT_REL, elf.DT_RELSZ, Rel, false, yield) &&
			f.relocTable(elf.DT_RELA, elf.DT_RELASZ, Rela, true, yield) &&
			f.relrTable(yield)
	}
}

func (f *File) relocTable(tag, sizeTag elf.DynTag, table RelocTable, rela bool, yield func(Reloc, error) bool) bool {
	addr, ok := f.DynValue(tag)
	size, _ := f.DynValue(sizeTag)
	if !ok || size == 0 {
		return true
	}
	w := uint64(f.PtrSize())
	ent := 2 * w
	if rela {
		ent = 3 * w
	}
	off, avail, ok := f.Offset(addr)
	if !ok || size > avail {
		return yieldErr(yield, fmt.Errorf("reading relocations: %#x bytes at address %#x are not in the file", size, addr))
	}
	end := uint64(max(f.in.size, 0))
	if off > end || size > end-off {
		return yieldErr(yield, fmt.Errorf("reading relocations: the file ends at %#x", end))
	}
	buf := make([]byte, min(size/ent, relocChunk)*ent)
	for n := size / ent; n > 0; {
		c := min(n, relocChunk)
		b := buf[:c*ent]
		if err := f.in.read(b, int64(off)); err != nil {
			return yieldErr(yield, fmt.Errorf("reading relocations: %w", err))
		}
		for ; len(b) > 0; b = b[ent:] {
			r := Reloc{Off: f.Word(b), Table: table, Explicit: rela}
			info := f.Word(b[w:])
			if f.Class == elf.ELFCLASS64 {
				r.Sym, r.Type = uint32(info>>32), uint32(info)
			} else {
				r.Sym, r.Type = uint32(info>>8), uint32(info&0xff)
			}
			if rela {
				r.Addend = f.signed(f.Word(b[2*w:]))
			}
			if !yield(r, nil) {
				return false
			}
		}
		off, n = off+c*ent, n-c
	}
	return true
}

// The RELR tags of the generic ABI, which debug/elf does not name.
const (
	dtRelrSz elf.DynTag = 35
	dtRelr   elf.DynTag = 36
)

// relrTable decodes DT_RELR: an even word is an address, an odd one a bitmap of the words that follow it.
func (f *File) relrTable(yield func(Reloc, error) bool) bool {
	addr, ok := f.DynValue(dtRelr)
	size, _ := f.DynValue(dtRelrSz)
	typ, known := relativeTypes[f.Machine]
	if !ok || !known {
		return true
	}
	off, avail, ok := f.Offset(addr)
	if !ok || size > avail {
		return yieldErr(yield, fmt.Errorf("reading DT_RELR: %#x bytes at address %#x are not in the file", size, addr))
	}
	w := uint64(f.PtrSize())
	for base := uint64(0); size >= w; off, size = off+w, size-w {
		b, err := f.readOffset(off, w)
		if err != nil {
			return yieldErr(yield, fmt.Errorf("reading DT_RELR: %w", err))
		}
		v := f.Word(b)
		if v&1 == 0 {
			if !yield(Reloc{Off: v, Type: typ, Table: Relr}, nil) {
				return false
			}
			base = v + w
			continue
		}
		for m := v >> 1; m != 0; m &= m - 1 {
			if !yield(Reloc{Off: base + w*uint64(bits.TrailingZeros64(m)), Type: typ, Table: Relr}, nil) {
				return false
			}
		}
		base += w * (8*w - 1)
	}
	return true
}

func yieldErr(yield func(Reloc, error) bool, err error) bool {
	yield(Reloc{}, err)
	return false
}

func (f *File) signed(v uint64) int64 {
	if f.Class == elf.ELFCLASS64 {
		return int64(v)
	}
	return int64(int32(v))
}

// relativeTypes are the R_*_RELATIVE relocations: base address plus addend.
var relativeTypes = map[elf.Machine]uint32{
	elf.EM_X86_64:  uint32(elf.R_X86_64_RELATIVE),
	elf.EM_ARM:     uint32(elf.R_ARM_RELATIVE),
	elf.EM_AARCH64: uint32(elf.R_AARCH64_RELATIVE),
	elf.EM_386:     uint32(elf.R_386_RELATIVE),
	elf.EM_RISCV:   uint32(elf.R_RISCV_RELATIVE),
}

// Relative reports whether r only adds the load address.
func (f *File) Relative(r Reloc) bool {
	return f.relative != 0 && r.Type == f.relative && r.Sym == 0
}

// RelocRoom is the number of relocations for which to make room before they are read: that of the tables, but not more than is small.
func (f *File) RelocRoom() int {
	const small = 1 << 18
	var n uint64
	for _, tag := range []elf.DynTag{elf.DT_PLTRELSZ, elf.DT_RELSZ, elf.DT_RELASZ} {
		size, _ := f.DynValue(tag)
		n += min(size, uint64(max(f.in.size, 0)))
	}
	ent := uint64(24)
	if f.Class == elf.ELFCLASS32 {
		ent = 8
	}
	return int(min(n/ent, small))
}

// AddendOf returns a relocation's addend: its own, or the number in its slot.
func (f *File) AddendOf(r Reloc) (int64, error) {
	if r.Explicit {
		return r.Addend, nil
	}
	v, err := f.ReadWord(r.Off)
	if err != nil {
		return 0, fmt.Errorf("reading the addend of a relocation: %w", err)
	}
	return f.signed(v), nil
}
