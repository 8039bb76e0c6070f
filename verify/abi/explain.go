package abi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// explain names one cause for the differing packages of o, from what the two files record of their builds. The other side is the file that
// defines the first differing package: the host, or an earlier plugin.
func (p *process) explain(o *object, diffs []Difference) *Cause {
	e := &evidence{a: p.host, b: o, aName: "host", bName: "plugin"}
	if owner := diffs[0].Owner; owner != "" {
		for _, g := range p.global {
			if g.path == owner && g != o {
				e.a, e.aName = g, "earlier plugin "+owner
			}
		}
	}
	for _, d := range diffs {
		if d.Owner != diffs[0].Owner {
			continue
		}
		if text(d.Module) == std {
			e.std = append(e.std, d)
		} else {
			e.other = append(e.other, d)
		}
	}
	c := e.cause()
	if e.a != p.host && c.ID != "unknown" {
		c.Evidence += fmt.Sprintf(" (package %s comes from %s, which was opened before)", diffs[0].Package, e.a.path)
	}
	return c
}

// evidence is what is compared to find a cause: the file that defines the packages first, and the plugin.
type evidence struct {
	a, b         *object
	aName, bName string
	std, other   []Difference
}

func (e *evidence) cause() *Cause {
	if e.a.version != "" && e.b.version != "" && baseVersion(e.a) != baseVersion(e.b) && len(e.std) > 0 {
		return &Cause{"go-version", fmt.Sprintf("%s %s, %s %s", e.aName, baseVersion(e.a), e.bName, baseVersion(e.b))}
	}
	if e.a.info == nil || e.b.info == nil {
		return unknown("no build information in %s", e.without())
	}
	if len(e.std) > 0 {
		return e.stdCause()
	}
	return e.moduleCause()
}

func (e *evidence) without() string {
	if e.a.info == nil {
		return e.a.path
	}
	return e.b.path
}

// differ says how a build setting differs, "" when it does not.
func (e *evidence) differ(key string) string {
	x, y := e.a.setting(key), e.b.setting(key)
	if x == y {
		return ""
	}
	show := func(s string) string {
		if s == "" {
			return "not set"
		}
		return s
	}
	return fmt.Sprintf("%s: %s %s, %s %s", key, e.aName, show(x), e.bName, show(y))
}

// flagged are the settings that change fingerprints, with the condition under which they reach packages besides main.
func (e *evidence) flagged(std bool) []Cause {
	var out []Cause
	add := func(id, key string) {
		if s := e.differ(key); s != "" {
			out = append(out, Cause{id, s})
		}
	}
	if x, y := experiments(e.a), experiments(e.b); x != y {
		out = append(out, Cause{"goexperiment", fmt.Sprintf("GOEXPERIMENT: %s %q, %s %q", e.aName, x, e.bName, y)})
	}
	add("race", "-race")
	add("gcflags", "-asan") // the compiler instruments, as for -race
	add("gcflags", "-msan")
	if std {
		add("build-tags", "GOFIPS140") // which stands for a tag, and chooses packages
	}
	if s := e.differ("-trimpath"); s != "" && (!std || e.mostOfStd()) {
		out = append(out, Cause{"trimpath-one-side", s})
	}
	if std || e.otherFiles(e.other[0].Package) { // elsewhere it chooses files, and no more
		add("goarm", "GOARM")
	}
	if s := e.differ("-gcflags"); s != "" && e.some(std, func(pkg string) bool { return e.a.gcflags(pkg) != e.b.gcflags(pkg) }) {
		out = append(out, Cause{"gcflags", s})
	}
	cover := func() {
		if e.some(std, func(pkg string) bool { return e.a.covered(pkg) != e.b.covered(pkg) }) {
			add("cover", "-cover")
		}
	}
	if std {
		cover()
		if e.stdTag() {
			add("build-tags", "-tags")
		}
		return out
	}
	if !e.oneSource(e.other[0].Package) { // two packages of one name: settings say nothing
		return nil
	}
	cover()
	if e.otherFiles(e.other[0].Package) || e.sameRevision() { // a tag that no file of the package asks for changes nothing
		add("build-tags", "-tags")
	}
	return out
}

// some reports whether a setting reaches one of the differing packages, of the standard library or of others.
func (e *evidence) some(std bool, reached func(pkg string) bool) bool {
	list := e.other
	if std {
		list = e.std
	}
	return slices.ContainsFunc(list, func(d Difference) bool { return reached(d.Package) })
}

// stdTags are the tags that files of the standard library ask for, in Go 1.20 to 1.27; those of GOFIPS140 are not listed.
var stdTags = map[string]bool{"boringcrypto": true, "checknewoldreassignment": true, "cmd_go_bootstrap": true, "compiler_bootstrap": true, "debuglog": true, "debugtrace": true,
	"faketime": true, "libfuzzer": true, "math_big_pure_go": true, "netcgo": true, "netgo": true, "nethttpomithttp2": true, "osusergo": true, "purego": true, "quicbasicnet": true,
	"timetzdata": true, "valgrind": true}

