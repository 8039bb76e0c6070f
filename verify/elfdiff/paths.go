package elfdiff

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxPaired bounds the file names that are looked at.
const maxPaired = 1 << 16

// pathCauses pairs the source file names under which both line tables know one function.
func (c *comparison) pathCauses(a, b *facts) []namedCause {
	pairs := c.filePairs
	if len(pairs) == 0 { // no function was compared: names with a common end
		pairs = pairByEnd(onlyIn(a.files, b.files), onlyIn(b.files, a.files))
	}
	if len(pairs) == 0 || len(pairs) > maxPaired {
		return nil
	}
	modules := merged(a.modules(), b.modules())
	common := unmoved(a, b)
	stays := a.moduleAt(common)
	var out []namedCause
	var moved, vendored []dirPair
	trimmed := 0
	for _, p := range pairDirs(pairs) {
		absA, absB := path.IsAbs(p.a), path.IsAbs(p.b)
		switch {
		case absA && absB && vendoredPair(p, modules):
			vendored = append(vendored, p)
		case sameModule(p.a, p.b):
		case absA && absB && (p.goroot(a, b) || strings.Contains(p.a+p.b, "@") || !stays && !p.partly(common)):
			moved = append(moved, p)
		case absA != absB && p.rel["runtime"]:
			trimmed++
		}
	}
	if len(vendored) > 0 {
		out = append(out, namedCause{Cause{ID: "vendor-mode", Evidence: sayPairs(vendored)}, c.pathScope(vendored, a, b)})
	}
	if len(moved) > 0 {
		out = append(out, namedCause{Cause{ID: "build-path", Evidence: sayPairs(moved)}, c.pathScope(moved, a, b)})
	}
	if trimmed > 0 && (a.info == nil || b.info == nil) { // else the build information says so
		out = append(out, namedCause{Cause{ID: "trimpath-one-side", Evidence: "the standard library's files have absolute names on one side alone"}, scope{all: true}})
	}
	return out
}

// vendoredPair reports whether the files lie in vendor on one side, below a module's path, and elsewhere on the other.
func vendoredPair(p dirPair, modules map[string]string) bool {
	if vendorName(p.a+"/") == vendorName(p.b+"/") {
		return false
	}
	dir := p.a
	if vendorName(p.b + "/") {
		dir = p.b
	}
	_, in, _ := strings.Cut(dir+"/", "/vendor/")
	for rel := range p.rel {
		for m := range modules {
			if inModule(strings.TrimPrefix(path.Join(in, rel), "/"), m) {
				return true
			}
		}
	}
	return false
}

// unmoved are the directories of files that both have under one absolute name and that are neither the standard library's nor in a module cache.
func unmoved(a, b *facts) []string {
	has := make(map[string]bool, len(b.files))
	for _, f := range b.files {
		has[f] = true
	}
	dirs, std := map[string]bool{}, a.goroot()
	for _, f := range a.files {
		if has[f] && path.IsAbs(f) && !strings.Contains(f, "@") && !below(std, f) {
			dirs[path.Dir(f)] = true
		}
	}
	return sortedKeys(dirs, nil)
}

// goroot is the directory of the standard library, GOROOT/src, by the file names of a package that every program has; "" under -trimpath.
func (f *facts) goroot() string {
	for _, name := range f.files {
		for _, known := range []string{"/runtime/proc.go", "/runtime/panic.go", "/runtime/malloc.go"} {
			if dir, ok := strings.CutSuffix(name, known); ok && path.IsAbs(dir) {
				return dir
			}
		}
	}
	return ""
}

// below reports whether a file lies in a directory; nothing lies in "".
func below(dir, file string) bool { return dir != "" && strings.HasPrefix(file, dir+"/") }

// moduleAt reports whether one of the directories is a package's of the main module, by what follows the module's root.
func (f *facts) moduleAt(dirs []string) bool {
	if f.info == nil || f.info.Main.Path == "" {
		return false
	}
	for pkg := range f.pkgs {
		if rel, ok := strings.CutPrefix(pkg, f.info.Main.Path+"/"); ok && slices.ContainsFunc(dirs, func(d string) bool { return ends(d, rel) }) {
			return true
		}
	}
	return false
}

