package abi

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/plugproof/plugproof/verify/goelf"
)

// musl's texts of errno (src/errno/__strerror.h).
const (
	muslNoExec   = "Exec format error"
	muslBusy     = "Resource busy"
	muslTooLarge = "Value too large for data type"
)

// muslMap is map_library's look at the headers. It reads them with the host's word size and checks neither magic number nor machine.
func (p *process) muslMap(path string, r io.ReaderAt, size int64) string {
	mach := p.mach
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
		if ent*num > 1<<20 {
			p.limit("%s: musl wants %d bytes of memory to read its headers: where there is less, its error ends in \"Out of memory\"", path, ent*num)
		}
		return muslNoExec
	}
	b := make([]byte, ent*num)
	if _, err := r.ReadAt(b, int64(phoff)); err != nil && err != io.EOF {
		return muslNoExec
	}
	dyn := uint64(0)
	for i := uint64(0); i < num && ent >= 4; i++ {
		if i*ent+uint64(phent) > uint64(len(b)) || elf.ProgType(le.Uint32(b[i*ent:])) != elf.PT_DYNAMIC {
			continue
		}
		if dyn = uint64(le.Uint32(b[i*ent+8:])); mach.class == elf.ELFCLASS64 {
			dyn = le.Uint64(b[i*ent+16:])
		}
	}
	if dyn == 0 {
		return muslNoExec
	}
	return ""
}

func (m *muslLoader) dlopen(p *process, in Input) (loading, error) {
	refuse := func(v Verdict, format string, args ...any) (loading, error) {
		return loading{text: fmt.Sprintf(format, args...), verdict: v}, nil
	}
	if l := p.byID(in.ID); l != nil {
		return loading{obj: l}, nil
	}
	if in.R == nil {
		return refuse(DlopenError, "Error loading shared library %s: %s", in.Real, errnoText(in.Err))
	}
	if why := p.muslMap(in.Path, in.R, in.Size); why != "" {
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
	to := muslMemory(o.file, in.Size, p.mach)
	if to.refused != "" {
		return refuse(DlopenError, "Error loading shared library %s: %s", in.Real, to.refused)
	}
	if o.file.Type == elf.ET_EXEC && occupied(p.host.file, o.file) {
		return refuse(NotAPlugin, "Error loading shared library %s: %s", in.Real, muslBusy)
	}
	if l, err := p.lay(o, in, to); err != nil || l.dead() {
		return l, err
	}
	if text, l := storage(o.file, o.mem, p.mach); text != "" {
		return refuse(DlopenError, "Error loading shared library %s: %s", in.Real, text)
	} else if l.dead() {
		return l, nil
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
			if rel := relative(""); errors.As(err, &rel) {
				undo()
				return loading{unsure: rel.Error()}, nil
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
		if l, err := m.relocate(p, obj); err != nil || l.text != "" || l.dead() {
			undo()
			return l, err
		}
	}
	if l := o.settle(p.mach); l.dead() {
		undo()
		return l, nil
	}
	for _, obj := range p.loaded[before:] {
		if !packed(obj.file) {
			continue
		}
		switch old := m.beforeRelr(); {
		case old == nil:
			p.limit("%s has packed relative relocations (DT_RELR), which musl knows since 1.2.4: an older one leaves them out, and the process dies", obj.path)
		case *old:
			undo()
			return loading{fatal: obj.path + " has packed relative relocations (DT_RELR, the linker's -z pack-relative-relocs), which this musl, older than 1.2.4, leaves out: the first pointer that is used kills the process"}, nil
		}
	}
	return loading{obj: o, fresh: true, brought: slices.Clone(p.loaded[before+1:])}, nil
}

// dtRelrSz is a tag that debug/elf does not name.
const dtRelrSz = elf.DynTag(35)

// packed reports whether a file has relative relocations in DT_RELR.
func packed(f *goelf.File) bool {
	size, ok := f.DynValue(dtRelrSz)
	return ok && size > 0
}

// beforeRelr reports whether musl is older than 1.2.4, the release that learnt DT_RELR and took open64 and its like out of the symbols; nil
// when its file could not be read.
func (m *muslLoader) beforeRelr() *bool {
	if m.self.file == nil || !m.self.defines("open") {
		return nil
	}
	old := m.self.defines("open64")
	return &old
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
