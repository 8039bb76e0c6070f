package abi

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// muslLoader is musl's ldso/dynlink.c, versions 1.1.24 to 1.2.5.
type muslLoader struct{ self *object }

// muslReserved are the libraries that musl takes as itself without looking at the disk: "lib" and one of these.
var muslReserved = []string{"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."}

func (m *muslLoader) start(p *process) error {
	interp := p.host.file.Interp()
	m.self = &object{name: interp, path: interp, libc: true, missing: true}
	if p.opt.Root == nil {
		p.limit("no root file system: needed libraries and C symbols were not looked up")
	} else if o, err := p.library(interp); err != nil {
		p.limit("%s: the host's loader cannot be read in the root file system: %v", interp, err)
	} else {
		o.libc, m.self = true, o
	}
	p.global = []*object{p.host}
	p.loaded = append(p.loaded, m.self)
	for i := 0; i < len(p.global); i++ {
		o := p.global[i]
		if o.missing || o.libc {
			continue
		}
		needed, err := o.file.Needed()
		if err != nil {
			return fmt.Errorf("reading what %q needs: %w", o.path, err)
		}
		for _, n := range needed {
			dep, fresh, err := m.library(p, n, o)
			if err != nil {
				if p.opt.Root != nil {
					p.limit("%s needs %s, which is not in the root file system: the host will not start there", o.path, n)
				}
				dep = &object{name: n, short: n, path: n, missing: true}
			}
			if fresh || dep.missing && !dep.libc {
				p.loaded = append(p.loaded, dep)
			}
			p.add(dep)
		}
	}
	p.add(m.self)
	return nil
}

// library is load_library for a DT_NEEDED name. The error's text is that of errno.
func (m *muslLoader) library(p *process, name string, by *object) (o *object, fresh bool, err error) {
	if rest, ok := strings.CutPrefix(name, "lib"); ok {
		for _, r := range muslReserved {
			if strings.HasPrefix(rest, r) {
				return m.self, false, nil
			}
		}
	}
	if name == m.self.name {
		return m.self, false, nil
	}
	var found string
	if strings.Contains(name, "/") {
		found = name
	} else {
		for _, l := range p.loaded {
			if l.short == name {
				return l, false, nil
			}
		}
		if found = m.search(p, name, by); found == "" {
			return nil, false, errors.New(errnoText(fs.ErrNotExist))
		}
	}
	for _, l := range p.loaded {
		if l.name == found {
			return l, false, nil
		}
	}
	if p.opt.Root == nil {
		return nil, false, errors.New(errnoText(fs.ErrNotExist))
	}
	r, size, c, err := openRoot(p.opt.Root, found)
	if err != nil {
		return nil, false, errors.New(errnoText(err))
	}
	p.open = append(p.open, c)
	if why := muslMap(r, size, p.mach); why != "" {
		return nil, false, errors.New(why)
	}
	if o, err = newObject(found, found, r, size); err != nil {
		return nil, false, errors.New(muslNoExec)
	}
	o.id, o.neededBy = "root:"+found, by
	if !strings.Contains(name, "/") {
		o.short = name
	}
	if o.defines("__libc_start_main") && o.defines("stdin") { // a second C library
		return m.library(p, "libc.so", by)
	}
	return o, true, nil
}

func (o *object) defines(name string) bool {
	_, ok, err := o.file.LookupDyn(name, goelf.Symbol.Defined)
	return err == nil && ok
}

// search is the order of load_library: LD_LIBRARY_PATH, the run paths of the object and of those that needed it, then the system's list.
func (m *muslLoader) search(p *process, name string, by *object) string {
	if p.opt.Root == nil {
		return ""
	}
	dirs := slices.Clone(p.opt.LibraryPath)
	for o := by; o != nil; o = o.neededBy {
		if o.file == nil {
			continue
		}
		list := o.file.DynString(elf.DT_RUNPATH)
		if list == "" {
			list = o.file.DynString(elf.DT_RPATH)
		}
		dirs = append(dirs, origin(o, list)...)
	}
	dirs = append(dirs, m.systemPath(p)...)
	for _, d := range dirs {
		if d == "" {
			continue
		}
		if r, _, c, err := openRoot(p.opt.Root, d+"/"+name); err == nil && r != nil {
			c.Close()
			return d + "/" + name
		}
	}
	return ""
}

