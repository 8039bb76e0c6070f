package abi

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/goelf"
)

// ErrHost is wrapped by Predict's error when the host itself cannot be judged: unreadable, no ELF file, no Go program, or a plugin.
var ErrHost = errors.New("bad host")

// Predict says what each plugin.Open of one process answers, when host opens the plugins in order. An error means that the host is bad (ErrHost) or
// that a file could not be read; a plugin that is missing, damaged or no plugin is an answer.
func Predict(host Input, plugins []Input, opt Options) (*Report, error) {
	p, rep, err := begin(host, opt)
	if err != nil {
		return nil, err
	}
	defer p.close()
	for _, in := range plugins {
		out, err := p.plugin(in.complete())
		if no := syscall.Errno(0); errors.As(err, &no) {
			return nil, fmt.Errorf("predicting %q: %w", in.Path, err)
		} else if err != nil { // tables that lead outside the file lead the loader outside the mapping
			out.undecided(fmt.Sprintf("the file is damaged: %v", err))
			p.dead = true
		}
		rep.Plugins = append(rep.Plugins, out)
	}
	rep.Limits = append(rep.Limits, p.limits...)
	return rep, nil
}

// begin reads the host and starts the process.
func begin(in Input, opt Options) (*process, *Report, error) {
	in = in.complete()
	if in.R == nil {
		return nil, nil, fmt.Errorf("reading host %q: %w: %w", in.Path, ErrHost, in.Err)
	}
	f := opt.files.get(in.ID)
	if f == nil {
		var err error
		if f, err = goelf.Open(in.R, in.Size); err != nil {
			return nil, nil, fmt.Errorf("reading %q: %w: %w", in.Path, ErrHost, err)
		}
		opt.files.put(in.ID, f)
	}
	o := describe(in.Real, in.Path, f)
	mach := machineOf(o.file.Machine, o.file.Class)
	switch {
	case mach == nil:
		return nil, nil, fmt.Errorf("reading host %q: %w: machine %v is not supported", in.Path, ErrHost, o.file.Machine)
	case o.file.Type != elf.ET_EXEC && o.file.Type != elf.ET_DYN:
		return nil, nil, fmt.Errorf("reading host %q: %w: type %v is no program", in.Path, ErrHost, o.file.Type)
	}
	if m, err := moduleOf(o); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrHost, err)
	} else if m != nil {
		return nil, nil, fmt.Errorf("reading host %q: %w: it is itself a plugin", in.Path, ErrHost)
	}
	if o.info == nil && !hasPackages(o) {
		return nil, nil, fmt.Errorf("reading host %q: %w: it is no Go program", in.Path, ErrHost)
	}
	o.id, o.lock = in.ID, in.lock
	p := &process{opt: opt, mach: mach, host: o, libc: libcOf(o), done: map[string]goError{}, stuck: map[string]bool{}}
	rep := &Report{Schema: Schema, Plugins: []Plugin{}, Limits: []string{}}
	rep.Host = Host{Path: in.Path, Arch: mach.arch, Go: pointer(o.version), Libc: pointer(p.libc)}
	if in.SHA256 == "" && !opt.NoDigest {
		var err error
		if in.SHA256, _, err = results.DigestReader(io.NewSectionReader(in.R, 0, in.Size)); err != nil {
			return nil, nil, fmt.Errorf("reading host %q: %w", in.Path, err)
		}
	}
	if in.SHA256 != "" {
		rep.Host.SHA256 = &in.SHA256
	}
	if opt.Root != nil && opt.RootName != "" {
		rep.Root = &opt.RootName
	}
	if s := p.lacks(o); s != "" {
		p.limit("the host: %s: it ends when it starts", s)
	}
	if err := p.modules.begin(o); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrHost, err)
	}
	if p.libc == libcGlibc {
		p.loader = &glibcLoader{}
	} else {
		p.loader = &muslLoader{}
	}
	if p.libc == "" {
		p.limit("the C library of the host is not known (loader %q): musl's rules were taken", o.file.Interp())
	}
	p.lookForLoader()
	if p.why = p.whyNot(); p.why == "" || p.why == hostHidden || p.libc == libcGlibc {
		if err := p.loader.start(p); err != nil {
			p.close()
			return nil, nil, fmt.Errorf("%w: %w", ErrHost, err)
		}
	}
	size, err := o.file.ModuleDataSize()
	p.linkshared = linkshared(p.loaded) || err == nil && size == 0 && hasPackages(o) // firstmoduledata is in a library
	return p, rep, nil
}

func hasPackages(o *object) bool {
	_, ok, err := o.file.PackageHash("runtime")
	return err == nil && ok
}

func pointer(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// plugin is one call of plugin.Open.
func (p *process) plugin(in Input) (Plugin, error) {
	out := Plugin{Path: in.Path, Mismatches: []Difference{}, Drift: []string{}, Requires: []string{}}
	why := p.why
	if p.dead {
		out.Verdict = NotReached
		if why != "" {
			out.Verdict, out.Cause = HostCannotLoad, p.hostCause(why)
		}
		return out, nil
	}
	fail := func(v Verdict, text string, args ...any) {
		s := fmt.Sprintf(text, args...)
		out.Verdict, out.Error = v, &s
	}
	switch why {
	case hostNoCgo:
		fail(HostCannotLoad, "plugin: not implemented")
		out.Cause = p.hostCause(why)
		return out, nil
	case hostNoPlugin, hostNoLoader, hostPacked:
		out.Verdict, out.Cause = HostCannotLoad, p.hostCause(why)
		return out, nil
	case hostStatic:
		if p.libc == "" { // whether its dlopen refuses or the runtime throws cannot be told
			out.Verdict, out.Cause = HostCannotLoad, p.hostCause(why)
			return out, nil
		}
	}
	if err := p.opening(in, &out, fail); err != nil {
		return out, err
	}
	if p.dead = out.KillsHost && out.Verdict != Poisoned; why == hostStatic || why == hostHidden {
		out.Verdict, out.Cause = HostCannotLoad, p.hostCause(why)
	}
	return out, nil
}

// declared checks a plugin that opened against the symbols that it is declared to have.
func (p *process) declared(o *object, in Input, out *Plugin) error {
	if out.Verdict != OK {
		return nil
	}
	mod, err := moduleOf(o)
	if err != nil || mod == nil {
		return err
	}
	cause, unsure, err := checkSymbols(o, mod.Path, in.Symbols)
	for _, s := range unsure {
		p.limit("%s: %s", in.Path, s)
	}
	if err != nil {
		p.limit("%s: what it exports cannot be read: %v", in.Path, err)
	} else if cause != nil {
		out.Verdict, out.Cause = Symbol, cause
	}
	return nil
}
