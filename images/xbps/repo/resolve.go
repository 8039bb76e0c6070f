package repo

import (
	"maps"
	"slices"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/manifest"
)

// Pool finds packages by name, pattern and virtual package. It is made once for an index and then only read.
type Pool struct {
	packages  map[string]manifest.Props
	names     []string                     // sorted
	providers map[string][]providedVersion // by the virtual package's name
}

type providedVersion struct{ pkgver, by string }

// NewPool makes a Pool of the packages of an index, without the stage.
func NewPool(x *Index) *Pool {
	p := &Pool{packages: x.Packages, names: slices.Sorted(maps.Keys(x.Packages)), providers: map[string][]providedVersion{}}
	for _, by := range p.names {
		for _, v := range x.Packages[by].Provides {
			if name, _, ok := xbps.Split(v); ok {
				p.providers[name] = append(p.providers[name], providedVersion{v, by})
			}
		}
	}
	return p
}

// Names returns the packages' names in order.
func (p *Pool) Names() []string { return p.names }

// Package returns the package of a name.
func (p *Pool) Package(name string) (manifest.Props, bool) {
	props, ok := p.packages[name]
	return props, ok
}

// Find returns the package that satisfies what an element of run_depends, or a user, asks for: a pattern, an exact pkgver
// or a bare name. A real package comes first, then the first provider in the order of names.
func (p *Pool) Find(want string) (manifest.Props, bool) {
	name, pattern := want, false
	if n, ok := xbps.DependencyName(want); ok {
		name, pattern = n, true
	}
	if real, ok := p.packages[name]; ok && (!pattern || xbps.Match(real.Pkgver, want)) {
		return real, true
	}
	for _, v := range p.providers[name] {
		if !pattern || xbps.Match(v.pkgver, want) {
			return p.packages[v.by], true
		}
	}
	return manifest.Props{}, false
}

// Unresolved is a dependency that nothing satisfies.
type Unresolved struct{ Pkgver, Dependency string }

// Closure returns the packages that the wanted ones need, themselves included, dependencies before dependents where
// there is no cycle, and what cannot be satisfied. Both are in a fixed order.
func (p *Pool) Closure(want ...string) (need []manifest.Props, missing []Unresolved) {
	seen := map[string]bool{}
	type frame struct {
		props manifest.Props
		next  int
	}
	var stack []frame
	push := func(by, dep string) {
		props, ok := p.Find(dep)
		if !ok {
			missing = append(missing, Unresolved{by, dep})
			return
		}
		if !seen[props.Name()] {
			seen[props.Name()] = true
			stack = append(stack, frame{props: props})
		}
	}
	for _, w := range want {
		push("", w)
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(top.props.RunDepends) {
				need = append(need, top.props)
				stack = stack[:len(stack)-1]
				continue
			}
			dep := top.props.RunDepends[top.next]
			top.next++
			push(top.props.Pkgver, dep)
		}
	}
	return need, missing
}

// Conflict is a pair of packages that must not be installed together.
type Conflict struct{ Pkgver, With, Pattern string }

// Conflicts returns the conflicts within a set of packages, in the set's order. A package does not conflict with itself,
// nor with what it provides itself.
func Conflicts(set []manifest.Props) (out []Conflict) {
	byName := map[string][]providedVersion{}
	for _, p := range set {
		byName[p.Name()] = append(byName[p.Name()], providedVersion{p.Pkgver, p.Pkgver})
		for _, v := range p.Provides {
			if name, _, ok := xbps.Split(v); ok {
				byName[name] = append(byName[name], providedVersion{v, p.Pkgver})
			}
		}
	}
	for _, p := range set {
		for _, pattern := range p.Conflicts {
			name, isPattern := xbps.DependencyName(pattern)
			if !isPattern {
				name = pattern
			}
			for _, v := range byName[name] {
				if v.by != p.Pkgver && (!isPattern || xbps.Match(v.pkgver, pattern)) {
					out = append(out, Conflict{p.Pkgver, v.by, pattern})
					break
				}
			}
		}
	}
	return out
}
