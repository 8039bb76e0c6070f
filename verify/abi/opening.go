package abi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// opening is plugin/plugin_dlopen.go's open.
func (p *process) opening(in Input, out *Plugin, fail func(v Verdict, text string, args ...any)) error {
	if in.twice && p.libc == libcMusl {
		in.Real = "/" + in.Real
	}
	if !in.exists() {
		fail(NotFound, `plugin.Open("%s"): realpath failed`, in.Path)
		return nil
	}
	if old, ok := p.done[in.Real]; ok {
		if old.text == "" {
			out.Verdict, out.Cause, out.KillsHost = old.verdict, old.cause, old.verdict == Poisoned && !old.harmless
			return p.declared(old.obj, in, out)
		}
		fail(old.verdict, `plugin.Open("%s"): %s (previous failure)`, in.Path, old.text)
		out.Package, out.Mismatches, out.Cause = old.pkg, old.diffs, old.cause
		return nil
	}
	if p.stuck[in.Real] { // it waits for an open that was never finished
		out.Verdict, out.KillsHost, out.Cause = Abort, true, unknown("%s", blocksForEver)
		return nil
	}
	if p.libc == libcMusl && p.why == hostStatic {
		fail(HostCannotLoad, `plugin.Open("%s"): Dynamic loading not supported`, in.Path)
		return nil
	}
	if errors.Is(in.Err, errIrregular) {
		out.undecided("it is a device, a pipe or a socket, not a file: plugin.Open reads what is in it then, or waits for ever")
		out.Cause.Evidence = strings.Replace(out.Cause.Evidence, toBuildAgain, "give the path of a regular file", 1)
		return nil
	}
	if p.linkshared {
		out.undecided("the host was linked with -linkshared: its Go packages lie in libraries, which is not simulated")
		return nil
	}
	l, err := p.loader.dlopen(p, in)
	if err != nil {
		return err
	}
	switch {
	case l.unsure != "":
		out.undecided(l.unsure)
		return nil
	case l.fatal != "":
		out.Verdict, out.KillsHost, out.Cause = Abort, true, unknown("%s", l.fatal)
		return nil
	case l.text != "":
		fail(l.verdict, `plugin.Open("%s"): %s`, in.Path, l.text)
		out.Cause = l.cause
		return nil
	}
	out.Requires = requires(l.obj)
	p.constructors(l)
	if p.libc == libcMusl && neededLibc(l.obj) == libcGlibc {
		p.limit("%s was linked against glibc: musl takes the name libc.so.6 for itself and has every symbol that the file needs, but glibc's structures and constants need not be musl's", in.Path)
	}
	if s := p.lacks(l.obj); s != "" {
		p.limit("%s: %s: it opens, and the process dies of SIGILL when code that uses more is reached, in init or later", in.Path, s)
	}
	res, err := p.lastModuleInit(l)
	if err != nil {
		return err
	}
	if res.unsure != "" {
		out.undecided(res.unsure)
		return nil
	}
	out.Verdict, out.Package, out.Mismatches, out.Cause = res.verdict, res.pkg, res.diffs, res.cause
	if out.Mismatches == nil {
		out.Mismatches = []Difference{}
	}
	switch {
	case res.verdict == Abort:
		out.KillsHost = true
		return nil
	case res.text != "":
		fail(res.verdict, `plugin.Open("%s"): %s`, openName(in.Path), res.text)
	}
	if res.verdict == OK || res.verdict == Poisoned {
		text, cause, err := p.unfound(l.obj, in)
		if err != nil {
			return err
		}
		if text != "" {
			fail(DlopenError, `plugin.Open("%s"): %s`, openName(in.Path), text)
			out.Cause = cause
			p.stuck[in.Real] = true
			return nil
		}
	}
	if out.Verdict == OK && l.obj.doubt != "" {
		out.undecided(l.obj.doubt)
		return nil
	}
	out.KillsHost = res.verdict == Poisoned && !res.harmless
	p.done[in.Real] = res
	if err := p.declared(l.obj, in, out); err != nil {
		return err
	}
	return p.drifted(l.obj, in, out)
}

// undecided says that what an open does cannot be told from the files, why, and what to do. It counts as the gravest: nobody should load such a file.
func (p *Plugin) undecided(why string) {
	p.Verdict, p.KillsHost, p.Undecided = Abort, true, &why
	p.Error, p.Package, p.Mismatches = nil, nil, []Difference{}
	p.Cause = unknown("undecided: the files do not tell what plugin.Open does here, and it may kill the host: %s. To do: %s; 'plugproof load' opens it for real, in a process of its own", why, toBuildAgain)
}

// toBuildAgain is what to do with a damaged file.
const toBuildAgain = "build or copy the file again"

// exists reports whether realpath finds the file.
func (in Input) exists() bool {
	return in.R != nil || !isNotExist(in.Err)
}

// openPlugin reads a plugin's file as it will lie in memory. A loaded page beyond the file's end kills the process.
func openPlugin(p *process, in Input) (*object, loading, error) {
	f := p.opt.files.get(in.ID)
	if f == nil {
		var err error
		if f, err = goelf.Open(in.R, in.Size); err != nil {
			return nil, loading{}, fmt.Errorf("reading %q: %w", in.Path, err)
		}
		r, size, state := in.R, in.Size, whole
		if tiled(f, p.mach) {
			r, size, state = mapFile(f, in.R, in.Size, p.mach.pageSize)
		}
		if state == pageLost {
			return nil, loading{fatal: fmt.Sprintf("the file is cut: a loaded segment ends beyond its %d bytes (SIGBUS)", in.Size)}, nil
		}
		if state != whole {
			if f, err = goelf.Open(r, size); err != nil {
				return nil, loading{}, fmt.Errorf("reading %q: %w", in.Path, err)
			}
		}
		p.opt.files.put(in.ID, f)
	}
	o := describe(in.Real, in.Path, f)
	o.id, o.runtime, o.neededBy = in.ID, true, p.host
	return o, loading{}, nil
}
