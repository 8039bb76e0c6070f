package plan

import (
	"path"
	"slices"
	"strings"
)

// combo is one point of the matrix.
type combo struct {
	host, plugin GoSpec
	arch, libc   string
}

// axes are the values over which a project's matrix ranges.
type axes struct {
	host, plugin []GoSpec
	arch, libc   []string
	same         bool // host and plugin move together
}

// levels holds, for each architecture, the variable that chooses its instruction set and the value that every Void machine has.
var levels = map[string][2]string{"amd64": {"GOAMD64", "v1"}, "arm": {"GOARM", "7"}}

// level is the architecture's instruction set, which [build] env may choose.
func level(arch string, env map[string]string) (key, value string) {
	l := levels[arch]
	if v, ok := env[l[0]]; ok {
		return l[0], v
	}
	return l[0], l[1]
}

// combinations ranges over the axes, takes [[matrix.exclude]] away and adds [[matrix.include]]. Where the caller narrowed an axis,
// an include outside it is dropped.
func combinations(p *Project, sel Selection) ([]combo, error) {
	ax, err := axesOf(p, sel)
	if err != nil {
		return nil, err
	}
	var out []combo
	seen := map[combo]bool{}
	add := func(c combo) {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	for _, c := range product(ax) {
		if !slices.ContainsFunc(p.Matrix.Exclude, func(w When) bool { return w.matches(c.host.Name, c.plugin.Name, c.arch, c.libc) }) {
			add(c)
		}
	}
	for _, w := range p.Matrix.Include {
		narrowed, err := ax.narrow(p, sel, w)
		if err != nil {
			return nil, err
		}
		for _, c := range product(narrowed) {
			add(c)
		}
	}
	return out, nil
}

func product(ax axes) (out []combo) {
	for _, arch := range ax.arch {
		for _, libc := range ax.libc {
			for _, h := range ax.host {
				for _, g := range ax.plugin {
					if !ax.same || h == g {
						out = append(out, combo{h, g, arch, libc})
					}
				}
			}
		}
	}
	return out
}

func axesOf(p *Project, sel Selection) (axes, error) {
	gos, err := goAxis(p, sel)
	if err != nil {
		return axes{}, err
	}
	ax := axes{host: gos, plugin: gos, same: sel.Pairs != "all"}
	if sel.Pairs != "" && sel.Pairs != "same" && sel.Pairs != "all" {
		return ax, configError("", "it is same or all", "unknown pairs %q", sel.Pairs)
	}
	if g, ok := fixedHost(p); ok {
		ax.host, ax.same = []GoSpec{g}, false
	}
	if g, ok := fixedPlugins(p); ok {
		ax.plugin, ax.same = []GoSpec{g}, false
	}
	if ax.arch, err = choose("arch", sel.Arch, p.Matrix.Arch, Arches); err != nil {
		return ax, err
	}
	ax.libc, err = choose("libc", sel.Libc, p.Matrix.Libc, Libcs[:1])
	return ax, err
}

// goAxis is the selected, configured or default Gos. A selected name may be one that [matrix] go defines.
func goAxis(p *Project, sel Selection) ([]GoSpec, error) {
	specs := sel.Go
	if len(specs) == 0 {
		specs = p.Matrix.Go
	}
	if len(specs) == 0 {
		specs = []string{sel.DefaultGo}
	}
	var out []GoSpec
	for _, s := range specs {
		g, hint, err := p.resolveGo(s)
		if err != nil {
			return nil, configError("", hint, "%v", err)
		}
		if i := slices.IndexFunc(out, func(o GoSpec) bool { return o.Name == g.Name }); i >= 0 {
			if out[i] != g {
				return nil, configError("", `give them names: "name=path:DIR"`, "two toolchains are named %q: %q and %q", g.Name, out[i].Path, g.Path)
			}
			continue
		}
		out = append(out, g)
	}
	return out, nil
}

func choose(name string, selected, configured, otherwise []string) ([]string, error) {
	known := map[string][]string{"arch": Arches, "libc": Libcs}[name]
	for _, v := range selected {
		if !slices.Contains(known, v) {
			return nil, configError("", suggest(v, known), "unknown %s %q", name, v)
		}
	}
	for _, list := range [][]string{selected, configured} {
		if len(list) > 0 {
			return list, nil
		}
	}
	return otherwise, nil
}

// fixedHost is the host's Go where the project leaves no choice.
func fixedHost(p *Project) (GoSpec, bool) {
	if p.Host.Package == "" {
		return GoSpec{Name: Shipped}, true
	}
	return p.fixed(p.Host.Go)
}

// fixedPlugins is the one Go of all plugins where the project leaves no choice; where it gives them several, it has their names.
func fixedPlugins(p *Project) (GoSpec, bool) {
	var all []GoSpec
	var names []string
	for _, pl := range p.Plugins {
		g, ok := GoSpec{Name: Shipped}, true
		if pl.Package != "" {
			g, ok = p.fixed(pl.Go)
		}
		if !ok {
			return GoSpec{}, false
		}
		if !slices.Contains(all, g) {
			all, names = append(all, g), append(names, g.Name)
		}
	}
	if len(all) == 1 {
		return all[0], true
	}
	return GoSpec{Name: strings.Join(names, ",")}, true
}

// fixed resolves a go key that was checked by ParseProject.
func (p *Project) fixed(s string) (GoSpec, bool) {
	if s == "" {
		return GoSpec{}, false
	}
	g, _, err := p.resolveGo(s)
	return g, err == nil
}

// pluginGoOf is the Go of one plugin in a cell.
func pluginGoOf(p *Project, pl Plugin, c combo) GoSpec {
	if g, ok := p.fixed(pl.Go); ok {
		return g
	}
	return c.plugin
}

// narrow replaces the axes that w names. What lies outside the caller's selection vanishes.
func (ax axes) narrow(p *Project, sel Selection, w When) (axes, error) {
	for _, g := range []struct {
		name string
		axis *[]GoSpec
	}{{w.HostGo, &ax.host}, {w.PluginGo, &ax.plugin}} {
		if g.name == "" {
			continue
		}
		spec, hint, err := p.resolveGo(g.name)
		if err != nil {
			return ax, configError(p.File, hint, "%v", err)
		}
		if len(sel.Go) > 0 && !slices.Contains(*g.axis, spec) {
			*g.axis = nil
			continue
		}
		*g.axis = []GoSpec{spec}
	}
	switch {
	case w.HostGo != "" && w.PluginGo != "":
		ax.same = false
	case ax.same && w.HostGo != "":
		ax.plugin = ax.host
	case ax.same && w.PluginGo != "":
		ax.host = ax.plugin
	}
	ax.arch = narrowAxis(ax.arch, sel.Arch, w.Arch)
	ax.libc = narrowAxis(ax.libc, sel.Libc, w.Libc)
	return ax, nil
}

func narrowAxis(axis, selected []string, want string) []string {
	switch {
	case want == "":
		return axis
	case len(selected) > 0 && !slices.Contains(selected, want):
		return nil
	}
	return []string{want}
}

// matches reports whether a cell is one that w selects. Gos match by name.
func (w When) matches(hostGo, pluginGo, arch, libc string) bool {
	for _, f := range [][2]string{{w.HostGo, hostGo}, {w.PluginGo, pluginGo}, {w.Arch, arch}, {w.Libc, libc}} {
		name, _, _ := strings.Cut(f[0], "=path:")
		if strings.HasPrefix(name, "path:") {
			name = path.Base(name)
		}
		if name != "" && name != f[1] {
			return false
		}
	}
	return true
}
