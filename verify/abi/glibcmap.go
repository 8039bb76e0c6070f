package abi

import (
	"debug/elf"

	"github.com/plugproof/plugproof/verify/goelf"
)

// glibc's texts (elf/dl-load.c).
const (
	glibcUnmapped  = "failed to map segment from shared object"
	glibcNoZeros   = "cannot map zero-fill pages"
	glibcOffset    = "ELF load command address/offset not page-aligned"
	glibcNoProtect = "cannot change memory protections"
)

// glibcMemory is _dl_map_segments with _dl_postprocess_loadcmd. glibc reserves the range from the first to the last segment by mapping the file with the first one's
// protection, takes all access from the rest where the segments leave holes, and maps the others over it by their size in the file.
func glibcMemory(f *goelf.File, size int64, mach *machine) mapping {
	segs := loads(f)
	if why := mach.tooMuch(segs); why != "" {
		return mapping{unsure: why}
	}
	space, end := mach.addressSpace(), mach.up(uint64(size))
	first, last := segs[0], segs[len(segs)-1]
	align := uint64(0)
	holes := false
	for i, s := range segs {
		if s.Aln&(s.Aln-1) == 0 {
			align = max(align, s.Aln)
		}
		if i > 0 && mach.up(segs[i-1].Vaddr+segs[i-1].FileSz) != mach.down(s.Vaddr) {
			holes = true
		}
	}
	lo := mach.down(first.Vaddr)
	top := last.Vaddr + last.MemSz
	n := top - lo
	switch {
	case top <= lo || n >= space || align >= space || mach.beyond(first.Off, n):
		return mapping{refused: glibcUnmapped}
	case n >= space/4 || align >= space/4:
		return mapping{unsure: "they ask for a quarter of the address space or more: whether the loader gets it depends on the machine"}
	}
	m := &memory{}
	m.paint(lo, mach.up(top), fromFile, mach.down(first.Off), end, first.Flags)
	if holes {
		from, to := mach.up(first.Vaddr+first.FileSz), mach.down(last.Vaddr)
		if to < from {
			return mapping{refused: glibcOffset}
		}
		if !m.protect(from, to, 0) {
			return mapping{refused: glibcNoProtect}
		}
	}
	for i, s := range segs {
		from, to := mach.down(s.Vaddr), mach.up(s.Vaddr+s.FileSz)
		data, alloc := s.Vaddr+s.FileSz, s.Vaddr+s.MemSz
		for _, e := range []struct {
			hi   uint64
			text string
		}{{to, glibcUnmapped}, {mach.up(alloc), glibcNoZeros}} {
			switch {
			case e.hi > mach.up(top) && e.hi-lo >= space/32: // files are mapped in the uppermost part of the address space, below what is drawn by lot (2^40 on amd64)
				return mapping{refused: e.text}
			case e.hi > mach.up(top):
				return mapping{unsure: "one part of the file goes beyond the memory that the loader reserved for the file: what else of the process lies there, and is overwritten, changes from run to run"}
			}
		}
		switch {
		case from < lo:
			return mapping{unsure: "one part of the file lies before the memory that the loader reserved for the file: what else of the process lies there, and is overwritten, changes from run to run"}
		case s.Flags&elf.PF_W != 0 && max(to, alloc)-from > maxWritable:
			return mapping{unsure: "they ask for more than 1 GiB of memory that can be written: whether the loader gets it depends on the machine"}
		}
		if i > 0 && from < to {
			if mach.beyond(s.Off, to-from) {
				return mapping{refused: glibcUnmapped}
			}
			m.paint(from, to, fromFile, mach.down(s.Off), end, s.Flags)
		}
		if alloc <= data {
			continue
		}
		page := mach.up(data)
		if why := m.fault(data, min(page, alloc), elf.PF_R); data < page && why != "" && s.Flags&readable != 0 {
			return mapping{fatal: "the loader clears the rest of a page: " + why}
		}
		m.paint(data, min(page, alloc), fromZero, 0, 0, s.Flags)
		m.paint(page, mach.up(alloc), fromZero, 0, 0, s.Flags)
	}
	return mapping{mem: m}
}
