package abi

import (
	"fmt"

	"github.com/plugproof/plugproof/verify/goelf"
)

func unknown(format string, args ...any) *Cause {
	return &Cause{"unknown", fmt.Sprintf(format, args...)}
}

func hostCause(why string) *Cause {
	switch why {
	case hostNoCgo:
		return unknown("the host was built with CGO_ENABLED=0")
	case hostStatic:
		return unknown("the host is linked statically: it names no dynamic loader")
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
		return &Cause{"go-version", fmt.Sprintf("host %s, plugin %s: %s", h, g, what)}
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

// libcCause names the C library as the cause when the plugin was linked against another one than the host's.
func libcCause(p *process, o *object) *Cause {
	needed, _ := o.file.Needed()
	for _, n := range needed {
		switch {
		case n == "libc.so" && p.libc == libcGlibc:
			return &Cause{"libc", "the host uses glibc, the plugin needs musl's " + n}
		case n == "libc.so.6" && p.libc == libcMusl:
			return &Cause{"libc", "the host uses musl, the plugin needs glibc's " + n}
		}
	}
	return nil
}
