package elfdiff

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// dirPair maps a directory of A's source files to the one of B's in which the same files lie.
type dirPair struct {
	a, b  string
	files int
	rel   map[string]bool // directories below a and b, "" for themselves
}

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
	common := unmoved(a.files, b.files)
	var out []namedCause
	var moved, vendored []dirPair
	trimmed := 0
	for _, p := range pairDirs(pairs) {
		absA, absB := path.IsAbs(p.a), path.IsAbs(p.b)
		switch {
		case absA && absB && vendoredPair(p, modules):
			vendored = append(vendored, p)
		case sameModule(p.a, p.b):
		case absA && absB && !p.partly(common):
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

// unmoved are the directories of files that both have under one absolute name and that are neither GOROOT's nor a module cache's.
func unmoved(x, y []string) []string {
	has := make(map[string]bool, len(y))
	for _, f := range y {
		has[f] = true
	}
	dirs := map[string]bool{}
	for _, f := range x {
		if has[f] && path.IsAbs(f) && !strings.Contains(f, "@") && !inGOROOT(f) {
			dirs[path.Dir(f)] = true
		}
	}
	return sortedKeys(dirs, nil)
}

// inGOROOT reports whether an absolute file name may be the standard library's: DIR/src/PACKAGE/FILE.
func inGOROOT(f string) bool {
	for rest := f; ; {
		_, after, ok := strings.Cut(rest, "/src/")
		if !ok {
			return false
		}
		if first, _, _ := strings.Cut(after, "/"); slices.Contains(standardRoots, first) {
			return true
		}
		rest = "/" + after
	}
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

func onlyIn(x, y []string) []string {
	has := make(map[string]bool, len(y))
	for _, f := range y {
		has[f] = true
	}
	var out []string
	for _, f := range x {
		if !has[f] {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// pairByEnd pairs each name of x with the name of y that shares the longest end of whole path elements.
func pairByEnd(x, y []string) (out []filePair) {
	if len(x) > maxPaired || len(y) > maxPaired {
		return nil
	}
	byBase := map[string][]string{}
	for _, f := range y {
		byBase[path.Base(f)] = append(byBase[path.Base(f)], f)
	}
	for _, f := range x {
		best, n := "", 0
		for _, g := range byBase[path.Base(f)][:min(len(byBase[path.Base(f)]), 256)] {
			if k := commonEnd(f, g); k > n {
				best, n = g, k
			}
		}
		if n > 0 {
			out = append(out, filePair{f, best})
		}
	}
	return out
}

// pairDirs groups pairs of one file by what stands before their common ends. The most frequent pair of directories comes first.
func pairDirs(pairs []filePair) []dirPair {
	index := map[[2]string]int{}
	var out []dirPair
	for _, p := range pairs {
		n := commonEnd(p.a, p.b)
		if n == 0 {
			continue
		}
		key := [2]string{strings.TrimSuffix(p.a[:len(p.a)-n], "/"), strings.TrimSuffix(p.b[:len(p.b)-n], "/")}
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, dirPair{a: key[0], b: key[1], rel: map[string]bool{}})
		}
		out[i].files++
		rel := path.Dir(strings.TrimPrefix(p.a[len(p.a)-n:], "/"))
		if rel == "." {
			rel = ""
		}
		out[i].rel[rel] = true
	}
	slices.SortStableFunc(out, func(p, q dirPair) int { return q.files - p.files })
	return out
}

// commonEnd is the length of the longest common end of f and g that begins at a path separator.
func commonEnd(f, g string) int {
	n := 0
	for i := 1; i <= len(f) && i <= len(g) && f[len(f)-i] == g[len(g)-i]; i++ {
		if f[len(f)-i] == '/' {
			n = i
		}
	}
	if n == 0 && path.Base(f) == path.Base(g) && (!strings.Contains(f, "/") || !strings.Contains(g, "/")) {
		n = len(path.Base(f))
	}
	return n
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
		case d.rel["runtime"]:
			std = true
		case strings.Contains(d.a+d.b, "@") || vendorName(d.a+"/") || vendorName(d.b+"/"):
			deps = true
		default:
			for rel := range d.rel {
				std = std || slices.Contains(standardRoots, firstElement(strings.TrimPrefix(rel, "src/"))) && strings.HasPrefix(rel, "src/")
				deps = deps || strings.Contains(rel, "@")
				main = main || !strings.HasPrefix(rel, "src/") && !strings.Contains(rel, "@")
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
			if pkg := packageOf(e.Symbol); pkg != "" {
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

func firstElement(p string) string {
	first, _, _ := strings.Cut(p, "/")
	return first
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
