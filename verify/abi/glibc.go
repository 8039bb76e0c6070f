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
type glibcLoader struct {
	dirs   []string
	system []string // those of them that need not be configured
	room   staticTLS
	placed []*object // those whose thread-local storage lies in the static block, opened late
}

// df1PIE marks a position-independent executable (glibc elf/elf.h).
const df1PIE = 0x08000000

func (g *glibcLoader) start(p *process) error {
	g.dirs, g.system = p.mach.glibcDirs, p.mach.glibcDirs
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
				p.absent(o, n)
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
	if name == "" { // which the program itself is called
		return p.host, false, nil
	}
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
			if d == "" { // fillin_rpath: the working directory
				d = "."
			}
			candidates = append(candidates, d+"/"+name)
		}
	}
	otherClass := ""
	for _, c := range candidates {
		if !path.IsAbs(c) {
			return nil, false, relative(c)
		}
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
		id := identity(c, cl)
		for _, l := range p.loaded {
			if l.name == c || l.id == id {
				return l, false, nil
			}
		}
		o, err := newObject(c, c, r, size)
		if err != nil {
			return nil, false, fmt.Errorf("%s: cannot read file data", c)
		}
		o.id, o.short, o.neededBy = id, name, by
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
				dirs = append(dirs, g.expand(o, o.file.DynString(elf.DT_RPATH))...)
			}
		}
		if by != p.host {
			dirs = append(dirs, g.expand(p.host, p.host.file.DynString(elf.DT_RPATH))...)
		}
	}
	dirs = append(dirs, p.opt.LibraryPath...)
	dirs = append(dirs, g.expand(by, run)...)
	return append(dirs, g.dirs...)
}

// expand also replaces $LIB, by the name that each of the system's directories may stand for: which one was chosen when glibc was built.
func (g *glibcLoader) expand(o *object, list string) []string {
	var out []string
	for _, d := range origin(o, list) {
		if plain := strings.NewReplacer("$LIB", "", "${LIB}", "").Replace(d); plain == d {
			out = append(out, d)
			continue
		}
		for _, sys := range g.system {
			lib := strings.TrimPrefix(sys, "/")
			out = append(out, strings.NewReplacer("$LIB", lib, "${LIB}", lib).Replace(d))
		}
	}
	return out
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
	case h[elf.EI_ABIVERSION] > 0 && (h[elf.EI_OSABI] == byte(elf.ELFOSABI_NONE) || h[elf.EI_ABIVERSION] > 3):
		return "ELF file ABI version invalid", false
	case string(h[elf.EI_PAD:elf.EI_NIDENT]) != strings.Repeat("\x00", elf.EI_NIDENT-elf.EI_PAD):
		return "nonzero padding in e_ident", false
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

// glibcUnaligned reports whether a segment lies at another place of its page in the file than in memory.
func glibcUnaligned(f *goelf.File, pageSize uint64) bool {
	return slices.ContainsFunc(f.Segments, func(s goelf.Segment) bool {
		return s.Type == elf.PT_LOAD && (s.Vaddr-s.Off)%pageSize != 0
	})
}
