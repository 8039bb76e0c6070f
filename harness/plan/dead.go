package plan

import (
	"fmt"
	"slices"
)

// maxDead bounds how many comparisons are made to find rules that do nothing; a larger matrix is not looked at.
const maxDead = 1 << 22

// dead says which rules do nothing in any cell that the project can have, whatever pairs the caller chooses: an exclude that takes nothing
// away, an include that adds nothing, an expectation that fits no cell or that later ones override wherever it fits. told are the rules of which
// Idle has spoken.
func (p *Project) dead(sel Selection, told map[string]bool) (out []string) {
	say := func(at, text string) {
		if !told[at] {
			out = append(out, p.fail(at, "", "%s", text).Error())
		}
	}
	wide := p.reach(sel, true)
	all := product(wide)
	if len(all)*(len(p.Matrix.Exclude)+2*len(p.Matrix.Include)+len(p.Expects)*len(p.Plugins)) > maxDead {
		return nil
	}
	for i, w := range p.Matrix.Exclude {
		if !slices.ContainsFunc(all, func(c combo) bool { return c.of(w) }) {
			say(fmt.Sprintf("matrix.exclude.%d", i), "it takes no cell away")
		}
	}
	near := p.reach(sel, false)
	same := near
	same.same = !p.gosFixed()
	pairs, cells := near.cells(p), wide.cells(p)
	equal := same.cells(p)
	for i, w := range p.Matrix.Include {
		added := p.include(same, w, equal)
		added = p.include(near, w, pairs) || added
		if !added {
			say(fmt.Sprintf("matrix.include.%d", i), "it adds no cell")
		}
		p.include(wide, w, cells)
	}
	fits, counts := make([]bool, len(p.Expects)), make([]bool, len(p.Expects))
	names := p.Subjects()
	for c := range cells {
		for i := range p.Plugins {
			last := -1
			for k := range p.Expects {
				if p.Expects[k].fits(p.Plugins[i].Package, names[i], c, pluginGoOf(p, p.Plugins[i], c).Name) {
					fits[k], last = true, k
				}
			}
			if last >= 0 {
				counts[last] = true
			}
		}
	}
	for k := range p.Expects {
		switch at := fmt.Sprintf("expect.%d", k); {
		case !fits[k]:
			say(at, "it fits no cell")
		case !counts[k]:
			say(at, "later ones override it in every cell that it fits")
		}
	}
	return out
}

// cells are the combinations of the axes without what is excluded.
func (ax axes) cells(p *Project) map[combo]bool {
	out := map[combo]bool{}
	for _, c := range product(ax) {
		if !slices.ContainsFunc(p.Matrix.Exclude, c.of) {
			out[c] = true
		}
	}
	return out
}

// include adds to cells what an include gives, and reports whether that was anything new.
func (p *Project) include(ax axes, w When, cells map[combo]bool) (added bool) {
	narrowed, err := ax.narrow(p, Selection{}, w)
	if err != nil { // which was said when the file was read
		return true
	}
	for _, c := range product(narrowed) {
		added = added || !cells[c]
		cells[c] = true
	}
	return added
}

// reach are the axes with what the project lists and the caller chose. Where neither lists Gos, and wide is given, those that excludes and
// expectations name are among them, for the caller may choose them the next time.
func (p *Project) reach(sel Selection, wide bool) axes {
	specs := slices.Concat(p.Matrix.Go, sel.Go)
	if len(specs) == 0 && sel.DefaultGo != "" {
		specs = append(specs, sel.DefaultGo)
	}
	if len(p.Matrix.Go) == 0 && wide {
		for _, w := range p.Matrix.Exclude {
			specs = append(specs, w.HostGo, w.PluginGo)
		}
		for _, e := range p.Expects {
			specs = append(specs, e.When.HostGo, e.When.PluginGo)
		}
	}
	var gos []GoSpec
	for _, s := range specs {
		if g, _, err := p.resolveGo(s); s != "" && err == nil && !slices.ContainsFunc(gos, func(o GoSpec) bool { return o.Name == g.Name }) {
			gos = append(gos, g)
		}
	}
	ax := axes{host: gos, plugin: gos, arch: Arches, libc: Libcs}
	if g, ok := fixedHost(p); ok {
		ax.host = []GoSpec{g}
	}
	if g, ok := fixedPlugins(p); ok {
		ax.plugin = []GoSpec{g}
	}
	if len(p.Matrix.Arch) > 0 {
		ax.arch = distinct(p.Matrix.Arch, sel.Arch)
	}
	if len(p.Matrix.Libc) > 0 {
		ax.libc = distinct(p.Matrix.Libc, sel.Libc)
	}
	return ax
}

// gosFixed reports whether the project leaves no choice of the host's Go, or of the plugins'.
func (p *Project) gosFixed() bool {
	_, host := fixedHost(p)
	_, plugins := fixedPlugins(p)
	return host || plugins
}

// of reports whether w selects the combination.
func (c combo) of(w When) bool { return w.matches(c.host.Name, c.plugin.Name, c.arch, c.libc) }

func distinct(lists ...[]string) (out []string) {
	for _, s := range slices.Concat(lists...) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
