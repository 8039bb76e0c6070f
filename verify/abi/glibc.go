package abi

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// glibcLoader is glibc's elf/dl-load.c and dl-open.c, seen with 2.36.
type glibcLoader struct{ dirs []string }

// df1PIE marks a position-independent executable (glibc elf/elf.h).
const df1PIE = 0x08000000

func (g *glibcLoader) start(p *process) error {
	g.dirs = p.mach.glibcDirs
	if p.opt.Root == nil {
		p.limit("no root file system: needed libraries and C symbols were not looked up")
	} else {
		g.dirs = append(g.configured(p, "/etc/ld.so.conf", 0), g.dirs...)
	}
	p.global = []*object{p.host}
	for i := 0; i < len(p.global); i++ {
		o := p.global[i]
		if o.missing {
			continue
		}
		needed, err := o.file.Needed()
		if err != nil {
			return fmt.Errorf("reading what %q needs: %w", o.path, err)
		}
		for _, n := range needed {
			dep, fresh, err := g.library(p, n, o)
			if err != nil {
				if p.opt.Root != nil {
					p.limit("%s needs %s, which is not in the root file system: the host will not start there", o.path, n)
				}
				dep, fresh = &object{name: n, short: n, path: n, missing: true}, true
			}
			if fresh {
				p.loaded = append(p.loaded, dep)
			}
			p.add(dep)
		}
	}
	return nil
}

// configured reads the directories of ld.so.conf and of the files that it includes: what ldconfig puts into the cache.
func (g *glibcLoader) configured(p *process, name string, depth int) []string {
	r, size, c, err := openRoot(p.opt.Root, name)
	if err != nil || depth > 8 {
		return nil
	}
	defer c.Close()
	b := make([]byte, min(size, 64<<10))
	n, _ := io.ReadFull(io.NewSectionReader(r, 0, size), b)
	var out []string
	for line := range strings.Lines(string(b[:n])) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if pattern, ok := strings.CutPrefix(line, "include "); ok {
			pattern = strings.TrimSpace(pattern)
			if !path.IsAbs(pattern) {
				pattern = path.Join("/etc", pattern)
			}
			files, _ := fs.Glob(p.opt.Root, strings.TrimPrefix(pattern, "/"))
			for _, f := range files {
				out = append(out, g.configured(p, "/"+f, depth+1)...)
			}
		} else if path.IsAbs(line) {
			out = append(out, line)
		}
	}
	return out
}

// library is _dl_map_object for a DT_NEEDED name. The error's text is the whole of dlerror's.
func (g *glibcLoader) library(p *process, name string, by *object) (*object, bool, error) {
	for _, l := range p.loaded {
		if l.short == name || l.name == name || l.file != nil && l.file.DynString(elf.DT_SONAME) == name {
			return l, false, nil
		}
	}
	if p.opt.Root == nil {
		return nil, false, errors.New("no root file system")
	}
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, d := range g.search(p, by) {
			if d != "" {
				candidates = append(candidates, d+"/"+name)
			}
		}
	}
	otherClass := ""
	for _, c := range candidates {
		r, size, cl, err := openRoot(p.opt.Root, c)
		if err != nil {
			continue
		}
		p.open = append(p.open, cl)
		why, skip := glibcVerify(r, size, p.mach)
		if skip {
			if strings.HasPrefix(why, "wrong ELF class") {
				otherClass = why
			}
			continue
		}
		if why != "" {
			return nil, false, fmt.Errorf("%s: %s", c, why)
		}
		for _, l := range p.loaded {
			if l.name == c {
				return l, false, nil
			}
		}
		o, err := newObject(c, c, r, size)
		if err != nil {
			return nil, false, fmt.Errorf("%s: cannot read file data", c)
		}
		o.id, o.short, o.neededBy = "root:"+c, name, by
		return o, true, nil
	}
	if otherClass != "" {
		return nil, false, fmt.Errorf("%s: %s", name, otherClass)
	}
	return nil, false, fmt.Errorf("%s: cannot open shared object file: No such file or directory", name)
}

