package abi

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
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
				p.absent(o, n)
				dep = &object{name: n, short: n, path: n, missing: true}
			}
			if fresh || dep.missing && !dep.libc {
				p.loaded = append(p.loaded, dep)
			}
			p.add(dep)
		}
	}
	p.add(m.self)
	if packed(p.host.file) {
		switch old := m.beforeRelr(); {
		case old == nil:
			p.limit("%s has packed relative relocations (DT_RELR), which musl knows since 1.2.4: with an older one it dies when it starts", p.host.path)
		case *old:
			p.why = hostPacked
		}
	}
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
		if !path.IsAbs(name) {
			return nil, false, relative(name)
		}
		found = name
	} else {
		for _, l := range p.loaded {
			if l.short == name {
				return l, false, nil
			}
		}
		if found = m.search(p, name, by); found == "" {
			return nil, false, errors.New(errnoText(fs.ErrNotExist))
		} else if !path.IsAbs(found) {
			return nil, false, relative(found)
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
	id := identity(found, c)
	if l := p.byID(id); l != nil {
		if l.short == "" && !strings.Contains(name, "/") {
			l.short = path.Base(l.name)
		}
		return l, false, nil
	}
	if why := p.muslMap(found, r, size); why != "" {
		return nil, false, errors.New(why)
	}
	if o, err = newObject(found, found, r, size); err != nil {
		return nil, false, errors.New(muslNoExec)
	}
	o.id, o.neededBy = id, by
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
		if !strings.Contains(strings.NewReplacer("$ORIGIN", "", "${ORIGIN}", "").Replace(list), "$") { // with another variable in it the whole list is left out (fixup_rpath)
			dirs = append(dirs, origin(o, list)...)
		}
	}
	dirs = append(dirs, m.systemPath(p)...)
	for _, d := range dirs {
		if d == "" {
			continue
		}
		if !path.IsAbs(d) {
			return d + "/" + name
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
