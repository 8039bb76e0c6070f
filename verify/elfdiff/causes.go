package elfdiff

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
)

// named is a cause with what it accounts for.
type namedCause struct {
	Cause
	scope scope
}

// settingCauses maps keys of Go's build information to cause ids. -ldflags, -gcflags of other packages and CGO_* are absent from it
// under -trimpath (cmd/go/internal/load/pkg.go); what is there is what the build used.
var settingCauses = map[string]string{
	"-tags": "build-tags", "-race": "race", "-msan": "gcflags", "-asan": "gcflags", "-cover": "cover", "-covermode": "cover", "-coverpkg": "cover",
	"-gcflags": "gcflags", "-asmflags": "gcflags", "-ldflags": "ldflags", "-trimpath": "trimpath-one-side",
	"CGO_CFLAGS": "cgo-flags", "CGO_CPPFLAGS": "cgo-flags", "CGO_CXXFLAGS": "cgo-flags", "CGO_LDFLAGS": "cgo-flags", "CGO_FFLAGS": "cgo-flags", "CGO_ENABLED": "cgo-flags",
	"GOARM": "goarm", "GOAMD64": "goamd64", "GOEXPERIMENT": "goexperiment",
	"vcs": "vcs-stamp", "vcs.revision": "vcs-stamp", "vcs.time": "vcs-stamp", "vcs.modified": "vcs-stamp",
}

// dropped are the settings that the go command leaves out under -trimpath, so that a side without them may have used them, too.
var dropped = map[string]bool{"-ldflags": true, "CGO_CFLAGS": true, "CGO_CPPFLAGS": true, "CGO_CXXFLAGS": true, "CGO_LDFLAGS": true, "CGO_FFLAGS": true}

// findCauses names what the two files prove, else "unknown" with what is known.
func (c *comparison) findCauses() {
	a, b := c.a.facts(), c.b.facts()
	c.describe(a, b)
	if c.rep.Verdict == Incomparable {
		c.rep.Causes = append(c.rep.Causes, incomparableCause(c))
		return
	}
	found := []namedCause{}
	for _, find := range []func(a, b *facts) []namedCause{
		c.versionCauses, c.settingCauses, c.moduleCauses, c.libcCauses, c.pathCauses, c.pluginPathCauses, c.strippedCauses, c.buildIDCauses,
	} {
		found = append(found, find(a, b)...)
	}
	found = append(found, c.stringCauses(!slices.ContainsFunc(found, func(n namedCause) bool { return n.scope.all }))...)
	c.explain(found)
	for _, n := range found {
		c.rep.Causes = append(c.rep.Causes, n.Cause)
	}
	c.whatIsKnown(a, b)
	if len(found) == 0 {
		c.rep.Causes = append(c.rep.Causes, Cause{ID: "unknown", Evidence: strings.Join(c.rep.Known, "; ")})
	}
}

func (c *comparison) describe(a, b *facts) {
	for _, x := range []struct {
		i *FileInfo
		f *facts
	}{{&c.rep.A, a}, {&c.rep.B, b}} {
		x.i.Go, x.i.Libc, x.i.BuildID = x.f.goVersion(), x.f.libc(), x.f.buildID
	}
}

func incomparableCause(c *comparison) Cause {
	a, b := c.rep.A.Machine, c.rep.B.Machine
	if a != b {
		return Cause{ID: "unknown", Evidence: fmt.Sprintf("A is for %s, B for %s: not two builds of one thing", a, b)}
	}
	return Cause{ID: "unknown", Evidence: "the ELF headers name different kinds of file: not two builds of one thing"}
}

func (c *comparison) versionCauses(a, b *facts) []namedCause {
	x, y := a.goVersion(), b.goVersion()
	if x == y || x == "" || y == "" {
		return nil
	}
	id := "go-version"
	if baseVersion(x) == baseVersion(y) { // "go1.26.8 X:nodwarf5"
		id = "goexperiment"
	}
	return []namedCause{{Cause{ID: id, Evidence: fmt.Sprintf("built with %s and %s", x, y)}, scope{all: true}}}
}