func (g *glibcLoader) search(p *process, by *object) []string {
	var dirs []string
	run := by.file.DynString(elf.DT_RUNPATH)
	if run == "" {
		for o := by; o != nil; o = o.neededBy {
			if o.file != nil {
				dirs = append(dirs, origin(o, o.file.DynString(elf.DT_RPATH))...)
			}
		}
		if by != p.host {
			dirs = append(dirs, origin(p.host, p.host.file.DynString(elf.DT_RPATH))...)
		}
	}
	dirs = append(dirs, p.opt.LibraryPath...)
	dirs = append(dirs, origin(by, run)...)
	return append(dirs, g.dirs...)
}

// glibcVerify is open_verify: what is wrong with the headers. skip says that a search goes on with the next directory, and that a file given by its path "cannot be opened".
func glibcVerify(r io.ReaderAt, size int64, mach *machine) (why string, skip bool) {
	n, phent := 52, 32
	if mach.class == elf.ELFCLASS64 {
		n, phent = 64, 56
	}
	if size < int64(n) {
		return "file too short", false
	}
	h := make([]byte, n)
	if _, err := r.ReadAt(h, 0); err != nil {
		return "cannot read file data", false
	}
	le := binary.LittleEndian
	switch {
	case string(h[:4]) != elf.ELFMAG:
		return "invalid ELF header", false
	case elf.Class(h[elf.EI_CLASS]) != mach.class:
		if mach.class == elf.ELFCLASS64 {
			return "wrong ELF class: ELFCLASS32", true
		}
		return "wrong ELF class: ELFCLASS64", true
	case elf.Data(h[elf.EI_DATA]) != elf.ELFDATA2LSB:
		return "ELF file data encoding not little-endian", false
	case h[elf.EI_VERSION] != byte(elf.EV_CURRENT):
		return "ELF file version ident does not match current one", false
	case h[elf.EI_OSABI] != byte(elf.ELFOSABI_NONE) && h[elf.EI_OSABI] != byte(elf.ELFOSABI_LINUX):
		return "ELF file OS ABI invalid", false
	case le.Uint32(h[20:]) != uint32(elf.EV_CURRENT):
		return "ELF file version does not match current one", false
	case elf.Machine(le.Uint16(h[18:])) != mach.elf:
		return "cannot open shared object file: No such file or directory", true
	case elf.Type(le.Uint16(h[16:])) != elf.ET_DYN && elf.Type(le.Uint16(h[16:])) != elf.ET_EXEC:
		return "only ET_DYN and ET_EXEC can be loaded", false
	}
	var phoff, ent, num uint64
	if mach.class == elf.ELFCLASS64 {
		phoff, ent, num = le.Uint64(h[32:]), uint64(le.Uint16(h[54:])), uint64(le.Uint16(h[56:]))
	} else {
		phoff, ent, num = uint64(le.Uint32(h[28:])), uint64(le.Uint16(h[42:])), uint64(le.Uint16(h[44:]))
	}
	if ent != uint64(phent) {
		return "ELF file's phentsize not the expected size", false
	}
	if phoff > uint64(size) || ent*num > uint64(size)-phoff {
		return "cannot read file data", false
	}
	return "", false
}