func (m *muslLoader) systemPath(p *process) []string {
	arch := p.mach.muslName
	base := m.self.name[strings.LastIndexByte(m.self.name, '/')+1:]
	if a, ok := strings.CutPrefix(base, "ld-musl-"); ok {
		arch, _, _ = strings.Cut(a, ".so")
	}
	r, size, c, err := openRoot(p.opt.Root, "/etc/ld-musl-"+arch+".path")
	if err != nil {
		return []string{"/lib", "/usr/local/lib", "/usr/lib"}
	}
	defer c.Close()
	b := make([]byte, min(size, 64<<10))
	n, _ := io.ReadFull(io.NewSectionReader(r, 0, size), b)
	return strings.FieldsFunc(string(b[:n]), func(r rune) bool { return r == ':' || r == '\n' })
}

// musl's texts of errno (src/errno/__strerror.h).
const (
	muslNoExec = "Exec format error"
	muslBusy   = "Resource busy"
)

// muslMap is map_library's look at the headers. It reads them with the host's word size and checks neither magic number nor machine.
func muslMap(r io.ReaderAt, size int64, mach *machine) string {
	n, phent := 52, 32
	if mach.class == elf.ELFCLASS64 {
		n, phent = 64, 56
	}
	h := make([]byte, n)
	if size < int64(n) {
		return muslNoExec
	}
	if _, err := r.ReadAt(h, 0); err != nil {
		return muslNoExec
	}
	le := binary.LittleEndian
	if t := elf.Type(le.Uint16(h[16:])); t != elf.ET_DYN && t != elf.ET_EXEC {
		return muslNoExec
	}
	var phoff uint64
	var ent, num uint64
	if mach.class == elf.ELFCLASS64 {
		phoff, ent, num = le.Uint64(h[32:]), uint64(le.Uint16(h[54:])), uint64(le.Uint16(h[56:]))
	} else {
		phoff, ent, num = uint64(le.Uint32(h[28:])), uint64(le.Uint16(h[42:])), uint64(le.Uint16(h[44:]))
	}
	if phoff > uint64(size) || ent*num > uint64(size)-phoff {
		return muslNoExec
	}
	b := make([]byte, ent*num)
	if _, err := r.ReadAt(b, int64(phoff)); err != nil && err != io.EOF {
		return muslNoExec
	}
	for i := uint64(0); i < num && ent >= 4; i++ {
		if i*ent+uint64(phent) <= uint64(len(b)) && elf.ProgType(le.Uint32(b[i*ent:])) == elf.PT_DYNAMIC {
			return ""
		}
	}
	return muslNoExec
}

func (m *muslLoader) dlopen(p *process, in Input) (loading, error) {
	refuse := func(v Verdict, format string, args ...any) (loading, error) {
		return loading{text: fmt.Sprintf(format, args...), verdict: v}, nil
	}
	for _, l := range p.loaded {
		if l.id == in.ID {
			return loading{obj: l}, nil
		}
	}
	if in.R == nil {
		return refuse(DlopenError, "Error loading shared library %s: %s", in.Real, errnoText(in.Err))
	}
	if why := muslMap(in.R, in.Size, p.mach); why != "" {
		v, cause := classify(in, p)
		l, err := refuse(v, "Error loading shared library %s: %s", in.Real, why)
		l.cause = cause
		return l, err
	}
	var err error
	if in.R, err = asOwn(in.R, p.mach); err != nil {
		return loading{}, err
	}
	o, early, err := openPlugin(p, in)
	if err != nil || early.fatal != "" {
		return early, err
	}
	if o.file.Type == elf.ET_EXEC && occupied(p.host.file, o.file) {
		return refuse(NotAPlugin, "Error loading shared library %s: %s", in.Real, muslBusy)
	}
	before := len(p.loaded)
	scope := slices.Clone(p.global)
	p.loaded = append(p.loaded, o)
	p.add(o)
	undo := func() { p.loaded, p.global = p.loaded[:before], scope }
	for i := before; i < len(p.loaded); i++ {
		obj := p.loaded[i]
		needed, err := obj.file.Needed()
		if err != nil {
			return loading{}, fmt.Errorf("reading what %q needs: %w", obj.path, err)
		}
		for _, n := range needed {
			dep, fresh, err := m.library(p, n, obj)
			if err != nil && p.opt.Root == nil {
				dep, err = &object{name: n, path: n, missing: true, runtime: true}, nil
			}
			if err != nil {
				undo()
				l, err := refuse(DlopenError, "Error loading shared library %s: %v (needed by %s)", n, err, obj.name)
				l.cause = libcCause(p, o, n, 0)
				return l, err
			}
			if fresh {
				dep.runtime = true
				p.loaded = append(p.loaded, dep)
			}
			p.add(dep)
		}
	}
	for _, obj := range p.loaded[before:] {
		text, sym, err := m.relocate(p, obj)
		if err != nil {
			return loading{}, err
		}
		if text != "" {
			undo()
			l, err := refuse(DlopenError, "%s", text)
			l.cause = libcCause(p, obj, "", sym)
			return l, err
		}
	}
	return loading{obj: o, fresh: true}, nil
}