func baseVersion(v string) string {
	base, _, _ := strings.Cut(v, " ")
	return base
}

func (c *comparison) settingCauses(a, b *facts) []namedCause {
	if a.info == nil || b.info == nil {
		return nil
	}
	byID := map[string][]string{}
	keys := slices.Sorted(maps.Keys(merged(a.settings, b.settings)))
	for _, k := range keys {
		x, inA := a.settings[k]
		y, inB := b.settings[k]
		if x == y || (inA != inB && dropped[k] && a.settings["-trimpath"] != b.settings["-trimpath"]) {
			continue
		}
		if id := settingCauses[k]; id != "" {
			byID[id] = append(byID[id], fmt.Sprintf("%s is %s and %s", k, orNone(x, inA), orNone(y, inB)))
		} else {
			c.rep.Known = append(c.rep.Known, fmt.Sprintf("build setting %s is %s and %s", k, orNone(x, inA), orNone(y, inB)))
		}
	}
	if x, y := a.info.Main.Version, b.info.Main.Version; x != y && a.info.Main.Path == b.info.Main.Path {
		id := "module-version"
		if _, stamped := byID["vcs-stamp"]; stamped || strings.Contains(x+y, "-0.") || strings.Contains(x+y, "v0.0.0-") || strings.Contains(x+y, "+dirty") || x == "(devel)" || y == "(devel)" {
			id = "vcs-stamp" // since Go 1.24 the main module's version is made from the version control's state
		}
		byID[id] = append(byID[id], fmt.Sprintf("the main module's version is %s and %s", orNone(x, x != ""), orNone(y, y != "")))
	}
	var out []namedCause
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if id == "goarm" || id == "goamd64" { // one follows from comparing like with like; a missing key is another Go release
			if slices.ContainsFunc(byID[id], func(s string) bool { return strings.Contains(s, "not set") }) {
				continue
			}
		}
		n := namedCause{Cause: Cause{ID: id, Evidence: strings.Join(byID[id], ", ")}, scope: scope{all: true}}
		if id == "vcs-stamp" {
			n.scope = scope{places: inBuildInfo}
		}
		out = append(out, n)
	}
	return out
}

func inBuildInfo(e Evidence) bool {
	return e.Section == ".go.buildinfo" || strings.HasPrefix(e.Symbol, "runtime.modinfo") || e.Symbol == "go:buildinfo"
}

