package abi

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/verify/drift"
	"github.com/plugproof/plugproof/verify/goelf"
)

// The C libraries whose loaders are simulated.
const (
	libcMusl  = "musl"
	libcGlibc = "glibc"
)

// process is the state that one open leaves for the next.
type process struct {
	opt    Options
	mach   *machine
	libc   string
	host   *object
	loader loader
	global []*object // the global symbol scope, in its order
	loaded []*object // in load order, without the host
	limits []string
	open   []io.Closer

	code    map[*goelf.File]*drift.Code
	modules modules
	done    map[string]goError // by real path: what plugin.Open remembers
	dead    bool

	stuck      map[string]bool // by real path: files whose open failed late, and whose next open never returns
	noLoader   bool            // the host's dynamic loader is not in the root file system
	linkshared bool            // the host's Go packages lie in libraries
	why        string          // the host cannot load plugins: one of the reasons, "" for none
}

// goError is what package plugin keeps of a file: a failure of the Go checks, or success ("").
type goError struct {
	obj     *object
	text    string
	verdict Verdict
	pkg     *string
	diffs   []Difference
	cause   *Cause

	unsure   string // what happens cannot be told from the files; why
	harmless bool   // poisoned, and nothing in it need crash
}

// loader is one C library's dlopen.
type loader interface {
	// start fills the scope with what the host brings.
	start(p *process) error
	// dlopen loads a plugin with RTLD_NOW|RTLD_GLOBAL.
	dlopen(p *process, in Input) (loading, error)
}

// loading is the result of a dlopen.
type loading struct {
	obj     *object
	fresh   bool      // mapped by this call; else its constructors do not run again
	brought []*object // what was mapped with it because it is needed
	text    string    // dlerror's text, "" on success
	verdict Verdict   // with text
	fatal   string    // the process dies inside dlopen; the evidence
	unsure  string    // what happens cannot be told from the file; why
	cause   *Cause
}

// dead reports whether no further step of the load can be told.
func (l loading) dead() bool { return l.fatal != "" || l.unsure != "" }

func (p *process) limit(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	for _, l := range p.limits {
		if l == s {
			return
		}
	}
	p.limits = append(p.limits, s)
}

func (p *process) close() {
	for _, c := range p.open {
		c.Close()
	}
}

// find looks a name up in the scope. known is false when an object whose symbols cannot be read might define it.
func (p *process) find(scope []*object, name string, accept func(goelf.Symbol) bool) (o *object, s goelf.Symbol, known bool, err error) {
	known = true
	for _, o := range scope {
		if o.missing {
			known = false
			continue
		}
		s, ok, err := o.file.LookupDyn(name, accept)
		if err != nil {
			return nil, s, known, fmt.Errorf("looking up %q in %q: %w", name, o.path, err)
		}
		if ok {
			return o, s, true, nil
		}
	}
	return nil, goelf.Symbol{}, known, nil
}

// add appends objects to the scope, each once.
func (p *process) add(objs ...*object) {
next:
	for _, o := range objs {
		for _, g := range p.global {
			if g == o {
				continue next
			}
		}
		p.global = append(p.global, o)
	}
}

// origin replaces $ORIGIN in a search path and splits it.
func origin(o *object, list string) []string {
	if list == "" {
		return nil
	}
	dir := "."
	if i := strings.LastIndexByte(o.name, '/'); i >= 0 {
		dir = o.name[:i]
	}
	dirs := strings.Split(list, ":")
	if o.lock != nil { // where the host lies is not known
		return slices.DeleteFunc(dirs, namesOrigin)
	}
	for i, d := range dirs {
		dirs[i] = strings.NewReplacer("$ORIGIN", dir, "${ORIGIN}", dir).Replace(d)
	}
	return dirs
}

// namesOrigin reports whether a run path has the directory of its file in it.
func namesOrigin(list string) bool {
	return strings.Contains(list, "$ORIGIN") || strings.Contains(list, "${ORIGIN}")
}

// absent notes that a library which the host needs was not found.
func (p *process) absent(o *object, name string) {
	h := p.host
	switch {
	case p.opt.Root == nil:
	case h.lock != nil && (namesOrigin(h.lock.Runpath) || namesOrigin(h.lock.Rpath)):
		p.limit("%s needs %s, which is looked for beside the host, and a lock does not say where that is: what the library defines is not known", o.path, name)
	default:
		p.limit("%s needs %s, which is not in the root file system: the host will not start there", o.path, name)
	}
}

// linkshared reports whether Go packages of the host, or of what a plugin needs, lie in libraries, as they do after -linkshared.
func linkshared(objs []*object) bool {
	return slices.ContainsFunc(objs, func(o *object) bool { return !o.missing && !o.libc && hasPackages(o) && !isPlugin(o) })
}

func isPlugin(o *object) bool {
	mod, err := moduleOf(o)
	return err == nil && mod != nil
}

// library opens a file of the target as an object.
func (p *process) library(name string) (*object, error) {
	r, size, c, err := openRoot(p.opt.Root, name)
	if err != nil {
		return nil, err
	}
	o, err := newObject(name, name, r, size)
	if err != nil {
		c.Close()
		return nil, err
	}
	o.id = identity(name, c)
	p.open = append(p.open, c)
	return o, nil
}

// identity is what tells a file of the target from others: device and inode, as loaders do, or its path where a file system has none.
func identity(name string, f io.Closer) string {
	if file, ok := f.(fs.File); ok {
		if st, err := file.Stat(); err == nil {
			if id := inode(st); id != "" {
				return id
			}
		}
	}
	return "root:" + name
}

// inode is a file's device and inode, or "".
func inode(st fs.FileInfo) string {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", sys.Dev, sys.Ino)
	}
	return ""
}

// byID finds a loaded file by its identity.
func (p *process) byID(id string) *object {
	for _, l := range p.loaded {
		if l.id == id {
			return l
		}
	}
	return nil
}

// relative is the error of a library that is searched beneath the directory in which the host runs.
type relative string

func (r relative) Error() string {
	return fmt.Sprintf("a library is looked for as %q, which depends on the directory in which the host runs: link it with an absolute run path or one that begins with $ORIGIN", string(r))
}
