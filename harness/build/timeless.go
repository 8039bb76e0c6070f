package build

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// timeless reports whether nothing that the two sides are going to do can look at a clock, so that they may work in the same second: no
// command of the project's own is run, and nothing but Go is compiled. The Go compiler and linker put no time into what they make; C
// compilers do (__TIME__). So there must be no cgo in the tree, and what lies outside of it must have been compiled before, in both
// caches, for the same build list and flags.
func timeless(j Job, sides []*side) bool {
	if j.Tree.cgo || len(j.Before) > 0 || len(j.Command) > 0 {
		return false
	}
	templates := func(s string) bool { return strings.Contains(s, "{{cmd:") }
	if slices.ContainsFunc(j.Flags, templates) || slices.ContainsFunc(slices.Collect(maps.Values(j.Env)), templates) {
		return false
	}
	for _, s := range sides {
		if s.set.cache != "" || !s.warm || s.w.clock != "" {
			return false
		}
		if _, err := os.Stat(s.done()); err != nil {
			return false
		}
	}
	return true
}

// remember notes in both caches that they hold all that this job's build list and flags ask for.
func remember(j Job, sides []*side) {
	for _, s := range sides {
		if s.set.cache == "" && isDir(s.cache) {
			os.WriteFile(s.done(), nil, 0o644) // without it the next run waits for a second
		}
	}
}

// done is the mark of remember in the side's cache.
func (s *side) done() string {
	j := s.job
	var text strings.Builder
	fmt.Fprintf(&text, "%q %q %q %q %q %q %v\n", j.Tree.Base, j.Tree.Project, j.Dir, j.Package, j.Version, j.Flags, j.Plugin)
	for _, k := range slices.Sorted(maps.Keys(j.Env)) {
		fmt.Fprintf(&text, "%q=%q\n", k, j.Env[k])
	}
	filepath.WalkDir(s.tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		switch d.Name() {
		case "go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt":
			data, err := readSmall(path)
			rel, _ := filepath.Rel(s.tree, path)
			fmt.Fprintf(&text, "%q %v %s\n", rel, err != nil, results.DigestOf(data))
		case ".git", "node_modules":
			if d.IsDir() {
				return filepath.SkipDir
			}
		}
		return nil
	})
	for _, dir := range j.Tree.Fixed { // what lies there may change without notice
		fmt.Fprintf(&text, "fixed %q %v\n", dir, s.b.Now())
	}
	return filepath.Join(s.cache, "plugproof-built-"+results.DigestOf([]byte(text.String())).Short())
}
