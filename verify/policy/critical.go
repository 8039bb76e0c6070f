package policy

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// critical follows what the critical packages of each of a root's builds import, directly or through others, and finds modules that
// nobody audited. An architecture's, or a tag's, imports are its own build's.
func (c *checker) critical(r *Root) {
	if len(c.rules.parsed.critical) == 0 {
		return
	}
	said := map[unaudited]bool{}
	for i := range r.Builds {
		packages := r.Builds[i].packages()
		for _, name := range slices.Sorted(maps.Keys(packages)) {
			if p := packages[name]; !p.Standard && c.isCritical(p) {
				c.follow(r, packages, name, said)
			}
		}
	}
}

// unaudited is what is said once of a root: that a critical package imports a module.
type unaudited struct {
	start  string
	module module.Version
}

// dead finds patterns of critical packages that fit none of what is built.
func (c *checker) dead() {
	builds := 0
	if slices.ContainsFunc(c.ev.Roots, func(r Root) bool { return len(r.Partial) > 0 || r.Unlisted }) {
		return // what it fits may be in what could not be listed
	}
	for i, pat := range c.rules.parsed.critical {
		fits := false
		for _, r := range c.ev.Roots {
			for _, b := range r.Builds {
				builds++
				fits = fits || slices.ContainsFunc(b.Packages, func(p Package) bool { return !p.Standard && pat.fits(p) })
			}
		}
		if builds == 0 {
			return // nothing says what is built
		}
		if !fits {
			line := c.line("critical.%d", i)
			c.find(Finding{Kind: DeadRule, File: c.ev.RulesFile, Line: line, Rule: line}, "critical names %q, and no package of the host or a plugin fits that", pat)
		}
	}
}

// isCritical asks the patterns.
func (c *checker) isCritical(p Package) bool {
	return slices.ContainsFunc(c.rules.parsed.critical, func(pat Pattern) bool { return pat.fits(p) })
}

// fits asks one pattern, of which "./x" is about main modules.
func (p Pattern) fits(pkg Package) bool {
	return p.matchesPath(pkg.Path) || pkg.Main && p.matchesPath(ownPrefix+strings.TrimPrefix(pkg.Path, pkg.Module.Path))
}

// follow walks the imports of one critical package, nearest first, and names the way to each module that was not audited.
func (c *checker) follow(r *Root, packages map[string]Package, start string, said map[unaudited]bool) {
	from := map[string]string{start: ""}
	queue := []string{start}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		p := packages[name]
		if !p.Main && !p.Standard && p.Module.Path != "" {
			taken := source(p.Module, p.Replace)
			here := map[string]bool{r.Dir: true}
			if once := (unaudited{start, taken}); !said[once] && !slices.ContainsFunc(c.rules.parsed.audited, func(s subject) bool { return c.covers(s, taken, here) }) {
				said[once] = true
				way := []string{}
				for at := name; at != ""; at = from[at] {
					way = append(way, at)
				}
				slices.Reverse(way)
				at := c.place(&used{module: p.Module, example: start})
				at.Kind, at.Rule = Unaudited, c.line("critical")
				c.find(at, "%s may import audited modules only: %s, of %s", start, strings.Join(way, " -> "), c.described(taken, here))
			}
		}
		for _, next := range p.Imports {
			if _, seen := from[next]; !seen && packages[next].Path != "" && !packages[next].Standard {
				from[next] = name
				queue = append(queue, next)
			}
		}
	}
}