// stdTag reports whether one side only has a tag that the standard library knows.
func (e *evidence) stdTag() bool {
	x, y := strings.Split(e.a.setting("-tags"), ","), strings.Split(e.b.setting("-tags"), ",")
	for _, t := range slices.Concat(x, y) {
		if (stdTags[t] || strings.HasPrefix(t, "fips140v")) && slices.Contains(x, t) != slices.Contains(y, t) {
			return true
		}
	}
	return false
}

// otherFiles reports whether the code of a package comes from files of other names on one side, though from some of the same names.
func (e *evidence) otherFiles(pkg string) bool {
	x, y := e.a.filesOf(pkg), e.b.filesOf(pkg)
	common := 0
	for f := range x {
		if y[f] {
			common++
		}
	}
	return common > 0 && (common < len(x) || common < len(y))
}

func experiments(o *object) string {
	if s := o.setting("GOEXPERIMENT"); s != "" {
		return s
	}
	_, x, _ := cutExperiments(o.version)
	return x
}

// mostOfStd reports whether nearly every package of the standard library differs, as it does when the positions differ.
func (e *evidence) mostOfStd() bool {
	mod, err := moduleOf(e.b)
	if err != nil || mod == nil {
		return false
	}
	n := 0
	for _, p := range mod.Packages {
		if m, _ := versionOf(e.b, p.Name); m == std {
			n++
		}
	}
	return len(e.std) >= n*3/4
}

func joined(found []Cause) *Cause {
	c := found[0]
	for _, f := range found[1:] {
		c.Evidence += "; and " + f.Evidence
	}
	return &c
}

// stdCause explains a standard library that differs although the release is the same.
func (e *evidence) stdCause() *Cause {
	if found := e.flagged(true); len(found) > 0 {
		return joined(found)
	}
	if e.a.setting("-trimpath") == "" {
		x, y := e.a.goroot(), e.b.goroot()
		if x == "" || y == "" {
			return unknown("%d packages of the standard library differ; neither was built with -trimpath, and where GOROOT was is not known of both", len(e.std))
		}
		if x != y {
			return &Cause{"build-path", fmt.Sprintf("GOROOT: %s %s, %s %s; neither was built with -trimpath", e.aName, x, e.bName, y)}
		}
	}
	if s := e.libcs(); s != "" && !slices.ContainsFunc(e.std, func(d Difference) bool { return d.Package == "runtime" }) {
		return &Cause{"libc", s + "; packages that use cgo see other headers"}
	}
	if s := e.otherSettings(); s != "" {
		return unknown("%d packages of the standard library differ although both say %s; %s", len(e.std), baseVersion(e.a), s)
	}
	if s := e.a.setting("-pgo"); s != "" && s != "off" { // with -trimpath its last element only
		return unknown("%d packages of the standard library differ although both say %s and have the same settings; both were compiled with a profile, -pgo=%s, and whether it is the same one is not recorded", len(e.std), baseVersion(e.a), s)
	}
	if e.mostOfStd() || slices.ContainsFunc(e.std, func(d Difference) bool { return d.Package == "runtime" }) {
		return &Cause{"toolchain-build", fmt.Sprintf("%d packages of the standard library differ although both say %s and have the same settings", len(e.std), baseVersion(e.a))}
	}
	return unknown("%d packages of the standard library differ although both say %s and have the same settings", len(e.std), baseVersion(e.a))
}

// harmless are the settings that reach no fingerprint, and those of which it was said before that they are no cause.
var harmless = map[string]bool{"-buildmode": true, "-ldflags": true, "-tags": true, "-trimpath": true, "CGO_LDFLAGS": true, "CGO_CFLAGS": true, "CGO_CPPFLAGS": true, "CGO_CXXFLAGS": true,
	"GOAMD64": true, "DefaultGODEBUG": true, "-compiler": true, "-cover": true, "-covermode": true, "-gcflags": true, "-asmflags": true}

// otherSettings lists further settings that differ: with them nobody can say that the settings are the same.
func (e *evidence) otherSettings() string {
	keys := map[string]bool{}
	for _, o := range []*object{e.a, e.b} {
		for _, s := range o.info.Settings {
			keys[s.Key] = !harmless[s.Key] && !strings.HasPrefix(s.Key, "vcs")
		}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if s := e.differ(key); s != "" && keys[key] {
			out = append(out, s)
		}
	}
	return strings.Join(out, "; ")
}

// libcs says whether the two sides need different C libraries.
func (e *evidence) libcs() string {
	x, y := neededLibc(e.a), neededLibc(e.b)
	if x == "" || y == "" || x == y {
		return ""
	}
	return fmt.Sprintf("C library: %s %s, %s %s", e.aName, x, e.bName, y)
}

func neededLibc(o *object) string {
	needed, err := o.file.Needed()
	if err != nil {
		return ""
	}
	for _, n := range needed {
		switch n {
		case "libc.so":
			return libcMusl
		case "libc.so.6":
			return libcGlibc
		}
	}
	return ""
}
