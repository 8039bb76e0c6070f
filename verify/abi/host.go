package abi

import (
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// libcOf goes by the loader that the host names; for a static host by the texts in its C library.
func libcOf(o *object) string {
	interp := o.file.Interp()
	switch {
	case interp != "":
		return libcOfLoader(interp)
	case o.setting("CGO_ENABLED") != "0":
		return staticLibc(o.file)
	}
	return ""
}

func libcOfLoader(interp string) string {
	base := interp[strings.LastIndexByte(interp, '/')+1:]
	switch {
	case strings.HasPrefix(base, "ld-musl-"):
		return libcMusl
	case strings.HasPrefix(base, "ld-linux"), strings.HasPrefix(base, "ld.so"), strings.HasPrefix(base, "ld64"):
		return libcGlibc
	}
	return ""
}

// The reasons for which a host cannot load plugins at all.
const (
	hostNoCgo    = "no cgo"
	hostNoPlugin = "no package plugin"
	hostStatic   = "static"
	hostNoLoader = "no loader"
	hostPacked   = "packed relocations" // which its musl does not know
	hostHidden   = "hidden"             // it calls plugin.Open, and no plugin finds the symbols of its runtime
)

// whyNot is one of the reasons, "" for none.
func (p *process) whyNot() string {
	o := p.host
	switch {
	case o.setting("CGO_ENABLED") == "0":
		return hostNoCgo
	case o.file.Interp() == "":
		return hostStatic
	case p.noLoader:
		return hostNoLoader
	case hasPackages(o):
		return ""
	case opensPlugins(o.file):
		return hostHidden
	}
	return hostNoPlugin
}

// opensPlugins reports whether a program has package plugin in it, by the names of its functions. A lock has one of them as a symbol.
func opensPlugins(f *goelf.File) bool {
	if _, ok, err := f.LookupDyn(openFunc, goelf.Symbol.Defined); err == nil && ok {
		return true
	}
	found := false
	err := f.FuncNames(func(name string) bool {
		found = name == openFunc
		return !found
	})
	return err == nil && found
}

const openFunc = "plugin.Open"

// lookForLoader looks for the host's dynamic loader where the host will run. Without it the kernel does not start the host.
func (p *process) lookForLoader() {
	interp := p.host.file.Interp()
	if p.opt.Root == nil || interp == "" {
		return
	}
	_, _, c, err := openRoot(p.opt.Root, interp)
	if err == nil {
		c.Close()
	}
	p.noLoader = err != nil && isNotExist(err)
}
