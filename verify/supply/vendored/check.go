package vendored

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Options say what a check may rely on.
type Options struct {
	// Zips are folders in the layout of a module proxy, $GOMODCACHE/cache/download for one; the first that has a zip is asked.
	Zips []string
}

// Check compares the vendor folder of the module in dir. Findings are sorted by path. The error is for a dir that is no module
// or has no vendor folder, and for what could not be read.
func Check(ctx context.Context, dir string, opt Options) ([]Finding, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	gomod, err := readFile(root, "go.mod", MaxList)
	if err != nil {
		return nil, err
	}
	f, err := modfile.Parse("go.mod", gomod, nil)
	if err != nil {
		return nil, err
	}
	gosum, err := readFile(root, "go.sum", MaxList)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if st, err := root.Lstat("vendor"); err != nil {
		return nil, err
	} else if !st.IsDir() {
		return []Finding{{Linked, "vendor", "", "it is no folder"}}, nil
	}
	text, err := readFile(root, "vendor/modules.txt", MaxList)
	if err != nil {
		return nil, err
	}
	mods, err := parseList(text)
	if err != nil {
		return []Finding{{List, "vendor/modules.txt", "", err.Error()}}, nil
	}
	c := &checker{root: root, sums: parseSums(gosum), opt: opt}
	c.fitsGoMod(f, mods)
	files, err := c.walk(ctx)
	if err != nil {
		return nil, err
	}
	owner := owners(mods)
	byModule := map[string][]string{}
	for _, name := range files {
		m := owner(strings.TrimPrefix(name, "vendor/"))
		if m == "" {
			if name != "vendor/modules.txt" {
				c.find(Added, name, "", "no module of vendor/modules.txt has it")
			}
			continue
		}
		byModule[m] = append(byModule[m], name)
	}
	for _, m := range mods {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := c.module(m, byModule[m.Path], owner); err != nil {
			return nil, err
		}
	}
	sort.SliceStable(c.found, func(i, j int) bool { return c.found[i].Path < c.found[j].Path })
	return c.found, nil
}

type checker struct {
	root  *os.Root
	sums  map[module.Version]string
	opt   Options
	found []Finding
}

func (c *checker) find(k Kind, path, mod, format string, args ...any) {
	c.found = append(c.found, Finding{k, path, mod, fmt.Sprintf(format, args...)})
}

// fitsGoMod asks that the list names the versions and replacements of go.mod, as "go build -mod=vendor" does, too.
func (c *checker) fitsGoMod(f *modfile.File, mods []mod) {
	listed := map[string]mod{}
	for _, m := range mods {
		listed[m.Path] = m
	}
	for _, r := range f.Require {
		if m, ok := listed[r.Mod.Path]; ok && m.Version.Version != r.Mod.Version {
			c.find(List, "vendor/modules.txt", r.Mod.String(), "go.mod requires %s, and the list has %s", r.Mod, m.Version)
		}
	}
	for _, m := range mods {
		want := m.Version
		for _, r := range f.Replace {
			if r.Old.Path == m.Path && (r.Old.Version == "" || r.Old.Version == m.Version.Version) {
				want = r.New
			}
		}
		if m.from != want {
			c.find(List, "vendor/modules.txt", m.Version.String(), "the list takes its files from %s, and go.mod from %s", m.from, want)
		}
	}
}

// walk lists regular files and reports all else, without following links.
func (c *checker) walk(ctx context.Context) ([]string, error) {
	var out []string
	err := fs.WalkDir(c.root.FS(), "vendor", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir():
		case d.Type().IsRegular():
			out = append(out, name)
		default:
			c.find(Linked, name, "", "it is no regular file (%s)", d.Type())
		}
		return nil
	})
	return out, err
}

// owners gives for a path below vendor the path of the module it belongs to: the longest that is a prefix.
func owners(mods []mod) func(string) string {
	known := map[string]bool{}
	for _, m := range mods {
		known[m.Path] = true
	}
	return func(name string) string {
		for p := path.Dir(name); p != "."; p = path.Dir(p) {
			if known[p] {
				return p
			}
		}
		return ""
	}
}

// parseSums keeps the zip hashes of a go.sum; lines that cannot be read name nothing.
func parseSums(data []byte) map[module.Version]string {
	out := map[module.Version]string{}
	for _, line := range strings.Split(string(data), "\n") {
		w := strings.Fields(line)
		if len(w) != 3 || strings.HasSuffix(w[1], "/go.mod") || !strings.HasPrefix(w[2], "h1:") {
			continue
		}
		v := module.Version{Path: w[0], Version: w[1]}
		if old, ok := out[v]; ok && old != w[2] {
			w[2] = "two different sums"
		}
		out[v] = w[2]
	}
	return out
}

// zip finds a module's zip, or "".
func (c *checker) zip(v module.Version) (string, error) {
	p, err := module.EscapePath(v.Path)
	if err != nil {
		return "", err
	}
	ver, err := module.EscapeVersion(v.Version)
	if err != nil {
		return "", err
	}
	for _, dir := range c.opt.Zips {
		name := path.Join(dir, p, "@v", ver+".zip")
		st, err := os.Stat(name)
		if err == nil && st.Mode().IsRegular() {
			return name, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}
