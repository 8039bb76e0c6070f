package plan

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/fixtures"
)

// CheckPackages looks whether the packages that the project names are there: directories with Go files. What commands make before the
// build, what another module holds and what is named by an import path outside the project's own module cannot be looked at. a is the
// archive that the project was read from, nil if it lies in its Dir. The error is an *Error at the place of the package.
func (p *Project) CheckPackages(a *fixtures.Archive) error {
	if len(p.Build.Before) > 0 || len(p.Build.Command) > 0 {
		return nil
	}
	look := func(key, dir, pkg string) error {
		rel, ok := p.relative(pkg, dir)
		if !ok {
			return nil
		}
		there, names := p.goFiles(a, path.Join(dir, rel))
		switch {
		case names:
			return nil
		case !there:
			return p.fail(key, "plugproof init lists the packages that can be hosts and plugins", "package %q: no such directory", pkg)
		}
		return p.fail(key, "", "package %q: no Go files in its directory", pkg)
	}
	if h := p.Host; h.Package != "" && !strings.Contains(h.Package, "@") {
		if err := look("host.package", h.Dir, h.Package); err != nil {
			return err
		}
	}
	for i, pl := range p.Plugins {
		if pl.Package == "" {
			continue
		}
		if err := look(fmt.Sprintf("plugin.%d.package", i), pl.Dir, pl.Package); err != nil {
			return err
		}
	}
	return nil
}

// relative is the directory of a package, as seen from where it is named: from the project, or from dir.
func (p *Project) relative(pkg, dir string) (rel string, ok bool) {
	if pkg == "." || pkg == ".." || strings.HasPrefix(pkg, "./") || strings.HasPrefix(pkg, "../") {
		return pkg, true
	}
	if dir != "" || p.Module == "" || pkg != p.Module && !strings.HasPrefix(pkg, p.Module+"/") {
		return "", false
	}
	up := "."
	if p.Dir != "" {
		var err error
		if up, err = filepath.Rel(absolute(p.Dir), absolute(p.Root)); err != nil {
			return "", false
		}
	}
	inside := path.Join(filepath.ToSlash(up), strings.TrimPrefix(strings.TrimPrefix(pkg, p.Module), "/"))
	if p.Dir != "" { // a module inside the module holds its own packages, and a go.work may choose another place
		if _, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(inside))); err != nil {
			return "", false
		}
	}
	return inside, true
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir
}

// goFiles reports whether the project has a directory, and Go files directly in it.
func (p *Project) goFiles(a *fixtures.Archive, dir string) (there, names bool) {
	if a == nil {
		entries, err := os.ReadDir(filepath.Join(p.Dir, filepath.FromSlash(dir)))
		return err == nil, slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() && strings.HasSuffix(e.Name(), ".go") })
	}
	dir = path.Clean(dir)
	for _, name := range a.Files() {
		below := dir == "." || strings.HasPrefix(name, dir+"/")
		there = there || below
		names = names || path.Dir(name) == dir && strings.HasSuffix(name, ".go")
	}
	return there, names
}
