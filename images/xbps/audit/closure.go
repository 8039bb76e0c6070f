package audit

import (
	"slices"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/repo"
)

// closure says for every package of an index which dependency nothing satisfies, which library nothing that it needs
// provides, and with what it conflicts that it needs itself: what xbps would refuse to install.
func (a *auditor) closure(index string, x *repo.Index) {
	pool := repo.NewPool(x)
	assumed := map[string]bool{}
	for _, s := range a.opt.Assume {
		assumed[s] = true
	}
	for _, name := range pool.Names() {
		p, _ := pool.Package(name)
		for _, dep := range p.RunDepends {
			if _, ok := xbps.DependencyName(dep); !ok {
				continue // said as bad-dependency
			}
			if _, ok := pool.Find(dep); !ok && !a.assumes(dep) {
				a.add(index, "", MissingDep, "%s needs %q, which no package satisfies", p.Pkgver, dep)
			}
		}
		if len(p.ShlibRequires) == 0 && len(p.Conflicts) == 0 {
			continue
		}
		need, _ := pool.Closure(p.Pkgver)
		if !slices.ContainsFunc(need, func(q manifest.Props) bool { return q.Pkgver == p.Pkgver }) {
			need = append(need, p)
		}
		for _, m := range repo.MissingLibraries(need, assumed) {
			if m.Pkgver == p.Pkgver {
				a.add(index, "", MissingLibrary, "%s needs the library %s, which no package that it needs provides", p.Pkgver, m.Dependency)
			}
		}
		for _, c := range repo.Conflicts(need) {
			if c.Pkgver == p.Pkgver {
				a.add(index, "", Conflicting, "%s conflicts with %s (%q), which it needs", c.Pkgver, c.With, c.Pattern)
			}
		}
	}
}

// assumes reports whether the target machine is said to have what a dependency asks for.
func (a *auditor) assumes(dep string) bool {
	name, _ := xbps.DependencyName(dep)
	return slices.ContainsFunc(a.opt.Assume, func(s string) bool { return s == name || xbps.Match(s, dep) })
}