func (g *glibcLoader) dlopen(p *process, in Input) (loading, error) {
	refuse := func(v Verdict, cause *Cause, format string, args ...any) (loading, error) {
		return loading{text: fmt.Sprintf(format, args...), verdict: v, cause: cause}, nil
	}
	for _, l := range p.loaded {
		if l.id == in.ID {
			return loading{obj: l}, nil
		}
	}
	if in.R == nil {
		if errnoText(in.Err) == "Is a directory" {
			return refuse(DlopenError, nil, "%s: cannot read file data: Is a directory", in.Real)
		}
		return refuse(DlopenError, nil, "%s: cannot open shared object file: %s", in.Real, errnoText(in.Err))
	}
	if why, _ := glibcVerify(in.R, in.Size, p.mach); why != "" {
		v, cause := classify(in, p)
		return refuse(v, cause, "%s: %s", in.Real, why)
	}
	o, early, err := openPlugin(p, in)
	if err != nil || early.fatal != "" {
		return early, err
	}
	flags, _ := o.file.DynValue(elf.DT_FLAGS_1)
	switch {
	case o.file.Segment(elf.PT_LOAD) == nil:
		return refuse(NotAPlugin, nil, "%s: object file has no loadable segments", in.Real)
	case o.file.Type == elf.ET_EXEC:
		return refuse(NotAPlugin, nil, "%s: cannot dynamically load executable", in.Real)
	case o.file.Segment(elf.PT_DYNAMIC) == nil:
		return refuse(NotAPlugin, nil, "%s: object file has no dynamic section", in.Real)
	case flags&df1PIE != 0:
		return refuse(NotAPlugin, nil, "%s: cannot dynamically load position-independent executable", in.Real)
	case flags&uint64(elf.DF_1_NOOPEN) != 0:
		return refuse(DlopenError, nil, "%s: shared object cannot be dlopen()ed", in.Real)
	}
	before := len(p.loaded)
	scope := slices.Clone(p.global)
	p.loaded = append(p.loaded, o)
	p.add(o)
	undo := func() { p.loaded, p.global = p.loaded[:before], scope }
	for i := before; i < len(p.loaded); i++ {
		obj := p.loaded[i]
		if obj.missing {
			continue
		}
		needed, err := obj.file.Needed()
		if err != nil {
			return loading{}, fmt.Errorf("reading what %q needs: %w", obj.path, err)
		}
		for _, n := range needed {
			dep, fresh, err := g.library(p, n, obj)
			if err != nil && p.opt.Root == nil {
				dep, fresh, err = &object{name: n, short: n, path: n, missing: true, runtime: true}, true, nil
			}
			if err != nil {
				undo()
				return refuse(DlopenError, libcCause(p, o, n, 0), "%v", err)
			}
			if fresh {
				dep.runtime = true
				p.loaded = append(p.loaded, dep)
			}
			p.add(dep)
		}
	}
	for _, obj := range p.loaded[before:] {
		if text := g.versions(p, obj); text != "" {
			undo()
			return refuse(DlopenError, &Cause{"libc", text}, "%s", text)
		}
	}
	for i := len(p.loaded) - 1; i >= before; i-- { // dependencies are relocated first
		text, err := g.relocate(p, p.loaded[i])
		if err != nil {
			return loading{}, err
		}
		if text != "" {
			undo()
			return refuse(DlopenError, nil, "%s", text)
		}
	}
	return loading{obj: o, fresh: true}, nil
}

// versions is _dl_check_map_versions.
func (g *glibcLoader) versions(p *process, o *object) string {
	if o.missing {
		return ""
	}
	needs, err := o.file.VersionNeeds()
	if err != nil {
		return ""
	}
	for _, n := range needs {
		for _, l := range p.loaded {
			if l.missing || l.short != n.File && l.file.DynString(elf.DT_SONAME) != n.File {
				continue
			}
			defs, err := l.file.VersionDefs()
			if err == nil && len(defs) > 0 && !n.Weak && !slices.Contains(defs, n.Version) {
				return fmt.Sprintf("%s: version `%s' not found (required by %s)", l.name, n.Version, o.name)
			}
			break
		}
	}
	return ""
}

// relocate finds the first strong symbol that nothing in the scope defines. glibc applies DT_RELA or DT_REL first, then DT_JMPREL.
func (g *glibcLoader) relocate(p *process, o *object) (string, error) {
	if o.missing {
		return "", nil
	}
	first, plt := "", ""
	seen := map[uint32]bool{}
	for r, err := range o.file.Relocs() {
		if err != nil {
			return "", fmt.Errorf("reading %q: %w", o.path, err)
		}
		if r.Sym == 0 || seen[r.Sym] {
			continue
		}
		s, err := o.file.DynSymbolEntry(r.Sym)
		if err != nil {
			return "", fmt.Errorf("reading %q: %w", o.path, err)
		}
		if seen[r.Sym] = true; s.Defined() || s.Bind() == elf.STB_WEAK {
			continue
		}
		if s, err = o.file.DynSymbol(r.Sym); err != nil {
			return "", fmt.Errorf("reading %q: %w", o.path, err)
		}
		d, _, known, err := p.find(p.global, s.Name, goelf.Symbol.Defined)
		if err != nil {
			return "", err
		}
		if d != nil || !known {
			continue
		}
		text := fmt.Sprintf("%s: undefined symbol: %s", o.name, s.Name)
		if v, err := o.file.SymbolVersion(r.Sym); err == nil && v != "" {
			text += ", version " + v
		}
		if r.Table == goelf.JmpRel && plt == "" {
			plt = text
		} else if r.Table != goelf.JmpRel && first == "" {
			first = text
		}
	}
	if first != "" {
		return first, nil
	}
	return plt, nil
}
