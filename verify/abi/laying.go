package abi

import (
	"debug/elf"
	"fmt"
	"io"
	"slices"

	"github.com/plugproof/plugproof/verify/goelf"
)

// lay puts a file into memory as the loader does it. What the program headers make of a damaged file is what is read from then on.
func (p *process) lay(o *object, in Input, to mapping) (loading, error) {
	switch {
	case to.fatal != "":
		return loading{fatal: "its program headers are damaged: " + to.fatal}, nil
	case to.unsure != "":
		return loading{unsure: "its program headers are damaged: " + to.unsure}, nil
	}
	o.mem = to.mem
	defer func() { o.textRel = hasTextRel(o.file, p.libc == libcGlibc) }()
	plain := tiled(o.file, p.mach)
	if !plain && !sectioned(o.file, o.mem) {
		o.doubt = "its program headers are damaged: the loader puts other bytes into memory than the linker meant to be there; it opens, and which code meets them cannot be told"
	}
	dyn := dynamicHeader(o.file)
	if dyn == nil {
		return loading{}, nil
	}
	need := elf.ProgFlag(elf.PF_R)
	if p.libc == libcGlibc && dyn.Flags&elf.PF_W != 0 { // it relocates the entries themselves
		need = elf.PF_W
	}
	w := uint64(o.file.PtrSize())
	if why := o.mem.fault(dyn.Vaddr, dyn.Vaddr+2*w, need); why != "" {
		return loading{fatal: "the loader reads the dynamic section: " + why}, nil
	}
	if !plain || !seenAlike(o.file, o.mem, dyn) {
		f, err := inMemory(o.file, o.mem, dyn, in)
		if err != nil {
			return loading{}, fmt.Errorf("reading %q as it is mapped: %w", in.Path, err)
		}
		o.file = f
	}
	return o.tables(p.libc == libcGlibc), nil
}

// tables says what kills the process when the loader reads the tables that the dynamic section names.
func (o *object) tables(glibc bool) loading {
	if len(o.file.Dynamic) == 0 {
		return loading{unsure: "its dynamic section, from which the loader learns everything else, is empty: the loader goes on with what it does not know"}
	}
	for _, tag := range []elf.DynTag{elf.DT_STRTAB, elf.DT_SYMTAB, elf.DT_HASH, elf.DT_GNU_HASH, elf.DT_RELA, elf.DT_REL, elf.DT_JMPREL, elf.DT_VERNEED, elf.DT_VERSYM} {
		if !glibc && (tag == elf.DT_VERNEED || tag == elf.DT_VERSYM) {
			continue
		}
		if at, ok := o.file.DynValue(tag); ok {
			if why := o.mem.fault(at, at+1, elf.PF_R); why != "" {
				return loading{fatal: fmt.Sprintf("the loader reads %v: %s", tag, why)}
			}
		}
	}
	str, ok1 := o.file.DynValue(elf.DT_STRTAB)
	need, ok2 := o.file.DynValue(elf.DT_VERNEED)
	if glibc && ok1 && ok2 && o.mem.zero(str, str+1) && o.mem.zero(need, need+2) { // each name is "", which is the program's
		return loading{text: o.name + ": unsupported version 0 of Verneed record", verdict: DlopenError, cause: unknown("the file is damaged")}
	}
	if tag := o.blankTables(); tag != "" && o.doubt == "" {
		return loading{unsure: fmt.Sprintf("the loader reads %s, where there are only zeros: a section may have been removed from the file", tag)}
	}
	return loading{}
}

// unwritable says why the relocation of a word kills the process; "" when it does not.
func (o *object) unwritable(r goelf.Reloc) string {
	if o.mem == nil || o.textRel {
		return ""
	}
	if why := o.mem.fault(r.Off, r.Off+uint64(o.file.PtrSize()), elf.PF_W); why != "" {
		return "the loader relocates a word: " + why
	}
	return ""
}

// dynamicHeader is the PT_DYNAMIC that loaders use: the last.
func dynamicHeader(f *goelf.File) *goelf.Segment {
	var out *goelf.Segment
	for i := range f.Segments {
		if f.Segments[i].Type == elf.PT_DYNAMIC {
			out = &f.Segments[i]
		}
	}
	return out
}

