package elfdiff

import (
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
		if n == 0 || !compiled(p.a) {
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
