package abi

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"

	"github.com/plugproof/plugproof/verify/goelf"
)

// memory is a file as a loader maps it, in addresses relative to the load base: what each run of bytes holds and what may be done with it.
type memory struct {
	runs []run // sorted, disjoint; what is in none is not mapped
	last int   // the run that was found last
}

// run is a piece of memory of one origin and one protection. Its ends are page boundaries but for where zeros begin inside a page.
type run struct {
	lo, hi uint64
	from   origins
	off    uint64 // with fromFile: the offset in the file of lo
	flags  elf.ProgFlag
}

type origins int

const (
	fromFile origins = iota
	fromZero
	pastEnd // pages of the file beyond its last: touching them is SIGBUS
)

// readable are the protections with which the kernel lets a page be read.
const readable = elf.PF_R | elf.PF_W | elf.PF_X

// paint maps [lo, hi) anew. size is the file's, in whole pages.
func (m *memory) paint(lo, hi uint64, from origins, off, size uint64, flags elf.ProgFlag) {
	if lo >= hi {
		return
	}
	m.cut(lo)
	m.cut(hi)
	m.runs = slices.DeleteFunc(m.runs, func(r run) bool { return r.lo >= lo && r.hi <= hi })
	if from == fromFile && (off >= size || hi-lo > size-off) {
		end := lo
		if off < size {
			end += size - off
		}
		m.runs = append(m.runs, run{end, hi, pastEnd, 0, flags})
		hi = end
	}
	if lo < hi {
		m.runs = append(m.runs, run{lo, hi, from, off, flags})
	}
	slices.SortFunc(m.runs, func(a, b run) int { return cmp.Compare(a.lo, b.lo) })
}

// cut makes sure that no run goes across an address.
func (m *memory) cut(at uint64) {
	for i, r := range m.runs {
		if r.lo < at && at < r.hi {
			m.runs[i].hi = at
			r.off += at - r.lo
			r.lo = at
			m.runs = slices.Insert(m.runs, i+1, r)
			return
		}
	}
}

// protect gives what is mapped of [lo, hi) another protection, and reports whether all of it was mapped.
func (m *memory) protect(lo, hi uint64, flags elf.ProgFlag) bool {
	if lo >= hi {
		return true
	}
	m.cut(lo)
	m.cut(hi)
	next := lo
	for i := range m.runs {
		if r := &m.runs[i]; r.lo >= lo && r.hi <= hi {
			if r.lo == next {
				next = r.hi
			}
			r.flags = flags
		}
	}
	return next == hi
}

// at is the run that holds an address, nil for none.
func (m *memory) at(addr uint64) *run {
	if m.last < len(m.runs) && m.runs[m.last].lo <= addr && addr < m.runs[m.last].hi {
		return &m.runs[m.last]
	}
	i, ok := slices.BinarySearchFunc(m.runs, addr, func(r run, a uint64) int {
		switch {
		case r.hi <= a:
			return -1
		case r.lo > a:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	m.last = i
	return &m.runs[i]
}

// fault says why the process dies when all of [lo, hi) is used with a protection; "" when it does not.
func (m *memory) fault(lo, hi uint64, need elf.ProgFlag) string {
	if hi < lo {
		return fmt.Sprintf("nothing is mapped at address %#x (SIGSEGV)", lo)
	}
	for at := lo; at < hi; {
		r := m.at(at)
		switch {
		case r == nil:
			return fmt.Sprintf("nothing is mapped at address %#x (SIGSEGV)", at)
		case need == elf.PF_R && r.flags&readable == 0, need != elf.PF_R && r.flags&need != need:
			return fmt.Sprintf("what is mapped at address %#x may not be %s (SIGSEGV)", at, uses[need])
		case r.from == pastEnd:
			return fmt.Sprintf("what is mapped at address %#x lies beyond the end of the file (SIGBUS)", at)
		}
		at = r.hi
	}
	return ""
}

var uses = map[elf.ProgFlag]string{elf.PF_R: "read", elf.PF_W: "written", elf.PF_X: "executed"}

// holds reports whether [lo, hi) is what the file has from an offset on.
func (m *memory) holds(lo, hi, off uint64) bool {
	for at := lo; at < hi; {
		r := m.at(at)
		if r == nil || r.from != fromFile || r.off+(at-r.lo) != off+(at-lo) {
			return false
		}
		at = r.hi
	}
	return true
}

// zero reports whether [lo, hi) holds no byte of the file.
func (m *memory) zero(lo, hi uint64) bool {
	for at := lo; at < hi; {
		r := m.at(at)
		if r == nil || r.from != fromZero {
			return false
		}
		at = r.hi
	}
	return true
}

// loads are the program headers that are mapped, in their own order.
func loads(f *goelf.File) []goelf.Segment {
	var out []goelf.Segment
	for _, s := range f.Segments {
		if s.Type == elf.PT_LOAD {
			out = append(out, s)
		}
	}
	return out
}

// mapping is what comes of mapping a file.
type mapping struct {
	mem     *memory
	refused string // the loader's text
	fatal   string // why the process dies
	unsure  string // why what happens cannot be told from the file
}

// addressSpace is how far the addresses of a process go (x86-64's lower half; 32 bits).
func (m *machine) addressSpace() uint64 {
	if m.class == elf.ELFCLASS64 {
		return 1 << 47
	}
	return 1 << 32
}

// The bounds of what is simulated: linkers write two to six PT_LOADs; more private writable memory than this may not be there.
const (
	maxLoads    = 64
	maxWritable = 1 << 30
)

// maxOffset is where the kernel lets no mapping of a file end (MAX_LFS_FILESIZE).
const maxOffset = 1 << 63

// beyond reports whether the kernel refuses to map n bytes of a file from an offset on.
func (m *machine) beyond(off, n uint64) bool {
	off = m.down(off)
	return off >= maxOffset || n > maxOffset-off
}

// down and up round to pages.
func (m *machine) down(a uint64) uint64 { return a &^ (m.pageSize - 1) }
func (m *machine) up(a uint64) uint64   { return (a + m.pageSize - 1) &^ (m.pageSize - 1) }

// tooMuch says what both mappings cannot be simulated with; "" when they can.
func (m *machine) tooMuch(segs []goelf.Segment) string {
	switch {
	case len(segs) == 0:
		return "no part of the file is to be loaded"
	case len(segs) > maxLoads:
		return fmt.Sprintf("%d parts of the file are to be loaded, more than linkers write", len(segs))
	}
	for _, s := range segs {
		bound := uint64(1 << 62)
		if m.class == elf.ELFCLASS32 { // where sums wrap around
			bound = 1 << 32
		}
		if max(s.Vaddr, s.MemSz, s.FileSz) >= bound || s.Vaddr+max(s.MemSz, s.FileSz) >= bound {
			return fmt.Sprintf("a part of the file goes from address %#x on for %#x bytes of the file and %#x in memory", s.Vaddr, s.FileSz, s.MemSz)
		}
	}
	return ""
}
