package abi

import (
	"debug/elf"
	"fmt"

	"github.com/plugproof/plugproof/verify/goelf"
)

// settle says what kills the process after a file was relocated: the protection of what was relocated, constructors, and the first steps of Go's runtime,
// which writes the module data and reads the line table.
func (o *object) settle(mach *machine) loading {
	if o.mem == nil {
		return loading{}
	}
	if why := o.relro(mach); why != "" {
		return loading{unsure: why}
	}
	fatal := func(what, why string) loading {
		return loading{fatal: what + ": " + why}
	}
	if at, ok := o.file.DynValue(elf.DT_INIT); ok {
		if why := o.mem.fault(at, at+1, elf.PF_X); why != "" {
			return fatal("the loader calls DT_INIT", why)
		}
		if _, _, held := o.file.Offset(at); o.doubt == "" && (!held || o.blank(at, 4)) { // beside the segment, in its page, what is there is nobody's
			return loading{unsure: "the loader calls DT_INIT, where there is no code of the file: a section may have been removed from the file"}
		}
	}
	if at, ok := o.file.DynValue(elf.DT_INIT_ARRAY); ok {
		if why := o.mem.fault(at, at+uint64(o.file.PtrSize()), elf.PF_R); why != "" {
			return fatal("the loader reads DT_INIT_ARRAY", why)
		}
	}
	mod, err := moduleOf(o)
	if err == nil && mod != nil {
		return o.running(mod)
	}
	if s, ok, err := o.file.LookupDyn("go:link.pkghashbytes.runtime", goelf.Symbol.Defined); err == nil && ok && o.doubt != "" { // a plugin, then
		if why := o.mem.fault(s.Value, s.Value+8, elf.PF_R); why != "" {
			return fatal("the runtime reads package fingerprints", why)
		}
		return loading{unsure: "the file is damaged: the list of its packages, which the runtime compares with the host's, cannot be read"}
	}
	return loading{}
}

// running looks at what Go's runtime uses of a plugin before any code of the plugin's packages runs.
func (o *object) running(mod *goelf.Module) loading {
	l, err := o.file.Layout()
	if err != nil {
		l = goelf.Layout{}
	}
	w := uint64(o.file.PtrSize())
	for _, part := range []struct {
		what   string
		lo, hi uint64
		need   elf.ProgFlag
		always bool // all of it, or each time
	}{
		{"its code runs", l.Text, l.EText, elf.PF_X, true},
		{"the runtime writes the module data", mod.Field, mod.Field + w, elf.PF_W, true},
		{"the runtime reads the line table", l.Pclntab, l.PclntabEnd, elf.PF_R, true},
		{"the runtime reads types", l.Types, l.Types + 1, elf.PF_R, true},
		{"its variables are written", l.Data, l.EData, elf.PF_W, false},
		{"its variables are written", l.BSS, l.EBSS, elf.PF_W, false},
	} {
		if part.lo == 0 || part.hi <= part.lo {
			continue
		}
		if why := o.mem.fault(part.lo, part.hi, part.need); why != "" {
			if why = part.what + ": " + why; part.always {
				return loading{fatal: why}
			}
			return loading{unsure: why}
		}
	}
	if l.Text < l.EText && o.mem.zero(l.Text, l.EText) {
		return loading{fatal: "its code is all zeros"}
	}
	if why := o.blankCode(mod, l); why != "" && o.doubt == "" {
		return loading{unsure: why + ": a section may have been removed from the file"}
	}
	return loading{}
}

// relro takes the right to write from PT_GNU_RELRO. The answer is why what happens cannot be told.
func (o *object) relro(mach *machine) string {
	var s *goelf.Segment
	for i := range o.file.Segments {
		if o.file.Segments[i].Type == elf.PT_GNU_RELRO {
			s = &o.file.Segments[i]
		}
	}
	if s == nil || s.MemSz == 0 {
		return ""
	}
	lo, hi := mach.down(s.Vaddr), mach.down(s.Vaddr+s.MemSz)
	if hi < lo || !o.mem.protect(lo, hi, elf.PF_R) {
		return fmt.Sprintf("PT_GNU_RELRO goes from address %#x to %#x, beyond the file's memory: what lies there loses its protection, too", lo, hi)
	}
	return ""
}

// storage is what musl's load_library does with PT_TLS: it makes room for each thread's copy at once.
func storage(f *goelf.File, m *memory, mach *machine) (refused string, l loading) {
	var s *goelf.Segment
	for i := range f.Segments {
		if f.Segments[i].Type == elf.PT_TLS {
			s = &f.Segments[i]
		}
	}
	switch {
	case s == nil || s.MemSz == 0:
	case s.MemSz+s.Aln < s.MemSz:
		l.unsure = "its headers are damaged: they ask for more thread-local storage than there is memory"
	case s.MemSz+s.Aln >= mach.addressSpace()/4:
		return "Out of memory", l
	case s.MemSz+s.Aln >= 64<<20:
		l.unsure = "its headers ask for 64 MiB of thread-local storage or more for each thread: whether the loader gets it depends on the machine"
	case s.FileSz > 0 && (s.Vaddr+s.FileSz < s.Vaddr || m.fault(s.Vaddr, s.Vaddr+s.FileSz, elf.PF_R) != ""):
		l.fatal = "the loader copies thread-local storage from where nothing is mapped (SIGSEGV)"
	case s.FileSz > s.MemSz:
		l.unsure = "its headers are damaged: they have more bytes to copy into thread-local storage than the storage has"
	}
	return "", l
}
