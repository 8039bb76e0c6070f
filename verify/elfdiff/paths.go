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

// maxPaired bounds the file names that are paired: matching is by base name.
const maxPaired = 1 << 16

// pathCauses pairs the file names that only one of the line tables has by their common ends.
func (c *comparison) pathCauses(a, b *facts) []namedCause {
	x, y := onlyIn(a.files, b.files), onlyIn(b.files, a.files)
	if len(x) == 0 || len(y) == 0 || len(x) > maxPaired || len(y) > maxPaired {
		return nil
	}
	var out []namedCause
	var moved, trimmed []dirPair
	for _, p := range pairDirs(x, y) {
		absA, absB := path.IsAbs(p.a), path.IsAbs(p.b)
		switch {
		case sameModule(p.a, p.b):
		case absA && absB:
			moved = append(moved, p)
		case absA != absB:
			trimmed = append(trimmed, p)
		}
	}
	if len(moved) > 0 {
		out = append(out, namedCause{Cause{ID: "build-path", Evidence: sayPairs(moved)}, c.pathScope(moved, a, b)})
	}
	if len(trimmed) > 0 && a.settings["-trimpath"] == b.settings["-trimpath"] {
		out = append(out, namedCause{Cause{ID: "trimpath-one-side", Evidence: sayPairs(trimmed)}, scope{all: true}})
	}
	return out
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

// pairDirs pairs each name of x with the name of y that shares the longest end of whole path elements, and groups the pairs by
// what stands before it. The most frequent pair comes first.
func pairDirs(x, y []string) []dirPair {
	byBase := map[string][]string{}
	for _, f := range y {
		byBase[path.Base(f)] = append(byBase[path.Base(f)], f)
	}
	index := map[[2]string]int{}
	var out []dirPair
	for _, f := range x {
		best, n := "", 0
		for _, g := range byBase[path.Base(f)][:min(len(byBase[path.Base(f)]), 256)] {
			if k := commonEnd(f, g); k > n {
				best, n = g, k
			}
		}
		if n == 0 {
			continue
		}
		key := [2]string{strings.TrimSuffix(f[:len(f)-n], "/"), strings.TrimSuffix(best[:len(best)-n], "/")}
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, dirPair{a: key[0], b: key[1], rel: map[string]bool{}})
		}
		out[i].files++
		rel := path.Dir(strings.TrimPrefix(f[len(f)-n:], "/"))
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
	return okA && okB && x == y
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

// pathScope: file names wherever they stand, and the fingerprints of the packages whose files moved, since positions are part of them.
func (c *comparison) pathScope(ps []dirPair, a, b *facts) scope {
	pkgs := map[string]bool{}
	main, all, root := "", true, false
	if a.info != nil {
		main = a.info.Main.Path
		for _, d := range ps { // is one of the directories the main module's?
			for rel := range d.rel {
				root = root || main != "" && (a.info.Path == main+"/"+rel || a.info.Path == main && rel == "")
			}
		}
	}
	for p, h := range a.pkgs {
		if b.pkgs[p] == h {
			continue
		}
		found := root && (p == "main" || p == main || strings.HasPrefix(p, main+"/"))
		if found {
			pkgs[p] = true
		}
		for _, d := range ps {
			for rel := range d.rel {
				if ends(p, rel) || ends(rel, p) || (rel == "" && (p == main || ends(d.a, p) || path.Base(p) == path.Base(d.a) || p == a.path)) {
					pkgs[p], found = true, true
				}
			}
		}
		all = all && found
	}
	return scope{places: func(e Evidence) bool {
		if isDebug(e.Section) || e.Structure == pclnFileNames {
			return true
		}
		if e.Structure == structFingerprint {
			return all || pkgs[packageOf(e.Symbol)] // the hashes that are compared with have names without a package
		}
		for _, d := range ps {
			if d.a != "" && d.b != "" && strings.Contains(e.A, d.a) && strings.Contains(e.B, d.b) {
				return true
			}
		}
		return false
	}}
}

// ends reports whether path p is suffix or ends with "/"+suffix.
func ends(p, suffix string) bool {
	return suffix != "" && (p == suffix || strings.HasSuffix(p, "/"+suffix))
}