// occupied reports whether two programs with fixed addresses collide.
func occupied(a, b *goelf.File) bool {
	if a.Type != elf.ET_EXEC {
		return false
	}
	for _, s := range a.Segments {
		for _, t := range b.Segments {
			if s.Type == elf.PT_LOAD && t.Type == elf.PT_LOAD && s.Vaddr < t.Vaddr+t.MemSz && t.Vaddr < s.Vaddr+s.MemSz {
				return true
			}
		}
	}
	return false
}

// relocate is do_relocs: the first symbol that cannot be found, or a thread-local one that a late library defines for the initial-exec model.
// sym is the index of that symbol, 0 when it is not for want of a symbol.
func (m *muslLoader) relocate(p *process, o *object) (text string, sym uint32, err error) {
	f := o.file
	found := map[uint32]bool{}
	last := uint32(0) // the last symbol named so far: what musl's message calls a relocation without one
	for r, err := range f.Relocs() {
		if err != nil {
			return "", 0, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if r.Type == 0 {
			continue
		}
		tls := slices.Contains(p.mach.tpoff, r.Type)
		def := o
		if r.Sym != 0 {
			last = r.Sym
			if !tls && found[r.Sym] {
				continue
			}
			s, err := f.DynSymbolEntry(r.Sym)
			if err != nil {
				return "", 0, fmt.Errorf("reading %q: %w", o.path, err)
			}
			if s.Defined() && !tls || s.Bind() == elf.STB_LOCAL {
				found[r.Sym] = true
				continue
			}
			if s, err = f.DynSymbol(r.Sym); err != nil {
				return "", 0, fmt.Errorf("reading %q: %w", o.path, err)
			}
			d, known, err := m.find(p, s.Name, r.Type == p.mach.jumpSlot)
			if err != nil {
				return "", 0, err
			}
			if d == nil && known && (s.Defined() || s.Bind() != elf.STB_WEAK) {
				return fmt.Sprintf("Error relocating %s: %s: symbol not found", o.name, s.Name), r.Sym, nil
			}
			found[r.Sym] = true
			def = d
		}
		if tls && def != nil && def.runtime && def.file.Segment(elf.PT_TLS) != nil {
			name := ""
			if s, err := f.DynSymbol(last); err == nil {
				name = s.Name
			}
			return fmt.Sprintf("Error relocating %s: %s: initial-exec TLS resolves to dynamic definition in %s", o.name, name, def.name), 0, nil
		}
		if !slices.Contains(p.mach.relocTypes, r.Type) {
			return fmt.Sprintf("Error relocating %s: unsupported relocation type %d", o.name, r.Type), 0, nil
		}
	}
	return "", 0, nil
}

// find is find_sym with its conditions; names like fopen64 are found as fopen by libraries (1.2.4 and later) that do not export them.
func (m *muslLoader) find(p *process, name string, needDef bool) (*object, bool, error) {
	accept := func(s goelf.Symbol) bool {
		if !s.Defined() && (needDef || s.Type() == elf.STT_TLS) || s.Value == 0 && s.Type() != elf.STT_TLS {
			return false
		}
		switch s.Type() {
		case elf.STT_NOTYPE, elf.STT_OBJECT, elf.STT_FUNC, elf.STT_COMMON, elf.STT_TLS:
		default:
			return false
		}
		return s.Bind() == elf.STB_GLOBAL || s.Bind() == elf.STB_WEAK || s.Bind() == 10 // STB_GNU_UNIQUE
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
