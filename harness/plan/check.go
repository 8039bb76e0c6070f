package plan

import (
	"fmt"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/plugproof/plugproof/results"
)

// check is everything that the decoder cannot see.
func (p *Project) check() error {
	if len(p.Plugins) == 0 {
		return p.fail("", "add a [[plugin]] with a package", "no [[plugin]]")
	}
	for _, l := range []struct {
		key    string
		n, max int
	}{{"plugin", len(p.Plugins), 256}, {"expect", len(p.Expects), 1024}, {"matrix.go", len(p.Matrix.Go), 64},
		{"matrix.include", len(p.Matrix.Include), 1024}, {"matrix.exclude", len(p.Matrix.Exclude), 1024}} {
		if l.n > l.max {
			return p.fail(l.key, "", "%s has %d entries; at most %d are read", l.key, l.n, l.max)
		}
	}
	steps := []func() error{p.checkHost, p.checkPlugins, p.checkBuild, p.checkMatrix, p.checkExpects, p.checkPolicy}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) checkHost() error {
	h := p.Host
	if n := count(h.Package, h.File, h.Lock); n != 1 {
		return p.fail("host", "", "[host] needs exactly one of package, file and lock, and has %d", n)
	}
	if h.Package == "" && p.hasAny("host", "dir", "flags", "env", "go", "rebuild") {
		return p.fail("host", "", "dir, rebuild, flags, env and go go with a package that is built, not with a file or a lock")
	}
	if err := p.checkPaths("host", h.Dir, h.File, h.Lock); err != nil {
		return err
	}
	if h.Package != "" {
		if err := p.checkPackage("host.package", h.Package, true, h.Dir != ""); err != nil {
			return err
		}
	}
	return p.checkSubject("host", h.Flags, h.Env, h.Go, h.Rebuild)
}

// maxType bounds the type of a declared symbol, in bytes.
const maxType = 4096

func (p *Project) checkPlugins() error {
	for i, pl := range p.Plugins {
		at := fmt.Sprintf("plugin.%d", i)
		if n := count(pl.Package, pl.File); n != 1 {
			return p.fail(at, "", "[[plugin]] needs exactly one of package and file, and has %d", n)
		}
		if pl.File != "" && p.hasAny(at, "dir", "flags", "env", "go", "rebuild", "against") {
			return p.fail(at, "", "dir, rebuild, against, flags, env and go go with a package that is built, not with a file")
		}
		if err := p.checkPaths(at, pl.Dir, pl.File, ""); err != nil {
			return err
		}
		if pl.Package != "" {
			if err := p.checkPackage(at+".package", pl.Package, false, pl.Dir != ""); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(pl.Symbols)) {
			key := at + ".symbols." + name
			if !token.IsIdentifier(name) || !token.IsExported(name) {
				return p.fail(key, "", "symbol %q is not an exported Go name", name)
			}
			if len(pl.Symbols[name]) > maxType {
				return p.fail(key, "", "the type of symbol %q is longer than %d bytes", name, maxType)
			}
			if err := checkType(pl.Symbols[name]); err != nil {
				return p.fail(key, `Go syntax with full import paths, like "func(string) *example.test/api.Greeter"; "" is any type`, "symbol %q has the type %q: %v", name, pl.Symbols[name], err)
			}
		}
		if pl.Against != "" {
			if _, err := results.ParseDigest(string(pl.Against)); err != nil {
				return p.fail(at+".against", "", "against: %v", err)
			}
		}
		if pl.Expect != "" && !slices.Contains(abiVerdicts, pl.Expect) {
			return p.fail(at+".expect", suggest(pl.Expect, abiVerdicts), "unknown verdict %q", pl.Expect)
		}
		if err := p.checkSubject(at, pl.Flags, pl.Env, pl.Go, pl.Rebuild); err != nil {
			return err
		}
	}
	return nil
}

// checkPackage accepts one package: relative, or an import path, for a host also with an exact version.
func (p *Project) checkPackage(key, pkg string, host, dir bool) error {
	pattern, ver, versioned := strings.Cut(pkg, "@")
	switch {
	case strings.ContainsAny(pkg, " \t\r\n\\*?\"'`,;$") || strings.HasPrefix(pkg, "-") || strings.Contains(pkg, "..."):
		return p.fail(key, "name one package", "package %q is not the name of one package", pkg)
	case strings.HasSuffix(pattern, ".go"):
		return p.fail(key, fmt.Sprintf("name its directory: %q", "./"+path.Clean(path.Dir(pattern))),
			"package %q is a file: the plugin path of a list of files is a hash of their names", pkg)
	case path.IsAbs(pattern):
		return p.fail(key, `write it relative to the project, or use dir`, "package %q is an absolute path", pkg)
	case versioned && !host:
		return p.fail(key, "a plugin is built in a checkout: use dir", "package %q has a version", pkg)
	case versioned && dir:
		return p.fail(key, "leave out dir or the version", "package %q has a version and a dir", pkg)
	case versioned && (!semver.IsValid(ver) || semver.Canonical(ver) != strings.TrimSuffix(ver, "+incompatible")):
		return p.fail(key, "versions are exact, like v1.4.0", "package %q: %q is not a module version", pkg, ver)
	}
	relative := pattern == "." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../") || pattern == ".."
	if relative && versioned {
		return p.fail(key, "a version goes with an import path", "package %q is relative and has a version", pkg)
	}
	if !relative {
		if err := module.CheckImportPath(pattern); err != nil {
			return p.fail(key, "", "package %q: %v", pkg, err)
		}
	}
	return nil
}

// checkPaths refuses absolute paths of this machine, for a project must mean the same everywhere.
func (p *Project) checkPaths(at, dir, file, lock string) error {
	for _, f := range []struct{ key, path string }{{"dir", dir}, {"file", file}, {"lock", lock}} {
		if path.IsAbs(f.path) || strings.ContainsAny(f.path, "\x00\\") {
			return p.fail(at+"."+f.key, "write it relative to the project", "%s %q is not a slash-separated relative path", f.key, f.path)
		}
	}
	return nil
}

func (p *Project) hasAny(at string, keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return p.at.has(at + "." + k) })
}

func count(values ...string) (n int) {
	for _, v := range values {
		if v != "" {
			n++
		}
	}
	return n
}