// compiled reports whether a name is that of a file that is compiled, and not that of a grammar or the like in a line directive.
func compiled(name string) bool {
	return slices.Contains([]string{".go", ".s", ".S", ".c", ".h", ".cc", ".cpp", ".cxx", ".m"}, path.Ext(name))
}

// goroot reports whether it is the standard library that has another place.
func (p dirPair) goroot(a, b *facts) bool {
	for rel := range p.rel {
		if below(a.goroot(), path.Join(p.a, rel)+"/x") && below(b.goroot(), path.Join(p.b, rel)+"/x") {
			return true
		}
	}
	return false
}

// partly reports whether other files of the pair's packages stayed where they were: then it is a line directive or an edit that names
// other files, and not the directory of the build.
func (p dirPair) partly(common []string) bool {
	for rel := range p.rel {
		for _, d := range common {
			if rel == "" || ends(d, rel) {
				return true
			}
		}
	}
	return false
}

// sameModule reports whether the directories are two versions of one module: "x/mod@v1.2.0" and "x/mod@v1.3.0".
func sameModule(a, b string) bool {
	x, _, okA := strings.Cut(path.Base(a), "@")
	y, _, okB := strings.Cut(path.Base(b), "@")
	return okA && okB && x == y && path.Base(a) != path.Base(b)
}

func sayPairs(ps []dirPair) string {
	var parts []string
	for i, p := range ps {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("%d more", len(ps)-i))
			break
		}
		s := "s"
		if p.files == 1 {
			s = ""
		}
		parts = append(parts, fmt.Sprintf("%s and %s in %d file name%s", orRoot(p.a), orRoot(p.b), p.files, s))
	}
	return strings.Join(parts, "; ")
}

func orRoot(dir string) string {
	if dir == "" {
		return "(no directory)"
	}
	return dir
}

// pathScope: file names wherever they stand, and the fingerprints of the packages that lie in, or import, a module that moved: positions
// are part of them, and those of what is inlined from another package.
func (c *comparison) pathScope(ps []dirPair, a, b *facts) scope {
	std, deps, main := false, false, false
	for _, d := range ps {
		switch {
		case d.goroot(a, b):
			std = true
		case strings.Contains(d.a+d.b, "@") || vendorName(d.a+"/") || vendorName(d.b+"/"):
			deps = true
		default:
			for rel := range d.rel {
				deps = deps || strings.Contains(rel, "@")
				main = main || !strings.Contains(rel, "@")
			}
		}
	}
	covered := func(pkg string) bool {
		switch {
		case std:
			return true
		case a.standard(pkg):
			return false
		case deps:
			return true
		}
		return main && (a.info == nil || pkg == "main" || pkg == a.path || inModule(pkg, a.info.Main.Path) || !a.fromCache(pkg))
	}
	all := true
	for p, h := range a.pkgs {
		if b.pkgs[p] != h {
			all = all && covered(p)
		}
	}
	return scope{places: func(e Evidence) bool {
		if isDebug(e.Section) || e.Structure == pclnFileNames {
			return true
		}
		if e.Structure == structFingerprint {
			if pkg := fingerprinted(e); pkg != "" {
				return covered(pkg)
			}
			return all // the hashes that are compared with have names without a package
		}
		for _, d := range ps {
			if d.a != "" && d.b != "" && strings.Contains(e.A, d.a) && strings.Contains(e.B, d.b) {
				return true
			}
		}
		return false
	}}
}

// fromCache reports whether a package is of a module that has a version and is not replaced by a directory.
func (f *facts) fromCache(pkg string) bool {
	for _, d := range f.info.Deps {
		if inModule(pkg, d.Path) {
			return d.Replace == nil || d.Replace.Version != ""
		}
	}
	return false
}

// ends reports whether path p is suffix or ends with "/"+suffix.
func ends(p, suffix string) bool {
	return suffix != "" && (p == suffix || strings.HasSuffix(p, "/"+suffix))
}
