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
	walker := repo.NewWalker(pool)
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
		a.libraries(index, p, walker)
		a.conflicts(index, p, walker)
	}
}

// libraries looks for each element of shlib-requires in what the package needs, itself included, as xbps does before it
// installs (lib/transaction_check_shlibs.c).
func (a *auditor) libraries(index string, p manifest.Props, walker *repo.Walker) {
	missing := map[string]bool{}
	for _, lib := range p.ShlibRequires {
		if !slices.Contains(a.opt.Assume, lib) {
			missing[lib] = true
		}
	}
	if len(missing) == 0 {
		return
	}
	walker.From(p.Name(), func(q manifest.Props) bool {
		for _, lib := range q.ShlibProvides {
			delete(missing, lib)
		}
		return len(missing) > 0
	})
	for lib := range missing {
		a.add(index, "", MissingLibrary, "%s needs the library %s, which no package that it needs provides", p.Pkgver, lib)
	}
}

func (a *auditor) conflicts(index string, p manifest.Props, walker *repo.Walker) {
	if len(p.Conflicts) == 0 {
		return
	}
	var need []manifest.Props
	walker.From(p.Name(), func(q manifest.Props) bool {
		need = append(need, q)
		return true
	})
	for _, c := range repo.Conflicts(need) {
		if c.Pkgver == p.Pkgver {
			a.add(index, "", Conflicting, "%s conflicts with %s (%q), which it needs", c.Pkgver, c.With, c.Pattern)
		}
	}
}

// assumes reports whether the target machine is said to have what a dependency asks for.
func (a *auditor) assumes(dep string) bool {
	name, _ := xbps.DependencyName(dep)
	return slices.ContainsFunc(a.opt.Assume, func(s string) bool { return s == name || xbps.Match(s, dep) })
}
