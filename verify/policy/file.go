package policy

import (
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// file holds a built file against its project: what it says it was made of, and what was truly linked.
func (c *checker) file(f *File) {
	r := c.rootOf(f)
	deps := map[string]*debug.Module{}
	if f.Info == nil {
		c.find(Finding{Kind: NoBuildInfo, File: f.Name, Incomplete: true}, "it has no build information: versions, sums and replacements of what was linked are not known")
	} else {
		for _, d := range f.Info.Deps {
			deps[d.Path] = d
			c.dependency(f, r, d)
		}
	}
	l := r.listingFor(f)
	for _, pkg := range f.Packages {
		c.linked(f, r, deps, l, pkg)
	}
}

// listing is what a file may be linked from, as the go command lists it.
type listing struct {
	packages map[string]Package
	whole    bool   // nothing else may be
	of       string // the package whose imports these are; "" is the host and all plugins
}

// listingFor is what the host and all plugins of a checkout import. A shipped file is none of these: it may be linked from what its own
// package imports, if that is listed.
func (r *Root) listingFor(f *File) (l listing) {
	if r == nil {
		return l
	}
	l.packages, l.whole = r.packages(), r.builds(arch(f))
	if !f.Shipped || f.Info == nil {
		return l
	}
	l.of, l.whole = f.Info.Path, false
	own := map[string]Package{}
	for i := range r.Builds {
		if b := &r.Builds[i]; b.Path == f.Info.Path && b.Arch == arch(f) {
			l.whole = true
			maps.Copy(own, b.packages())
		}
	}
	if l.whole {
		maps.DeleteFunc(l.packages, func(path string, p Package) bool { return !p.Standard && own[path].Path == "" })
	}
	return l
}

// unlisted is said of a package that was linked and that is not listed.
func (c *checker) unlisted(r *Root, f *File, l listing, at Finding, what string) {
	switch at.Kind = Unlisted; {
	case l.whole && l.of != "":
		c.find(at, "package %s was linked, and %s, from which this file was built, does not import it", what, l.of)
	case l.whole:
		c.find(at, "package %s was linked, and neither the host nor a plugin imports it", what)
	case l.of != "" && r.builds(arch(f)):
		at.Kind, at.Incomplete = NotLooked, true
		c.find(at, "package %s was linked, and what %s, from which this file was built, imports is not listed", what, l.of)
	}
}

// rootOf is the checkout that a file was built in; nil: none of the project's.
func (c *checker) rootOf(f *File) *Root {
	if f.Info == nil {
		if len(c.ev.Roots) == 1 {
			return &c.ev.Roots[0]
		}
		for i := range c.ev.Roots { // the one whose packages it has
			r := &c.ev.Roots[i]
			if slices.ContainsFunc(f.Packages, func(p string) bool {
				return slices.ContainsFunc(r.Manifests, func(m Manifest) bool { return m.Module != "" && below(p, m.Module) })
			}) {
				return r
			}
		}
		return nil
	}
	for i := range c.ev.Roots {
		if r := &c.ev.Roots[i]; r.own(f.Info.Main.Path) {
			return r
		}
	}
	if !f.Shipped && !slices.Contains(c.ev.Published, f.Info.Path) {
		c.find(Finding{Kind: Foreign, File: f.Name, Module: f.Info.Main.Path, Package: f.Info.Path}, "it was built from module %q, which is none of the project's", f.Info.Main.Path)
	}
	return nil
}

// dependency holds one line of build information against the checkout.
func (c *checker) dependency(f *File, r *Root, d *debug.Module) {
	v, replace := dependency(d)
	if r != nil && r.own(d.Path) && replace == nil { // of a workspace
		return
	}
	c.use(r, v, replace, f.Name, f.Name, "")
	at := Finding{File: f.Name, Module: v.String()}
	if replace != nil {
		c.replacedIn(r, v, *replace, at, "by its build information")
	}
	if r == nil {
		return
	}
	from := source(v, replace)
	sum := d.Sum
	if d.Replace != nil {
		sum = d.Replace.Sum
	}
	if want := r.Sums[from]; sum != "" && want != "" && sum != want {
		at.Kind = Sum
		c.find(at, "by its build information %s has the hash %s, and %s names %s", from, sum, r.SumFile, want)
	}
	if want, ok := c.version(r, v.Path); ok && want != v.Version {
		at.Kind = OtherVersion
		c.find(at, "it was linked from %s, and the project has %s", v, want)
	}
}

// replacedIn holds a replacement that build information or the go command names against the rules, unless a directive's line was held already.
func (c *checker) replacedIn(r *Root, v, by module.Version, at Finding, how string) {
	if r != nil {
		if r.directed(v, by) {
			return
		}
	}
	if !c.mayReplace(v.Path, by) {
		at.Kind = Replaced
		c.find(at, "%s %s is replaced by %s, and [[policy.replace]] does not list that", how, v, with(by))
	}
	if by.Version != "" {
		at.Kind = ""
		c.permitted(by, at, false)
	}
}

// version is the version of a module that the project builds: as the go command lists it, else as go.mod requires it.
func (c *checker) version(r *Root, path string) (string, bool) {
	for _, b := range r.Builds {
		for _, p := range b.Packages {
			if p.Module.Path == path {
				return p.Module.Version, true
			}
		}
	}
	if len(r.Builds) > 0 {
		return "", false
	}
	_, req, ok := r.required(path)
	return req.Version.Version, ok
}

// linked holds one linked package against what the file says of itself and against the checkout.
func (c *checker) linked(f *File, r *Root, deps map[string]*debug.Module, l listing, pkg string) {
	at := Finding{Kind: Hidden, File: f.Name, Package: pkg}
	if p, ok := l.packages[pkg]; ok {
		if p.Standard || p.Main {
			return
		}
		c.use(r, p.Module, p.Replace, f.Name, f.Name, pkg)
		if at.Module = p.Module.String(); f.Info != nil && deps[p.Module.Path] == nil {
			c.find(at, "package %s was linked, and the build information does not name its module %s", pkg, p.Module)
		}
		return
	}
	d := longest(pkg, deps)
	if c.isOwn(f, r, d, pkg) {
		if r != nil && f.Info != nil && pkg != f.Info.Path {
			at.Module = f.Info.Main.Path
			c.unlisted(r, f, l, at, pkg)
		}
		return
	}
	if isPluginPath(pkg) || d == nil && c.standard(f, pkg) {
		return
	}
	var known *module.Version
	if r != nil {
		known = requirement(r, pkg)
	}
	switch {
	case d != nil:
		v, replace := dependency(d)
		c.use(r, v, replace, f.Name, f.Name, pkg)
		at.Module = v.String()
		if r == nil {
			return
		}
		if _, ok := c.version(r, v.Path); !ok && (known == nil || known.Path != v.Path) {
			c.find(at, "package %s of %s was linked, and go.mod does not require that", pkg, v)
		} else {
			c.unlisted(r, f, l, at, pkg+" of "+v.String())
		}
	case f.Info != nil && known != nil:
		at.Module = known.String()
		c.use(r, *known, nil, f.Name, f.Name, pkg)
		c.find(at, "package %s was linked, and the build information does not name its module, %s by go.mod", pkg, known)
	case f.Info != nil:
		c.find(at, "package %s was linked, and neither the build information nor go.mod names a module of it", pkg)
	case known != nil:
		c.use(r, *known, nil, f.Name, f.Name, pkg)
	default:
		c.find(at, "package %s was linked, and go.mod names no module of it", pkg)
	}
}

// isOwn reports whether a package is of a main module. d is the dependency with the longest path above it.
func (c *checker) isOwn(f *File, r *Root, d *debug.Module, pkg string) bool {
	own := ""
	if f.Info != nil {
		if pkg == f.Info.Path {
			return true
		}
		if below(pkg, f.Info.Main.Path) {
			own = f.Info.Main.Path
		}
	} else if r != nil {
		for _, m := range r.Manifests {
			if below(pkg, m.Module) && len(m.Module) > len(own) {
				own = m.Module
			}
		}
	}
	return own != "" && (d == nil || len(d.Path) < len(own))
}

// builds reports whether the packages of all hosts and plugins for an architecture were listed.
func (r *Root) builds(arch string) bool {
	return arch != "" && !slices.Contains(r.Partial, arch) && slices.ContainsFunc(r.Builds, func(b Build) bool { return b.Arch == arch })
}

// arch is the architecture that a file's build information names, or "".
func arch(f *File) string {
	if f.Info != nil {
		for _, s := range f.Info.Settings {
			if s.Key == "GOARCH" {
				return s.Value
			}
		}
	}
	return ""
}

// below reports whether a package is of a module, by its path.
func below(pkg, mod string) bool {
	return mod != "" && (pkg == mod || strings.HasPrefix(pkg, mod) && pkg[len(mod)] == '/')
}

// longest is the module of build information that has the longest path above a package.
func longest(pkg string, deps map[string]*debug.Module) *debug.Module {
	for p := pkg; p != ""; p = up(p) {
		if d := deps[p]; d != nil {
			return d
		}
	}
	return nil
}

// requirement is the same of go.mod's requirements.
func requirement(r *Root, pkg string) *module.Version {
	for p := pkg; p != ""; p = up(p) {
		if _, q, ok := r.required(p); ok {
			return &q.Version
		}
	}
	return nil
}

// up is the path without its last element.
func up(p string) string {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return ""
	}
	return p[:i]
}
