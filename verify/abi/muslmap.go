package abi

import (
	"debug/elf"

	"github.com/plugproof/plugproof/verify/goelf"
)

// muslMemory is the part of map_library that maps. musl reserves the whole range by mapping the file from the lowest segment's offset on, with that
// segment's protection, then maps each segment over it by its size in memory, not in the file; so pages of no segment hold what the file has there.
func muslMemory(f *goelf.File, size int64, mach *machine) mapping {
	segs := loads(f)
	if why := mach.tooMuch(segs); why != "" {
		return mapping{unsure: why}
	}
	lowest, top := segs[0], uint64(0)
	for _, s := range segs {
		if s.Vaddr < lowest.Vaddr {
			lowest = s
		}
		top = max(top, s.Vaddr+s.MemSz)
	}
	lo, hi, end := mach.down(lowest.Vaddr), mach.up(top), mach.up(uint64(size))
	n := hi - lo + mach.down(lowest.Off)
	switch {
	case n == 0:
		return mapping{refused: "Invalid argument"}
	case n >= mach.addressSpace() && mach.class == elf.ELFCLASS32:
		return mapping{unsure: "they ask for more than all of the address space"}
	case n >= mach.addressSpace():
		return mapping{refused: "Out of memory"}
	case mach.beyond(lowest.Off, n):
		return mapping{refused: muslTooLarge}
	case n >= mach.addressSpace()/4:
		return mapping{unsure: "they ask for a quarter of the address space or more: whether the loader gets it depends on the machine"}
	case lowest.Flags&elf.PF_W != 0 && n > maxWritable:
		return mapping{unsure: "they ask for more than 1 GiB of memory that can be written: whether the loader gets it depends on the machine"}
	}
	m := &memory{}
	m.paint(lo, lo+n, fromFile, mach.down(lowest.Off), end, lowest.Flags)
	for _, s := range segs {
		from, to := mach.down(s.Vaddr), mach.up(s.Vaddr+s.MemSz)
		if from != lo {
			if s.Flags&elf.PF_W != 0 && to-from > maxWritable {
				return mapping{unsure: "they ask for more than 1 GiB of memory that can be written: whether the loader gets it depends on the machine"}
			}
			if from < to && mach.beyond(s.Off, to-from) {
				return mapping{refused: muslTooLarge}
			}
			m.paint(from, to, fromFile, mach.down(s.Off), end, s.Flags)
		}
		if s.MemSz <= s.FileSz || s.Flags&elf.PF_W == 0 {
			continue
		}
		brk := s.Vaddr + s.FileSz
		page := mach.up(brk)
		if why := m.fault(brk, page, elf.PF_W); why != "" {
			return mapping{fatal: "the loader clears the rest of a page: " + why}
		}
		if r := m.at(brk); r != nil {
			m.paint(brk, page, fromZero, 0, 0, r.flags)
		}
		m.paint(page, to, fromZero, 0, 0, s.Flags)
	}
	return mapping{mem: m}
}