func merged(a, b map[string]string) map[string]string {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func orNone(v string, ok bool) string {
	if !ok {
		return "not set"
	}
	return fmt.Sprintf("%q", v)
}

func (c *comparison) moduleCauses(a, b *facts) []namedCause {
	if a.info == nil || b.info == nil {
		return nil
	}
	x, y := a.modules(), b.modules()
	var diffs, mods, oneSide []string
	for _, p := range sortedKeys(x, y) {
		v, inA := x[p]
		w, inB := y[p]
		switch {
		case v == w && inA == inB, p == a.info.Main.Path, p == b.info.Main.Path: // file arguments list the main module among the others
		case inA && inB:
			mods = append(mods, p)
			diffs = append(diffs, fmt.Sprintf("%s is %s and %s", p, v, w))
		default:
			oneSide = append(oneSide, p)
		}
	}
	if len(oneSide) > 0 {
		c.rep.Known = append(c.rep.Known, "modules that only one file links: "+strings.Join(oneSide, ", "))
	}
	if len(mods) == 0 {
		return nil
	}
	// Another version of a module changes what is inlined from it into others, and which of their functions are kept.
	return []namedCause{{Cause{ID: "module-version", Evidence: strings.Join(diffs, ", ")}, scope{all: true}}}
}

func (c *comparison) libcCauses(a, b *facts) []namedCause {
	x, y := a.libc(), b.libc()
	switch {
	case x != "" && y != "" && x != y:
		return []namedCause{{Cause{ID: "libc", Evidence: fmt.Sprintf("linked against %s (%s) and %s (%s)", x, libraries(a), y, libraries(b))}, scope{all: true}}}
	case a.comment != b.comment && a.comment != "" && b.comment != "" && !c.raceDiffers(a, b):
		return []namedCause{{Cause{ID: "cc-identity", Evidence: fmt.Sprintf(".comment names %q and %q", a.comment, b.comment)}, scope{all: true}}}
	}
	return nil
}

// raceDiffers: the race detector's runtime brings its own compiler's name into .comment.
func (c *comparison) raceDiffers(a, b *facts) bool {
	return a.settings["-race"] != b.settings["-race"] || a.goVersion() != b.goVersion()
}

func libraries(f *facts) string {
	l := slices.Clone(f.needed)
	if f.interp != "" {
		l = append(l, f.interp)
	}
	return strings.Join(l, " ")
}

func (c *comparison) pluginPathCauses(a, b *facts) []namedCause {
	if a.path == b.path || a.path == "" || b.path == "" {
		return nil
	}
	if !strings.HasPrefix(a.path, "plugin/unnamed-") && !strings.HasPrefix(b.path, "plugin/unnamed-") {
		c.rep.Known = append(c.rep.Known, fmt.Sprintf("the plugin paths are %q and %q", a.path, b.path))
		return nil
	}
	return []namedCause{{Cause{ID: "plugin-path", Evidence: fmt.Sprintf("plugin paths %q and %q: built from file arguments, so the path is a hash of the build ID and the files", a.path, b.path)},
		scope{places: func(e Evidence) bool {
			return strings.Contains(e.Symbol, "plugin/unnamed-") || strings.Contains(e.A+e.B, "plugin/unnamed-") || e.Symbol == "go:link.thispluginpath" || isSymbolTable(e.Section)
		}}}}
}

func isSymbolTable(name string) bool {
	switch name {
	case ".symtab", ".strtab", ".dynsym", ".dynstr", ".hash", ".gnu.hash":
		return true
	}
	return false
}

func (c *comparison) strippedCauses(a, b *facts) []namedCause {
	var what []string
	side := func(x bool) string {
		if x {
			return "only A has"
		}
		return "only B has"
	}
	if a.symtab != b.symtab {
		what = append(what, side(a.symtab)+" .symtab")
	}
	if a.dwarf != b.dwarf {
		what = append(what, side(a.dwarf)+" DWARF")
	}
	if len(what) == 0 {
		return nil
	}
	return []namedCause{{Cause{ID: "stripped", Evidence: strings.Join(what, ", ")}, scope{places: func(e Evidence) bool {
		return isDebug(e.Section) || isSymbolTable(e.Section) && e.Section[1] != 'd' || e.Section == ".shstrtab" || e.Structure == "section headers"
	}}}}
}

// buildIDCauses names a build ID that was set by hand: the go command's own has four parts.
func (c *comparison) buildIDCauses(a, b *facts) []namedCause {
	if a.buildID == b.buildID {
		return nil
	}
	own := func(id string) bool { return strings.Count(id, "/") == 3 && len(id) > 60 }
	if own(a.buildID) && own(b.buildID) {
		return nil
	}
	return []namedCause{{Cause{ID: "build-id", Evidence: fmt.Sprintf("Go build IDs %q and %q: not both made by the go command", a.buildID, b.buildID)}, scope{}}}
}

// explain counts the bytes that the causes account for. What merely moved is accounted for when everything else is.
func (c *comparison) explain(found []namedCause) {
	if len(found) == 0 {
		return
	}
	var roots, explained int64
	open := map[string]int64{}
	for _, e := range c.out.evidence {
		roots += e.Bytes
		if slices.ContainsFunc(found, func(n namedCause) bool { return n.scope.covers(e) }) {
			explained += e.Bytes
		} else {
			open[placeName(e)] += e.Bytes
		}
	}
	all := slices.ContainsFunc(found, func(n namedCause) bool { return n.scope.all })
	if len(open) == 0 && (c.out.dropped == 0 || all) {
		c.rep.Bytes.Explained = c.rep.Bytes.Differing
		return
	}
	c.rep.Bytes.Explained = min(explained, c.rep.Bytes.Differing)
	names := slices.Collect(maps.Keys(open))
	sort.Slice(names, func(i, j int) bool {
		if open[names[i]] != open[names[j]] {
			return open[names[i]] > open[names[j]]
		}
		return names[i] < names[j]
	})
	more := ""
	if len(names) > 5 {
		more = fmt.Sprintf(" and %d more", len(names)-5)
		names = names[:5]
	}
	c.rep.Known = append(c.rep.Known, "not accounted for by a named cause: "+strings.Join(names, ", ")+more)
}

func placeName(e Evidence) string {
	switch {
	case e.Symbol != "":
		return e.Symbol
	case e.Structure != "":
		return e.Structure
	}
	return e.Section
}

// whatIsKnown adds what narrows an unnamed cause down.
func (c *comparison) whatIsKnown(a, b *facts) {
	x, y := strings.Split(a.buildID, "/"), strings.Split(b.buildID, "/")
	if len(x) == 4 && len(y) == 4 && a.buildID != b.buildID {
		switch {
		case x[1] == y[1] && x[0] != y[0]:
			c.rep.Known = append(c.rep.Known, "the main package's inputs are the same; the link's inputs differ (linker flags, C compiler or another package)")
		case x[1] != y[1] && x[2] == y[2]:
			c.rep.Known = append(c.rep.Known, "the main package's inputs changed, its object did not")
		case x[2] != y[2]:
			c.rep.Known = append(c.rep.Known, "the main package's object changed")
		}
	}
	var pkgs []string
	for _, p := range slices.Sorted(maps.Keys(a.pkgs)) {
		if h, ok := b.pkgs[p]; ok && h != a.pkgs[p] {
			pkgs = append(pkgs, p)
		}
	}
	if n := len(pkgs); n > 0 {
		more := ""
		if n > 5 {
			pkgs, more = pkgs[:5], fmt.Sprintf(" and %d more", n-5)
		}
		c.rep.Known = append(c.rep.Known, "package fingerprints differ: "+strings.Join(pkgs, ", ")+more)
	}
	if a.info != nil && b.info != nil && a.info.Path != b.info.Path {
		c.rep.Known = append(c.rep.Known, fmt.Sprintf("the main packages are %q and %q: two things, not two builds of one", a.info.Path, b.info.Path))
	}
	if a.info != nil && b.info != nil && a.info.String() == b.info.String() {
		c.rep.Known = append(c.rep.Known, "the recorded build settings and modules are equal")
	}
	slices.Sort(c.rep.Symbols.Changed)
	var code []string
	for _, e := range c.out.evidence {
		if e.Verdict == Code && e.Symbol != "" && !slices.Contains(code, e.Symbol) {
			if code = append(code, e.Symbol); len(code) > 5 {
				break
			}
		}
	}
	if len(code) > 5 {
		code[5] = "..."
	}
	if len(code) > 0 {
		c.rep.Known = append(c.rep.Known, "instructions differ in "+strings.Join(code, ", "))
	}
}

// CauseIDs lists the ids that Compare can name from two files alone.
func CauseIDs() []string {
	set := map[string]bool{}
	for _, id := range settingCauses {
		set[id] = true
	}
	for _, id := range []string{"go-version", "module-version", "libc", "cc-identity", "build-path", "plugin-path", "stripped", "build-id",
		"embedded-time", "embedded-path", "embedded-host", "unknown"} {
		set[id] = true
	}
	return slices.Sorted(maps.Keys(set))
}
