package policy

import (
	"slices"
	"strings"
)

// critical follows what the critical packages of a root import, directly or through others, and finds modules that nobody audited.
func (c *checker) critical(r *Root) {
	if len(c.rules.parsed.critical) == 0 {
		return
	}
	packages := r.packages()
	names := make([]string, 0, len(packages))
	for name := range packages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if p := packages[name]; p.Standard || !c.isCritical(p) {
			continue
		}
		c.follow(r, packages, name)
	}
}

// isCritical asks the patterns, of which "./x" is about main modules.
func (c *checker) isCritical(p Package) bool {
	own := ""
	if p.Main {
		own = ownPrefix + strings.TrimPrefix(p.Path, p.Module.Path)
	}
	return slices.ContainsFunc(c.rules.parsed.critical, func(pat Pattern) bool {
		return pat.matchesPath(p.Path) || own != "" && pat.matchesPath(own)
	})
}

// follow walks the imports of one critical package, nearest first, and names the way to each module that was not audited.
func (c *checker) follow(r *Root, packages map[string]Package, start string) {
	from := map[string]string{start: ""}
	queue := []string{start}
	said := map[string]bool{}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		p := packages[name]
		if !p.Main && !p.Standard && p.Module.Path != "" {
			if find(c.rules.parsed.audited, source(p.Module, p.Replace)) < 0 && !said[p.Module.Path] {
				said[p.Module.Path] = true
				way := []string{}
				for at := name; at != ""; at = from[at] {
					way = append(way, at)
				}
				slices.Reverse(way)
				at := c.place(&used{module: p.Module, example: start})
				at.Kind, at.Rule = Unaudited, c.line("critical")
				c.find(at, "%s may import audited modules only: %s, of %s", start, strings.Join(way, " -> "), source(p.Module, p.Replace))
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
