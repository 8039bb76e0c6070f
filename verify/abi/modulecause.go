package abi

import (
	"fmt"
	"path"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// moduleCause explains packages that differ although the whole standard library agrees.
func (e *evidence) moduleCause() *Cause {
	if s := e.versions(); s != "" {
		return &Cause{"module-version", s}
	}
	local := e.other[0]
	if c := e.paths(); c != nil {
		return c
	}
	if found := e.flagged(false); len(found) > 0 {
		return joined(found)
	}
	if s := e.libcs(); s != "" {
		if e.usesCgo(local.Package) {
			return &Cause{"libc", s + "; package " + local.Package + " uses cgo and sees other headers"}
		}
		return unknown("%s; if package %s uses cgo, it sees other headers, else its sources differ", s, local.Package)
	}
	module := text(local.Module)
	if m := moduleFor(e.b.info, local.Package); m != nil && !isLocal(m, e.b.info) {
		if s := e.unsummed(local.Package); s != "" && e.oneSource(local.Package) {
			return &Cause{"source-edit", s}
		} else if s != "" {
			return unknown("%s", s)
		}
		return unknown("module %s has the same version and content on both sides, and the build settings are the same", module)
	}
	if e.a.setting("-trimpath") == "" && (len(e.a.files()) == 0 || len(e.b.files()) == 0) {
		return unknown("package %s differs; neither was built with -trimpath, and the directories are not known of both", local.Package)
	}
	if e.locked() {
		same := "the same Go, settings and module versions"
		parts := slices.DeleteFunc([]string{e.revisions(), e.differ("-tags"), e.differ("-cover"), e.differ("-gcflags"), e.otherSettings()}, func(s string) bool { return s == "" })
		if len(parts) > 0 {
			same = "the same Go and module versions, " + strings.Join(parts, "; ")
		}
		return unknown("package %s differs; %s: its source was changed, or is another one; a host's lock holds no names of functions, by which the two are told apart", local.Package, same)
	}
	one := e.oneSource(local.Package)
	if s := e.revisions(); s != "" && one {
		return &Cause{"source-edit", s}
	} else if s != "" {
		return unknown("package %s differs; %s, and nothing shows that its sources are two versions of one", local.Package, s)
	}
	if s := e.cgoFlags(); s != "" && e.usesCgo(local.Package) {
		return &Cause{"cgo-flags", s + "; package " + local.Package + " uses cgo"}
	}
	if e.usesCgo(local.Package) && e.a.setting("-trimpath") == "true" {
		return unknown("package %s uses cgo, and with -trimpath the flags of the C compiler are not recorded: they, headers or sources differ", local.Package)
	}
	if d := e.differ("-tags"); d != "" && one {
		return unknown("package %s differs; %s, which changes it if one of its files asks for the tag, else its sources differ", local.Package, d)
	}
	if d := e.otherSettings(); d != "" {
		return unknown("package %s differs; the same Go and module versions, %s", local.Package, d)
	}
	if one {
		return &Cause{"source-edit", fmt.Sprintf("same Go, settings and module versions, but package %s differs; most of its functions and variables have the same names in %s and %s", local.Package, e.aName, e.bName)}
	}
	same := "the same Go, settings and module versions"
	if d := e.differ("-tags"); d != "" {
		same = "the same Go and module versions, " + d
	}
	return unknown("package %s differs; %s, and nothing shows that its sources are two versions of one", local.Package, same)
}

// unsummed says which side has no checksum of a package's module, as builds from a vendor directory have none; "" when both have.
func (e *evidence) unsummed(pkg string) string {
	var sides []string
	for _, o := range []struct {
		name string
		of   *object
	}{{e.aName, e.a}, {e.bName, e.b}} {
		if m := moduleFor(o.of.info, pkg); m != nil && sum(m) == "" {
			sides = append(sides, o.name)
		}
	}
	if sides == nil {
		return ""
	}
	m := moduleFor(e.b.info, pkg)
	return fmt.Sprintf("module %s %s: the same version, but %s has no checksum of it, as builds from a vendor directory do, and package %s differs: its files there were changed",
		m.Path, m.Version, strings.Join(sides, " and "), pkg)
}

// locked reports whether the other side is a host's lock, which has less evidence.
func (e *evidence) locked() bool { return strings.HasPrefix(e.a.id, lockID) }

// isLocal reports whether a module was built from a directory and not from the module cache.
func isLocal(m *debug.Module, info *debug.BuildInfo) bool {
	if m.Replace != nil {
		return m.Replace.Version == "" || m.Replace.Version == "(devel)"
	}
	return m == &info.Main && m.Sum == "" || m.Version == "(devel)"
}

// versions lists the modules of differing packages that are not the same version with the same content on both sides.
func (e *evidence) versions() string {
	var out []string
	seen := map[string]bool{}
	for _, d := range e.other {
		name := text(d.Module)
		if d.Module == nil || seen[name] {
			continue
		}
		seen[name] = true
		a, b := moduleFor(e.a.info, d.Package), moduleFor(e.b.info, d.Package)
		if a == nil || b == nil {
			continue
		}
		la, lb := isLocal(a, e.a.info), isLocal(b, e.b.info)
		x, y := version(a, la), version(b, lb)
		switch {
		case la && lb: // the version of a main module is that of its checkout, and is in no position
			if v, w := positionVersion(a, e.a.info), positionVersion(b, e.b.info); v != w && e.a.setting("-trimpath") == "true" && e.b.setting("-trimpath") == "true" {
				out = append(out, fmt.Sprintf("%s, a directory on both sides: with -trimpath the required version is in the positions, %s %s, %s %s", name, e.aName, v, e.bName, w))
			}
		case a.Path != b.Path:
			out = append(out, fmt.Sprintf("%s: %s %s %s, %s %s %s", d.Package, e.aName, a.Path, x, e.bName, b.Path, y))
		case x != y:
			out = append(out, fmt.Sprintf("%s: %s %s, %s %s", name, e.aName, x, e.bName, y))
		case sum(a) != sum(b) && sum(a) != "" && sum(b) != "":
			out = append(out, fmt.Sprintf("%s %s: %s %s, %s %s", name, x, e.aName, sum(a), e.bName, sum(b)))
		}
	}
	return strings.Join(out, "; ")
}

// positionVersion is the version that -trimpath writes into the positions of a module's code: also of a replaced one, but not of a main module.
func positionVersion(m *debug.Module, info *debug.BuildInfo) string {
	if m == &info.Main || m.Version == "" || m.Version == "(devel)" {
		return "none"
	}
	return m.Version
}

func version(m *debug.Module, local bool) string {
	switch {
	case m.Replace != nil:
		return strings.TrimSpace(m.Version + " => " + m.Replace.Path + " " + m.Replace.Version)
	case local:
		return "(devel)"
	}
	return m.Version
}

func sum(m *debug.Module) string {
	if m.Replace != nil {
		return m.Replace.Sum
	}
	return m.Sum
}

// paths finds packages whose source directories differ between files that were both built without -trimpath.
func (e *evidence) paths() *Cause {
	if e.a.setting("-trimpath") != "" || e.b.setting("-trimpath") != "" {
		return nil
	}
	for _, d := range e.other {
		m := moduleFor(e.b.info, d.Package)
		if m == nil {
			continue
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(d.Package, m.Path), "/")
		x, y := e.a.sourceDir(m, rel), e.b.sourceDir(m, rel)
		if x == "" || y == "" || x == y {
			continue
		}
		s := fmt.Sprintf("package %s: %s %s, %s %s; neither was built with -trimpath", d.Package, e.aName, x, e.bName, y)
		if strings.Contains(x, "/vendor/") != strings.Contains(y, "/vendor/") {
			return &Cause{"vendor-mode", s}
		}
		return &Cause{"build-path", s}
	}
	return nil
}

// files are the names in the object's line table, read once.
func (o *object) files() []string {
	if !o.filesRead {
		o.filesRead = true
		o.fileNames, _ = o.file.FileNames() // without them there is less evidence
	}
	return o.fileNames
}

// atVersion is what stands behind a module's path in the names of files in the module cache.
var atVersion = regexp.MustCompile(`@v[^/]*`)

// filesOf are the base names of the files that a package's code comes from, as far as the line table tells.
func (o *object) filesOf(pkg string) map[string]bool {
	out := map[string]bool{}
	for _, f := range o.files() {
		dir := atVersion.ReplaceAllString(path.Dir(f), "")
		if dir == pkg || strings.HasSuffix(dir, "/"+pkg) || path.IsAbs(f) && strings.HasSuffix(dir, "/"+path.Base(pkg)) && !strings.HasPrefix(dir, o.goroot()+"/src/") {
			out[path.Base(f)] = true
		}
	}
	return out
}

// goroot is the directory of the standard library's sources, "" under -trimpath.
func (o *object) goroot() string {
	for _, f := range o.files() {
		if dir, ok := strings.CutSuffix(f, "/src/runtime/proc.go"); ok {
			return dir
		}
	}
	return ""
}

// sourceDir is the one directory of source files, outside GOROOT, that can be a package's: it ends in the package's path below its
// module, after the module's directory in a module cache where there is a version. "" when none or several can.
func (o *object) sourceDir(m *debug.Module, rel string) string {
	root := o.goroot()
	var dirs []string
	for _, f := range o.files() {
		dir := path.Dir(f)
		if !path.IsAbs(dir) || root != "" && strings.HasPrefix(dir, root+"/src/") || slices.Contains(dirs, dir) {
			continue
		}
		cached := strings.Contains(dir, "@v") || strings.Contains(dir, "/vendor/")
		suffix := "/" + rel
		if cached {
			version := "@" + m.Version
			if !strings.Contains(dir, version) {
				version = ""
			}
			suffix = strings.TrimSuffix("/"+m.Path+version+"/"+rel, "/")
		} else if rel == "" {
			continue
		}
		if strings.HasSuffix(dir, suffix) {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) != 1 {
		return ""
	}
	return dirs[0]
}

// usesCgo reports whether the plugin has cgo's generated code for a package.
func (e *evidence) usesCgo(pkg string) bool {
	for name := range e.b.namesOf(pkg) {
		if strings.Contains(name, "._C") || strings.Contains(name, "._cgo_") {
			return true
		}
	}
	return false
}

// cgoFlags says which flags of the C compiler differ. With -trimpath none are recorded.
func (e *evidence) cgoFlags() string {
	if e.a.setting("-trimpath") != "" || e.b.setting("-trimpath") != "" {
		return ""
	}
	for _, key := range []string{"CGO_CPPFLAGS", "CGO_CFLAGS"} {
		if s := e.differ(key); s != "" {
			return s
		}
	}
	return ""
}

// revisions says whether version control names two different states of one main module.
func (e *evidence) revisions() string {
	if e.a.info.Main.Path != e.b.info.Main.Path {
		return ""
	}
	x, y := e.a.setting("vcs.revision"), e.b.setting("vcs.revision")
	if x == "" || y == "" || x == y {
		return ""
	}
	return fmt.Sprintf("revision: %s %s, %s %s", e.aName, x, e.bName, y)
}

// sameRevision says whether version control names one unchanged state of one main module.
func (e *evidence) sameRevision() bool {
	x, y := e.a.setting("vcs.revision"), e.b.setting("vcs.revision")
	return e.a.info.Main.Path == e.b.info.Main.Path && x != "" && x == y && e.a.setting("vcs.modified") == "false" && e.b.setting("vcs.modified") == "false"
}

// symbolPrefix is what the names of a package's symbols begin with: its path, with dots of the last element escaped (cmd/internal/objabi.PathToPrefix), and a dot.
func symbolPrefix(pkg string) string {
	slash := strings.LastIndexByte(pkg, '/') + 1
	return pkg[:slash] + strings.ReplaceAll(pkg[slash:], ".", "%2e") + "."
}