// tiled reports whether the loaded segments are as linkers lay them: one after another in the file and in memory, nothing left out between them,
// all readable, only writable ones with zeros at their end, and one with code.
func tiled(f *goelf.File, mach *machine) bool {
	segs := loads(f)
	code := false
	for i, s := range segs {
		code = code || s.Flags&elf.PF_X != 0
		if (s.Vaddr-s.Off)%mach.pageSize != 0 || s.FileSz > s.MemSz || s.Flags&elf.PF_R == 0 || s.FileSz < s.MemSz && s.Flags&elf.PF_W == 0 {
			return false
		}
		gap := max(mach.pageSize, min(s.Aln, 2<<20))
		if i == 0 {
			if s.Off >= mach.pageSize {
				return false
			}
			continue
		}
		b := segs[i-1]
		if mach.down(s.Vaddr) < mach.up(b.Vaddr+b.MemSz) || s.Off < b.Off+b.FileSz || s.FileSz > 0 && s.Off-(b.Off+b.FileSz) > gap {
			return false
		}
	}
	return code
}

// sectioned reports whether each section that the linker wrote lies in memory where it belongs, with the access that it needs.
func sectioned(f *goelf.File, m *memory) bool {
	if len(f.Sections) == 0 {
		return false
	}
	for i := range f.Sections {
		s := &f.Sections[i]
		if s.Flags&elf.SHF_ALLOC == 0 || s.Size == 0 || s.Addr+s.Size < s.Addr || s.Type == elf.SHT_NOBITS && s.Flags&elf.SHF_TLS != 0 {
			continue
		}
		need := elf.ProgFlag(elf.PF_R)
		switch {
		case s.Flags&elf.SHF_EXECINSTR != 0:
			need = elf.PF_X
		case s.Flags&elf.SHF_WRITE != 0:
			need = elf.PF_W
		}
		if m.fault(s.Addr, s.Addr+s.Size, need) != "" {
			return false
		}
		if s.Type == elf.SHT_NOBITS && !m.zero(s.Addr, s.Addr+s.Size) || s.Type != elf.SHT_NOBITS && !m.holds(s.Addr, s.Addr+s.Size, s.Off) {
			return false
		}
	}
	return true
}

// seenAlike reports whether the program headers, read as they are, tell what lies in memory.
func seenAlike(f *goelf.File, m *memory, dyn *goelf.Segment) bool {
	if dyn != f.Segment(elf.PT_DYNAMIC) || !m.holds(dyn.Vaddr, dyn.Vaddr+dyn.FileSz, dyn.Off) || uint64(len(f.Dynamic)+1)*2*uint64(f.PtrSize()) > dyn.FileSz {
		return false
	}
	for _, s := range loads(f) {
		if s.FileSz > s.MemSz || !m.holds(s.Vaddr, s.Vaddr+s.FileSz, s.Off) || s.FileSz < s.MemSz && !m.zero(s.Vaddr+s.FileSz, s.Vaddr+s.MemSz) {
			return false
		}
	}
	return true
}

