package abi

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"

	"github.com/plugproof/plugproof/verify/goelf"
)

// dtFilter is a tag of Sun's that debug/elf does not name and musl does not know.
const dtFilter = elf.DynTag(0x7fffffff)

func (g *glibcLoader) dlopen(p *process, in Input) (loading, error) {
	refuse := func(v Verdict, cause *Cause, format string, args ...any) (loading, error) {
		return loading{text: fmt.Sprintf(format, args...), verdict: v, cause: cause}, nil
	}
	if l := p.byID(in.ID); l != nil {
		return loading{obj: l}, nil
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
	dyn := dynamicHeader(o.file)
	switch {
	case glibcUnaligned(o.file, p.mach.pageSize):
		return refuse(DlopenError, unknown("the file is damaged"), "%s: %s", in.Real, glibcOffset)
	case o.file.Segment(elf.PT_LOAD) == nil:
		return refuse(NotAPlugin, nil, "%s: object file has no loadable segments", in.Real)
	case o.file.Type == elf.ET_EXEC:
		return refuse(NotAPlugin, nil, "%s: cannot dynamically load executable", in.Real)
	case dyn == nil, dyn.Vaddr == 0, slices.ContainsFunc(o.file.Segments, func(s goelf.Segment) bool { return s.Type == elf.PT_DYNAMIC && s.FileSz == 0 }):
		return refuse(NotAPlugin, nil, "%s: object file has no dynamic section", in.Real)
	}
	to := glibcMemory(o.file, in.Size, p.mach)
	if to.refused != "" {
		return refuse(DlopenError, unknown("the file is damaged"), "%s: %s", in.Real, to.refused)
	}
	if l, err := p.lay(o, in, to); err != nil || l.dead() || l.text != "" {
		return l, err
	}
	flags, _ := o.file.DynValue(elf.DT_FLAGS_1)
	switch {
	case flags&df1PIE != 0:
		return refuse(NotAPlugin, nil, "%s: cannot dynamically load position-independent executable", in.Real)
	case flags&uint64(elf.DF_1_NOOPEN) != 0:
		return refuse(DlopenError, nil, "%s: shared object cannot be dlopen()ed", in.Real)
	}
	before := len(p.loaded)
	scope := slices.Clone(p.global)
	p.loaded = append(p.loaded, o)
	p.add(o)
	room, placed := g.room, g.placed
	undo := func() { p.loaded, p.global, g.room, g.placed = p.loaded[:before], scope, room, placed }
	for i := before; i < len(p.loaded); i++ {
		obj := p.loaded[i]
		if obj.missing {
			continue
		}
		needed, err := obj.file.Needed()
		if err != nil {
			return loading{}, fmt.Errorf("reading what %q needs: %w", obj.path, err)
		}
		if n := obj.file.DynString(dtFilter); n != "" { // it must be there, too; DT_AUXILIARY need not
			needed = append(needed, n)
		}
		for _, n := range needed {
			dep, fresh, err := g.library(p, n, obj)
			if err != nil && p.opt.Root == nil {
				dep, fresh, err = &object{name: n, short: n, path: n, missing: true, runtime: true}, true, nil
			}
			if rel := relative(""); errors.As(err, &rel) {
				undo()
				return loading{unsure: rel.Error()}, nil
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
		text, fatal, unsure, err := g.relocate(p, p.loaded[i])
		if err != nil {
			return loading{}, err
		}
		switch {
		case unsure != "":
			undo()
			return loading{unsure: unsure}, nil
		case text != "" && fatal != "":
			undo()
			return loading{unsure: fatal + "; or, which depends on the order in which the loader meets the two, it says before that: " + text}, nil
		case fatal != "":
			undo()
			return loading{fatal: fatal}, nil
		case text != "":
			undo()
			return refuse(DlopenError, nil, "%s", text)
		}
	}
	if l := o.settle(p.mach); l.dead() {
		undo()
		return l, nil
	}
	if l := p.sanitized(o, p.loaded[before:]); l.dead() {
		undo()
		return l, nil
	}
	return loading{obj: o, fresh: true, brought: slices.Clone(p.loaded[before+1:])}, nil
}

// versions is _dl_check_map_versions.
func (g *glibcLoader) versions(p *process, o *object) string {
	if o.missing {
		return ""
	}
	if at, ok := o.file.DynValue(elf.DT_VERNEED); ok {
		if b, err := o.file.ReadAddr(at, 2); err == nil && o.file.Order.Uint16(b) != 1 {
			return fmt.Sprintf("%s: unsupported version %d of Verneed record", o.name, o.file.Order.Uint16(b))
		}
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

// relocate finds the first strong symbol that nothing in the scope defines, or the first thread-local one for which there is no room. glibc
// applies DT_RELA or DT_REL first, then DT_JMPREL.
func (g *glibcLoader) relocate(p *process, o *object) (text, fatal, unsure string, err error) {
	if o.missing {
		return "", "", "", nil
	}
	first, plt := "", ""
	seen := map[uint32]bool{}
	for r, err := range o.file.Relocs() {
		if err != nil {
			return "", "", "", fmt.Errorf("reading %q: %w", o.path, err)
		}
		if r.Type != 0 && fatal == "" {
			fatal = o.unwritable(r)
		}
		if first == "" && unsure == "" {
			if first, unsure, err = g.place(p, o, r); err != nil {
				return "", "", "", err
			}
		}
		if r.Sym == 0 || seen[r.Sym] {
			continue
		}
		s, err := o.file.DynSymbolEntry(r.Sym)
		if err != nil {
			return "", "", "", fmt.Errorf("reading %q: %w", o.path, err)
		}
		if seen[r.Sym] = true; s.Defined() || s.Bind() == elf.STB_WEAK {
			continue
		}
		if s, err = o.file.DynSymbol(r.Sym); err != nil {
			return "", "", "", fmt.Errorf("reading %q: %w", o.path, err)
		}
		d, _, known, err := p.find(p.global, s.Name, goelf.Symbol.Defined)
		if err != nil {
			return "", "", "", err
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
		return first, fatal, unsure, nil
	}
	return plt, fatal, unsure, nil
}

// place gives thread-local storage a place when a relocation asks for one.
func (g *glibcLoader) place(p *process, o *object, r goelf.Reloc) (text, unsure string, err error) {
	owner, must, err := g.tlsOf(p, o, r)
	if owner == nil || err != nil {
		return "", "", err
	}
	if must {
		var refused bool
		if refused, unsure = g.room.take(owner.block()); refused {
			return owner.name + ": cannot allocate memory in static TLS block", "", nil
		}
	} else {
		g.room.mayTake(owner.block())
	}
	g.placed = append(g.placed[:len(g.placed):len(g.placed)], owner)
	return "", unsure, nil
}
