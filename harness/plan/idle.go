package plan

import (
	"fmt"
	"slices"
)

// Idle says which [[expect]], [[matrix.exclude]] and [[matrix.include]] do nothing, be it that they name a value that the matrix does
// not list: a slip of the pen would otherwise be an expectation that nobody holds anything against. Where the matrix leaves an axis
// open the caller chooses, and nothing is said.
func Idle(p *Project, sel Selection) []string {
	var gos []string
	for _, s := range slices.Concat(p.Matrix.Go, sel.Go) {
		if g, _, err := p.resolveGo(s); err == nil {
			gos = append(gos, g.Name)
		}
	}
	arch, libc := slices.Concat(p.Matrix.Arch, sel.Arch), slices.Concat(p.Matrix.Libc, sel.Libc)
	for _, w := range p.Matrix.Include {
		for _, f := range []struct {
			value string
			into  *[]string
		}{{p.goName(w.HostGo), &gos}, {p.goName(w.PluginGo), &gos}, {w.Arch, &arch}, {w.Libc, &libc}} {
			if f.value != "" {
				*f.into = append(*f.into, f.value)
			}
		}
	}
	for _, g := range append([]string{p.Host.Go}, pluginGos(p)...) {
		gos = append(gos, p.goName(g))
	}
	gos = append(gos, Shipped)
	var out []string
	told := map[string]bool{}
	check := func(at, rule string, w When) {
		for _, f := range []struct {
			key, value string
			listed     bool // the matrix lists this axis
			values     []string
		}{
			{"host_go", p.goName(w.HostGo), len(p.Matrix.Go) > 0, gos}, {"plugin_go", p.goName(w.PluginGo), len(p.Matrix.Go) > 0, gos},
			{"arch", w.Arch, len(p.Matrix.Arch) > 0, arch}, {"libc", w.Libc, len(p.Matrix.Libc) > 0, libc},
		} {
			if f.value != "" && f.listed && !slices.Contains(f.values, f.value) {
				told[rule] = true
				out = append(out, p.fail(at+"."+f.key, "", "it fits no cell: no %s of [matrix] is %q", axisOf[f.key], f.value).Error())
			}
		}
	}
	for i, w := range p.Matrix.Exclude {
		at := fmt.Sprintf("matrix.exclude.%d", i)
		check(at, at, w)
	}
	for i, e := range p.Expects {
		at := fmt.Sprintf("expect.%d", i)
		check(at+".when", at, e.When)
	}
	return append(out, p.dead(sel, told)...)
}

var axisOf = map[string]string{"host_go": "go", "plugin_go": "go", "arch": "arch", "libc": "libc"}

// goName is how cells call a Go, or "".
func (p *Project) goName(s string) string {
	if s == "" {
		return ""
	}
	g, _, err := p.resolveGo(s)
	if err != nil { // which was said when the file was read
		return s
	}
	return g.Name
}

func pluginGos(p *Project) []string {
	var out []string
	for _, pl := range p.Plugins {
		out = append(out, pl.Go)
	}
	return out
}
