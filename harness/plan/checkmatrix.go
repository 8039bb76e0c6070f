package plan

import (
	"fmt"
	"slices"
)

func (p *Project) checkMatrix() error {
	seen := map[string]string{}
	for i, s := range p.Matrix.Go {
		key := fmt.Sprintf("matrix.go.%d", i)
		g, hint, err := ParseGo(s)
		if err != nil {
			return p.fail(key, hint, "%v", err)
		}
		if old, ok := seen[g.Name]; ok {
			return p.fail(key, "", "go %q is named twice: %q and %q", g.Name, old, s)
		}
		seen[g.Name] = s
	}
	if err := p.checkAxis("arch", p.Matrix.Arch, Arches); err != nil {
		return err
	}
	if err := p.checkAxis("libc", p.Matrix.Libc, Libcs); err != nil {
		return err
	}
	for i, w := range p.Matrix.Include {
		at := fmt.Sprintf("matrix.include.%d", i)
		if err := p.checkWhen(at, w); err != nil {
			return err
		}
		if err := p.checkFixed(at, w); err != nil {
			return err
		}
	}
	for i, w := range p.Matrix.Exclude {
		if err := p.checkWhen(fmt.Sprintf("matrix.exclude.%d", i), w); err != nil {
			return err
		}
	}
	return nil
}

// checkFixed refuses an include that names a Go for a host that is shipped, or another than those of plugins that have their own: the cell would
// say what it is not built with.
func (p *Project) checkFixed(at string, w When) error {
	for _, f := range []struct {
		key, want, what string
		fixed           func(*Project) (GoSpec, bool)
	}{{"host_go", w.HostGo, "the host is", fixedHost}, {"plugin_go", w.PluginGo, "all plugins are", fixedPlugins}} {
		if f.want == "" || f.key == "host_go" && p.Host.Package != "" { // a host is built with what an include names
			continue
		}
		g, _, err := p.resolveGo(f.want)
		if own, ok := f.fixed(p); err == nil && ok && own.Name != g.Name {
			return p.fail(at+"."+f.key, "leave "+f.key+" out, or let what it is about be built with several Gos", "%s cannot be %q: %s of go %q in every cell", f.key, g.Name, f.what, own.Name)
		}
	}
	return nil
}

func (p *Project) checkAxis(name string, values, known []string) error {
	for i, v := range values {
		key := fmt.Sprintf("matrix.%s.%d", name, i)
		if !slices.Contains(known, v) {
			return p.fail(key, suggest(v, known), "unknown %s %q", name, v)
		}
		if slices.Index(values, v) != i {
			return p.fail(key, "", "%s %q is named twice", name, v)
		}
	}
	return nil
}

func (p *Project) checkExpects() error {
	for i, e := range p.Expects {
		at := fmt.Sprintf("expect.%d", i)
		if err := p.checkWhen(at+".when", e.When); err != nil {
			return err
		}
		if !slices.Contains(abiVerdicts, e.Verdict) {
			return p.fail(at+".verdict", suggest(e.Verdict, abiVerdicts), "unknown verdict %q", e.Verdict)
		}
		if e.Plugin == "" {
			continue
		}
		names := p.Subjects()
		for _, pl := range p.Plugins {
			names = append(names, pl.Package)
		}
		if !slices.Contains(names, e.Plugin) {
			return p.fail(at+".plugin", suggest(e.Plugin, p.Subjects()), "no plugin %q", e.Plugin)
		}
	}
	return nil
}

func (p *Project) checkWhen(at string, w When) error {
	if w == (When{}) {
		return p.fail(at, "name at least one of host_go, plugin_go, arch and libc", "empty condition")
	}
	for _, g := range []struct{ key, value string }{{"host_go", w.HostGo}, {"plugin_go", w.PluginGo}} {
		if g.value == "" {
			continue
		}
		if _, hint, err := p.resolveGo(g.value); err != nil {
			return p.fail(at+"."+g.key, hint, "%v", err)
		}
	}
	if w.Arch != "" && !slices.Contains(Arches, w.Arch) {
		return p.fail(at+".arch", suggest(w.Arch, Arches), "unknown arch %q", w.Arch)
	}
	if w.Libc != "" && !slices.Contains(Libcs, w.Libc) {
		return p.fail(at+".libc", suggest(w.Libc, Libcs), "unknown libc %q", w.Libc)
	}
	return nil
}

// resolveGo reads a Go that may also be a name given in [matrix] go.
func (p *Project) resolveGo(s string) (GoSpec, string, error) {
	for _, m := range p.Matrix.Go {
		if g, _, err := ParseGo(m); err == nil && g.Name == s {
			return g, "", nil
		}
	}
	return ParseGo(s)
}

// Subjects are the plugins' names in records, in order: the package or file, and "#2", "#3" ... where it occurs again.
func (p *Project) Subjects() []string {
	names := make([]string, 0, len(p.Plugins))
	seen := map[string]int{}
	for _, pl := range p.Plugins {
		name := pl.Package + pl.File
		if pl.Dir != "" {
			name = pl.Dir + ":" + pl.Package
		}
		seen[name]++
		if n := seen[name]; n > 1 {
			name = fmt.Sprintf("%s#%d", name, n)
		}
		names = append(names, name)
	}
	return names
}
