package abi

import "strings"

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
)

func (p *process) static() string {
	o := p.host
	switch {
	case o.setting("CGO_ENABLED") == "0":
		return hostNoCgo
	case o.file.Interp() == "":
		return hostStatic
	case !hasPackages(o):
		return hostNoPlugin
	case p.noLoader:
		return hostNoLoader
	}
	return ""
}

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