// inMemory gives a file other program headers: those that tell what lies in memory. It has no section headers, which loaders do not read.
func inMemory(f *goelf.File, m *memory, dyn *goelf.Segment, in Input) (*goelf.File, error) {
	var segs []goelf.Segment
	for _, r := range m.runs {
		if r.flags&readable == 0 || r.from == pastEnd {
			continue
		}
		n := r.hi - r.lo
		if k := len(segs) - 1; k >= 0 && segs[k].Vaddr+segs[k].MemSz == r.lo && segs[k].Flags == r.flags {
			b := &segs[k]
			if r.from == fromZero {
				b.MemSz += n
				continue
			}
			if b.FileSz == b.MemSz && b.Off+b.FileSz == r.off {
				b.FileSz, b.MemSz = b.FileSz+n, b.MemSz+n
				continue
			}
		}
		s := goelf.Segment{Type: elf.PT_LOAD, Flags: r.flags, Off: r.off, Vaddr: r.lo, MemSz: n}
		if r.from == fromFile {
			s.FileSz = n
		}
		segs = append(segs, s)
	}
	d := *dyn
	d.FileSz = 0
	if r := m.at(d.Vaddr); r != nil && r.from == fromFile {
		d.Off, d.FileSz = r.off+(d.Vaddr-r.lo), min(r.hi-d.Vaddr, 1<<20)
	}
	segs = append(segs, d)
	for _, s := range f.Segments {
		if s.Type != elf.PT_LOAD && s.Type != elf.PT_DYNAMIC {
			segs = append(segs, s)
		}
	}
	v := view{mapped: mapped{in.R, in.Size}, at: (in.Size + 0xffff) &^ 0xffff}
	headerSize, err := v.head(f, len(segs))
	if err != nil {
		return nil, err
	}
	for _, s := range segs {
		v.tail = appendHeader(v.tail, f, s)
	}
	if len(v.tail) != len(segs)*headerSize {
		return nil, fmt.Errorf("%d bytes of program headers", len(v.tail))
	}
	return goelf.Open(v, v.at+int64(len(v.tail)))
}

// view is a file with another beginning and another end.
type view struct {
	mapped
	begin, tail []byte
	at          int64 // where tail begins
}

func (v view) ReadAt(b []byte, off int64) (int, error) {
	end := v.at + int64(len(v.tail))
	if off >= end {
		return 0, io.EOF
	}
	var short error
	if off+int64(len(b)) > end {
		b, short = b[:end-off], io.EOF
	}
	if _, err := v.mapped.ReadAt(b, off); err != nil {
		return 0, err
	}
	if off < int64(len(v.begin)) {
		copy(b, v.begin[off:])
	}
	if last := off + int64(len(b)); last > v.at {
		from := max(off, v.at)
		copy(b[from-off:], v.tail[from-v.at:])
	}
	return len(b), short
}

// head makes the ELF header lead to n program headers behind the file and to no section headers.
func (v *view) head(f *goelf.File, n int) (size int, err error) {
	h := make([]byte, 52)
	if f.Class == elf.ELFCLASS64 {
		h = make([]byte, 64)
	}
	if _, err := v.mapped.ReadAt(h, 0); err != nil {
		return 0, fmt.Errorf("reading ELF header: %w", err)
	}
	if f.Class == elf.ELFCLASS64 {
		size = 56
		f.Order.PutUint64(h[32:], uint64(v.at))
		clear(h[40:48])
		clear(h[58:64])
		f.Order.PutUint16(h[54:], uint16(size))
		f.Order.PutUint16(h[56:], uint16(n))
	} else {
		size = 32
		f.Order.PutUint32(h[28:], uint32(v.at))
		clear(h[32:36])
		clear(h[46:52])
		f.Order.PutUint16(h[42:], uint16(size))
		f.Order.PutUint16(h[44:], uint16(n))
	}
	v.begin = h
	return size, nil
}

func appendHeader(b []byte, f *goelf.File, s goelf.Segment) []byte {
	order := f.Order
	words := []uint64{s.Off, s.Vaddr, s.Vaddr, s.FileSz, s.MemSz}
	b = order.AppendUint32(b, uint32(s.Type))
	if f.Class == elf.ELFCLASS64 {
		b = order.AppendUint32(b, uint32(s.Flags))
		for _, w := range append(words, s.Aln) {
			b = order.AppendUint64(b, w)
		}
		return b
	}
	for _, w := range words {
		b = order.AppendUint32(b, uint32(w))
	}
	return order.AppendUint32(order.AppendUint32(b, uint32(s.Flags)), uint32(s.Aln))
}

// hasTextRel reports whether the loader makes all of a file writable while it relocates it.
func hasTextRel(f *goelf.File, glibc bool) bool {
	flags, _ := f.DynValue(elf.DT_FLAGS)
	return slices.ContainsFunc(f.Dynamic, func(d goelf.Dyn) bool { return d.Tag == elf.DT_TEXTREL }) || glibc && flags&uint64(elf.DF_TEXTREL) != 0
}
