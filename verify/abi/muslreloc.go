package abi

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// relocate is do_relocs: it fails at the first symbol that cannot be found, or at a thread-local one that a library which came late defines for
// the initial-exec model. For the latter musl prints a variable that holds the name of the symbol before; when there was none, it crashes.
func (m *muslLoader) relocate(p *process, o *object) (loading, error) {
	f := o.file
	fail := func(cause *Cause, format string, args ...any) (loading, error) {
		return loading{text: "Error relocating " + o.name + ": " + fmt.Sprintf(format, args...), verdict: DlopenError, cause: cause}, nil
	}
	found := map[uint32]bool{}
	relocs, known := p.opt.files.relocsOf(f)
	var asked []goelf.Reloc // of which another process may think otherwise
	for r, err := range relocs {
		if err != nil {
			return loading{}, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if r.Type == 0 {
			continue
		}
		if !known {
			if why := o.unwritable(r); why != "" {
				return loading{fatal: why}, nil
			}
		}
		tls := slices.Contains(p.mach.tpoff, r.Type)
		def := o
		if r.Sym != 0 {
			if !tls && found[r.Sym] {
				continue
			}
			if def, err = m.resolve(p, o, r, tls); err != nil {
				return loading{}, err
			}
			if def == nil {
				return fail(libcCause(p, o, "", r.Sym), "%s: symbol not found", m.symbolName(f, r.Sym))
			}
			found[r.Sym] = true
		}
		if tls || def != o {
			asked = append(asked, r)
		}
		if tls && def.runtime && def.file != nil && def.file.Segment(elf.PT_TLS) != nil {
			last := m.lastName(f, r)
			if last == "" {
				return loading{fatal: "it uses initial-exec thread-local storage of its own, and musl's loader crashes when it says so"}, nil
			}
			return fail(unknown("it uses initial-exec thread-local storage of its own, which musl cannot give to a library that is opened late"),
				"%s: initial-exec TLS resolves to dynamic definition in %s", last, def.name)
		}
		if !slices.Contains(p.mach.relocTypes, r.Type) {
			return fail(nil, "unsupported relocation type %d", r.Type)
		}
	}
	if !known {
		p.opt.files.putRelocs(o.id, f, asked)
	}
	return loading{}, nil
}

// resolve finds the object that defines a relocation's symbol; nil if there is none and it is needed. Names that may be in a library which
// could not be read, and weak ones without a definition, count as the object's own.
func (m *muslLoader) resolve(p *process, o *object, r goelf.Reloc, tls bool) (*object, error) {
	s, err := o.file.DynSymbolEntry(r.Sym)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", o.path, err)
	}
	if s.Bind() == elf.STB_LOCAL || s.Defined() && !tls && s.Value != 0 && muslTakes(s) {
		return o, nil
	}
	if s, err = o.file.DynSymbol(r.Sym); err != nil {
		return nil, fmt.Errorf("reading %q: %w", o.path, err)
	}
	d, known, err := m.find(p, s.Name, r.Type == p.mach.jumpSlot)
	if err != nil || d != nil {
		return d, err
	}
	if known && (s.Defined() || s.Bind() != elf.STB_WEAK) {
		return nil, nil
	}
	return &object{name: o.name, path: o.path}, nil
}

func (m *muslLoader) symbolName(f *goelf.File, i uint32) string {
	s, err := f.DynSymbol(i)
	if err != nil {
		return ""
	}
	return s.Name
}

// lastName is the name of the last relocation that has a symbol, up to a given one.
func (m *muslLoader) lastName(f *goelf.File, upTo goelf.Reloc) string {
	last := uint32(0)
	for r, err := range f.Relocs() {
		if err != nil {
			break
		}
		if r.Type != 0 && r.Sym != 0 {
			last = r.Sym
		}
		if r == upTo {
			break
		}
	}
	if last == 0 {
		return ""
	}
	return m.symbolName(f, last)
}

// muslTakes reports whether find_sym takes a symbol of this type and binding: none that a function chooses when it is loaded (STT_GNU_IFUNC).
func muslTakes(s goelf.Symbol) bool {
	switch s.Type() {
	case elf.STT_NOTYPE, elf.STT_OBJECT, elf.STT_FUNC, elf.STT_COMMON, elf.STT_TLS:
		return s.Bind() == elf.STB_GLOBAL || s.Bind() == elf.STB_WEAK || s.Bind() == 10 // STB_GNU_UNIQUE
	}
	return false
}

// find is find_sym with its conditions; names like fopen64 are found as fopen by libraries (1.2.4 and later) that do not export them.
func (m *muslLoader) find(p *process, name string, needDef bool) (*object, bool, error) {
	accept := func(s goelf.Symbol) bool {
		if !s.Defined() && (needDef || s.Type() == elf.STT_TLS) || s.Value == 0 && s.Type() != elf.STT_TLS {
			return false
		}
		return muslTakes(s)
	}
	o, _, known, err := p.find(p.global, name, accept)
	if err != nil || o != nil || !known {
		return o, known, err
	}
	if short, ok := strings.CutSuffix(name, "64"); ok && !m.self.missing {
		if _, old, err := m.self.file.LookupDyn("fopen64", nil); err == nil && !old {
			if _, ok, err := m.self.file.LookupDyn(short, accept); err == nil && ok {
				return m.self, true, nil
			}
		}
	}
	return nil, known, nil
}
