package drift

import (
	"debug/elf"
	"fmt"
	"sort"

	"github.com/plugproof/plugproof/verify/goelf"
)

// space is one file as its code sees it: what lies at an address, and what an address of the linker's own making leads to.
type space struct {
	file      *goelf.File
	symbols   *symbolTable
	functions *functions
	slots     []slot // words that the loader fills in, sorted by address
	gotLo     uint64 // the words that are relocated as entries of the global offset table lie between these addresses
	gotHi     uint64
	constants map[uint64][]symbol // constants in .symtab by their addresses; nil until they are asked for
}

// slot is a word that the loader fills in: with the address of a symbol, or with the load address and a number.
type slot struct {
	addr uint64
	sym  uint32 // index of the dynamic symbol, 0 for none
	to   uint64
}

// maxSlots bounds the relocations that are kept: a plugin of rclone has 200,000.
const maxSlots = 1 << 23

// gotRelocs are R_*_GLOB_DAT and R_*_JUMP_SLOT.
var gotRelocs = map[elf.Machine][2]uint32{
	elf.EM_X86_64: {uint32(elf.R_X86_64_GLOB_DAT), uint32(elf.R_X86_64_JMP_SLOT)},
	elf.EM_ARM:    {uint32(elf.R_ARM_GLOB_DAT), uint32(elf.R_ARM_JUMP_SLOT)},
}

func newSpace(f *goelf.File) (*space, error) {
	s := &space{file: f, gotLo: ^uint64(0), slots: make([]slot, 0, f.RelocRoom())}
	var err error
	if s.symbols, err = readSymbols(f); err != nil {
		return nil, err
	}
	if s.functions, err = readFunctions(f, s.symbols); err != nil {
		return nil, err
	}
	got := gotRelocs[f.Machine]
	for r, err := range f.Relocs() {
		if err != nil {
			return nil, fmt.Errorf("reading relocations: %w", err)
		}
		if len(s.slots) == maxSlots {
			return nil, fmt.Errorf("reading relocations: more than %d", maxSlots)
		}
		switch {
		case f.Relative(r):
			if a, err := f.AddendOf(r); err == nil {
				s.slots = append(s.slots, slot{r.Off, 0, s.wrap(uint64(a))})
			}
		case r.Sym != 0:
			by := r.Addend
			if a, err := f.AddendOf(r); err == nil && r.Type != got[0] && r.Type != got[1] { // arm keeps it in the word
				by = a
			}
			s.slots = append(s.slots, slot{r.Off, r.Sym, s.wrap(uint64(by))})
		}
		if r.Type == got[0] || r.Type == got[1] {
			s.gotLo, s.gotHi = min(s.gotLo, r.Off), max(s.gotHi, r.Off+uint64(f.PtrSize()))
		}
	}
	if sec := f.Section(".got"); sec != nil { // entries of its own symbols have relocations without one
		s.gotLo, s.gotHi = min(s.gotLo, sec.Addr), max(s.gotHi, sec.Addr+sec.Size)
	}
	s.slots = sortedByAddress(s.slots, func(s *slot) uint64 { return s.addr })
	return s, nil
}

// wrap cuts an address to the file's width.
func (s *space) wrap(a uint64) uint64 {
	if s.file.PtrSize() == 4 {
		return uint64(uint32(a))
	}
	return a
}

func (s *space) slot(addr uint64) (slot, bool) {
	i := sort.Search(len(s.slots), func(i int) bool { return s.slots[i].addr >= addr })
	if i < len(s.slots) && s.slots[i].addr == addr {
		return s.slots[i], true
	}
	return slot{}, false
}

// place is what an address stands for: a symbol of another file by its name, or an address in this one.
type place struct {
	name string
	addr uint64
}

// pointer reads the word at addr as the process will see it. ok is false when it holds no address.
func (s *space) pointer(addr uint64) (place, bool) {
	l, ok := s.slot(addr)
	if !ok {
		if s.file.Type != elf.ET_EXEC { // every address in it would need a relocation
			return place{}, false
		}
		v, err := s.file.ReadWord(addr)
		return place{addr: v}, err == nil && v != 0
	}
	if l.sym == 0 {
		return place{addr: l.to}, true
	}
	sym, err := s.file.DynSymbol(l.sym)
	if err != nil || len(sym.Name) > maxNameBytes {
		return place{}, false
	}
	if sym.Defined() {
		return place{addr: s.wrap(sym.Value + l.to)}, true
	}
	return place{name: sym.Name, addr: l.to}, true
}

// inGOT reports whether addr can be an entry of the global offset table.
func (s *space) inGOT(addr uint64) bool { return addr >= s.gotLo && addr < s.gotHi }

// readOnly reports whether the bytes at addr never change.
func (s *space) readOnly(addr uint64) bool {
	for i := range s.file.Segments {
		g := &s.file.Segments[i]
		if g.Type == elf.PT_LOAD && addr >= g.Vaddr && addr-g.Vaddr < g.MemSz {
			return g.Flags&elf.PF_W == 0
		}
	}
	return false
}

// constant reports whether only the loader writes what is at addr, if anybody does.
func (s *space) constant(addr uint64) bool {
	g := s.file.Segment(elf.PT_GNU_RELRO)
	return s.readOnly(addr) || g != nil && addr >= g.Vaddr && addr-g.Vaddr < g.MemSz
}

// mapped reports whether the file has something at addr.
func (s *space) mapped(addr uint64) bool {
	for i := range s.file.Segments {
		g := &s.file.Segments[i]
		if g.Type == elf.PT_LOAD && addr >= g.Vaddr && addr-g.Vaddr < g.MemSz {
			return true
		}
	}
	return false
}
