package policy

import (
	"path/filepath"
	"runtime/debug"
	"slices"

	"golang.org/x/mod/module"
)

// Evidence is everything that the rules are held against.
type Evidence struct {
	Roots     []Root
	Files     []File
	Published []string                                                                                        // main packages that are built from a published version: their files know no go.mod of the project's
	Std       map[string]map[string]bool                                                                      // the standard library's packages by the version of the Go that has them; a version that is not there is unknown
	Texts     func(m module.Version, replace *module.Version, roots []string, dirs []string) ([]Texts, error) // as Sources.Texts; nil: licences are not asked
	Digests   func(path string, roots []string) (map[string]string, error)                                    // as Sources.Digests; nil: no directory is known by what it holds
	RulesFile string                                                                                          // the name of plugproof.toml in findings
	RuleLine  func(key string) int                                                                            // where a key below [policy] stands; 0 is unknown
	Now       Date
}

// Version is a module at a version.
type Version = module.Version

// A Root is one checkout: a main module, or the main modules of a workspace, and what is built in it.
type Root struct {
	Dir       string // of its go.work, else its go.mod: relative replacements are below it
	Manifests []Manifest
	Sums      Sums   // nil: there is no go.sum
	SumFile   string // its name in findings
	Builds    []Build
	Unlisted  bool     // what a shipped file's package imports could not be listed: nobody knows what is unused
	Partial   []string // architectures of which not every build could be listed: what no other one needs is not unused
}

// A Build is what a host or a plugin is linked from, as the go command lists it.
type Build struct {
	Subject  string // "host", or the plugin's package
	Path     string // import path of its main package; "" is unknown
	Arch     string // GOARCH
	Packages []Package
}

// A Package is one of them.
type Package struct {
	Path     string
	Module   module.Version  // as required; the zero value for the standard library's
	Replace  *module.Version // from where it is taken, where that is another module or a directory
	Main     bool            // of a main module
	Standard bool
	Imports  []string
}

// source is from where the module's files are taken.
func source(m module.Version, replace *module.Version) module.Version {
	if replace != nil {
		return *replace
	}
	return m
}

// used is a module that is part of what is built, and how that is known.
type used struct {
	module   module.Version
	replace  *module.Version
	packages map[string]bool
	in       map[string]bool // subjects, and names of files
	roots    map[string]bool // directories of checkouts that it is used in; empty: unknown
	listed   bool            // the go command lists it
	file     string          // the first file that it was seen in; "" if a build is enough
	example  string          // a package of it
}

func (u *used) add(r *Root, in, file, pkg string) {
	if u.packages == nil {
		u.packages, u.in, u.roots = map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	u.in[in] = true
	if r != nil {
		u.roots[r.Dir] = true
	}
	if u.file == "" {
		u.file = file
	}
	u.listed = u.listed || file == ""
	if pkg != "" {
		if u.example == "" || pkg < u.example {
			u.example = pkg
		}
		u.packages[pkg] = true
	}
}

// own reports whether a module is a main one of the root.
func (r *Root) own(path string) bool {
	if slices.ContainsFunc(r.Manifests, func(m Manifest) bool { return m.Module == path }) {
		return true
	}
	for _, b := range r.Builds {
		if slices.ContainsFunc(b.Packages, func(p Package) bool { return p.Main && p.Module.Path == path }) {
			return true
		}
	}
	return false
}

// packages are a build's by their paths.
func (b *Build) packages() map[string]Package {
	out := make(map[string]Package, len(b.Packages))
	for _, p := range b.Packages {
		out[p.Path] = p
	}
	return out
}

// packages are all packages of the root's builds, each once: as one of them has it.
func (r *Root) packages() map[string]Package {
	out := map[string]Package{}
	for _, b := range r.Builds {
		for _, p := range b.Packages {
			out[p.Path] = p
		}
	}
	return out
}

// required finds where a module's requirement stands, whatever its version.
func (r *Root) required(path string) (file string, req Require, ok bool) {
	return r.requires(module.Version{Path: path}, false)
}

// requires finds where a module's requirement stands: of that version exactly, or of any.
func (r *Root) requires(v module.Version, exactly bool) (file string, req Require, ok bool) {
	for _, m := range r.Manifests {
		for _, q := range m.Requires {
			if q.Path == v.Path && (!exactly || q.Version.Version == v.Version) {
				return m.File, q, true
			}
		}
	}
	return "", Require{}, false
}

// replaced is what the root's directives say of a module; a go.work's come first, for they win.
func (r *Root) replaced(v module.Version) (Replacement, bool) {
	for _, work := range []bool{true, false} {
		for _, m := range r.Manifests {
			if (m.Module == "") == work {
				if x, ok := m.replaced(v); ok {
					return x, true
				}
			}
		}
	}
	return Replacement{}, false
}

// directed reports whether a directive of the root says that a module is taken from there. In a workspace the go command names a
// directory as seen from the go.work, and not from the go.mod that replaces by it.
func (r *Root) directed(v, by module.Version) bool {
	for _, m := range r.Manifests {
		x, ok := m.replaced(v)
		if ok && (x.New == by || by.Version == "" && x.New.Version == "" && m.Dir != "" && under(m.Dir, x.New.Path) == under(r.Dir, by.Path)) {
			return true
		}
	}
	return false
}

// under is a replacement's directory as seen from nowhere in particular.
func under(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

// dependency turns a line of build information into versions: "(devel)" is a directory's.
func dependency(d *debug.Module) (v module.Version, replace *module.Version) {
	plain := func(s string) string {
		if s == "(devel)" {
			return ""
		}
		return s
	}
	v = module.Version{Path: d.Path, Version: plain(d.Version)}
	if d.Replace != nil {
		replace = &module.Version{Path: d.Replace.Path, Version: plain(d.Replace.Version)}
	}
	return v, replace
}
