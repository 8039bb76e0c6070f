package abi

import (
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

func unknown(format string, args ...any) *Cause {
	return &Cause{"unknown", fmt.Sprintf(format, args...)}
}

func (p *process) hostCause(why string) *Cause {
	switch why {
	case hostNoLoader:
		return unknown("the host's dynamic loader %s is not in the root file system: the system does not start the host (exit status 127)", p.host.file.Interp())
	case hostNoCgo:
		return unknown("the host was built with CGO_ENABLED=0")
	case hostStatic:
		return unknown("the host is linked statically: it names no dynamic loader")
	case hostPacked:
		return unknown("the host has packed relative relocations (DT_RELR, the linker's -z pack-relative-relocs), which this musl, older than 1.2.4, leaves out: it dies when it starts")
	case hostHidden:
		return unknown("the host has package plugin but hides the symbols of its runtime, so that a plugin takes its own runtime for the process's: link it without -linkmode=internal and without hiding symbols, a program in C around a c-archive with -rdynamic")
	}
	return unknown("the host does not import package plugin: it exports no package fingerprints")
}

// layoutCause explains a plugin whose runtime has another moduledata than the host's.
func layoutCause(host, plugin *object) *Cause {
	h, g := baseVersion(host), baseVersion(plugin)
	hs, _ := host.file.ModuleDataSize()
	ps, _ := plugin.file.ModuleDataSize()
	what := fmt.Sprintf("the runtimes' moduledata differ (%d and %d bytes)", hs, ps)
	if h != "" && g != "" && h != g {
		return &Cause{"go-version", fmt.Sprintf("the host is of %s, the plugin of %s: %s", h, g, what)}
	}
	return &Cause{"toolchain-build", what}
}

// classify separates what is no plugin from what the loader refuses for another reason.
func classify(in Input, p *process) (Verdict, *Cause) {
	f, err := goelf.Open(in.R, in.Size)
	if err != nil {
		return NotAPlugin, unknown("%v", err)
	}
	if f.Machine != p.host.file.Machine || f.Class != p.host.file.Class {
		return DlopenError, unknown("the plugin is for %v, %v, the host for %v, %v", f.Machine, f.Class, p.host.file.Machine, p.host.file.Class)
	}
	return NotAPlugin, unknown("the file has no dynamic section")
}

// libcCause names the C library as the cause when it is the C library that is refused or that lacks a symbol, for the plugin was linked against another one.
func libcCause(p *process, o *object, lib string, sym uint32) *Cause {
	other := libcMusl
	if p.libc == libcMusl {
		other = libcGlibc
	}
	if isLibc(lib, other) {
		return &Cause{"libc", fmt.Sprintf("the host uses %s, the plugin needs %s's %s", p.libc, other, lib)}
	}
	if sym == 0 {
		return nil
	}
	v, err := o.file.SymbolVersion(sym)
	if s, e := o.file.DynSymbol(sym); e == nil && err == nil && strings.HasPrefix(v, "GLIBC_") && p.libc == libcMusl {
		return &Cause{"libc", fmt.Sprintf("the host uses musl, the plugin needs glibc's %s (version %s)", s.Name, v)}
	}
	return nil
}

// isLibc reports whether a DT_NEEDED name is one of a C library's own, and no other's.
func isLibc(name, libc string) bool {
	if libc == libcMusl {
		return name == "libc.so" || strings.HasPrefix(name, "libc.musl-") || strings.HasPrefix(name, "ld-musl-")
	}
	return name == "libc.so.6" || strings.HasPrefix(name, "ld-linux")
}
