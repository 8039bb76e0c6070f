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

// findCauses names what the two files prove, else "unknown" with what is known.
func (c *comparison) findCauses() {
	a, b := c.a.facts(), c.b.facts()
	c.describe(a, b)
	if c.rep.Verdict == Incomparable {
		c.rep.Causes = append(c.rep.Causes, incomparableCause(c))
		return
	}
	if a.importPath() != b.importPath() && a.importPath() != fromFiles && b.importPath() != fromFiles {
		c.whatIsKnown(a, b) // two things, not two builds of one: nothing made the one into the other
		c.rep.Causes = append(c.rep.Causes, Cause{ID: "unknown", Evidence: strings.Join(c.rep.Known, "; ")})
		return
	}
	found := []namedCause{}
	for _, find := range []func(a, b *facts) []namedCause{
		c.versionCauses, c.settingCauses, c.moduleCauses, c.libcCauses, c.pathCauses, c.pluginPathCauses, c.strippedCauses, c.buildIDCauses, c.setCauses,
	} {
		found = append(found, find(a, b)...)
	}
	// What may have many reasons is only looked at where something is left that the causes so far do not account for.
	for _, find := range []func(a, b *facts) []namedCause{c.textCauses, c.compilerCauses, c.toolchainCauses} {
		if c.rep.Verdict >= DebugOnly && c.open(found) {
			found = append(found, find(a, b)...)
		}
	}
	found = mergeCauses(found)
	rest := c.explain(found)
	for _, n := range found {
		c.rep.Causes = append(c.rep.Causes, n.Cause)
	}
	c.whatIsKnown(a, b)
	switch {
	case len(found) == 0:
		c.rep.Causes = append(c.rep.Causes, Cause{ID: "unknown", Evidence: strings.Join(c.rep.Known, "; ")})
	case rest != "":
		c.rep.Causes = append(c.rep.Causes, Cause{ID: "unknown", Evidence: "for the rest: " + rest})
	}
}

// open reports whether a place is left that no cause accounts for.
func (c *comparison) open(found []namedCause) bool {
	return len(found) == 0 || slices.ContainsFunc(c.out.evidence, func(e Evidence) bool {
		return !slices.ContainsFunc(found, func(n namedCause) bool { return n.scope.covers(e) })
	})
}

// fromFiles is what the go command calls a package that was given as a list of files.
const fromFiles = "command-line-arguments"

// mergeCauses makes one cause of those with the same id.
func mergeCauses(found []namedCause) (out []namedCause) {
	for _, n := range found {
		i := slices.IndexFunc(out, func(o namedCause) bool { return o.ID == n.ID })
		if i < 0 {
			out = append(out, n)
			continue
		}
		first, second := out[i].scope, n.scope
		out[i].Evidence += "; " + n.Evidence
		out[i].Guess = out[i].Guess && n.Guess
		out[i].scope = scope{all: first.all || second.all, places: func(e Evidence) bool { return first.covers(e) || second.covers(e) }}
	}
	return out
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

func (c *comparison) libcCauses(a, b *facts) []namedCause {
	x, y := a.libc(), b.libc()
	switch {
	case x != "" && y != "" && x != y:
		return []namedCause{{Cause{ID: "libc", Evidence: fmt.Sprintf("linked against %s (%s) and %s (%s)", x, libraries(a), y, libraries(b))}, scope{all: true}}}
	case otherCompilers(a.comment, b.comment):
		return []namedCause{{Cause{ID: "cc-identity", Evidence: fmt.Sprintf(".comment names %q and %q", a.comment, b.comment)}, scope{all: true}}}
	}
	return nil
}

// otherCompilers reports whether each names a compiler that the other does not. One alone may have come with a library, as the
// race detector's runtime does.
func otherCompilers(x, y string) bool {
	v, w := strings.Split(x, "; "), strings.Split(y, "; ")
	return x != "" && y != "" && len(onlyIn(v, w)) > 0 && len(onlyIn(w, v)) > 0
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
	if !strings.HasPrefix(a.path, unnamed) && !strings.HasPrefix(b.path, unnamed) {
		c.rep.Known = append(c.rep.Known, fmt.Sprintf("the plugin paths are %q and %q", a.path, b.path))
		return nil
	}
	if strings.HasPrefix(a.path, unnamed) && strings.HasPrefix(b.path, unnamed) {
		c.rep.Known = append(c.rep.Known, "both plugin paths are hashes, over the build ID and the files' bytes: an input differs besides")
	}
	return []namedCause{{Cause{ID: "plugin-path", Evidence: fmt.Sprintf("plugin paths %q and %q: built from file arguments, so the path is a hash of the build ID and the files", a.path, b.path)},
		scope{places: func(e Evidence) bool { return namesPlugin(e, a, b) }}}}
}

// unnamed begins the path of a plugin that was built from file arguments (cmd/go/internal/work/gc.go, pluginPath).
const unnamed = "plugin/unnamed-"

// namesPlugin reports whether a place is, or is made from, the plugin's own name. Its code is not.
func namesPlugin(e Evidence, a, b *facts) bool {
	sym := strings.TrimPrefix(e.Symbol, "local.")
	switch {
	case e.Verdict == Code:
		return false
	case isSymbolTable(e.Section), isDebug(e.Section), e.Structure == pclnFileNames && (fromArguments(e.A) || fromArguments(e.B)),
		strings.Contains(e.A+e.B, unnamed), sym == "go:link.thispluginpath", strings.HasPrefix(sym, "go:link.pkgname."), inBuildInfo(e, "path", "mod ", "dep ", "=> "):
		return true
	case e.Structure == structFingerprint: // the plugin's own, and the list that its name is in
		pkg := fingerprinted(e)
		return pkg == a.path || pkg == b.path || pkg == ""
	}
	return false
}

// fingerprinted is the package whose fingerprint a place is, "" if it is not known.
func fingerprinted(e Evidence) string {
	if e.Package != "" {
		return e.Package
	}
	return packageOf(e.Symbol)
}

// fromArguments reports whether a source file has no directory, as files that were arguments have under -trimpath.
func fromArguments(quoted string) bool {
	name := strings.Trim(quoted, `"`)
	return strings.HasPrefix(name, "./") || strings.HasPrefix(name, "command-line-arguments/") || name != "" && !strings.Contains(name, "/")
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
	f, g := recordedFlags(a, b)
	if f.Stripped != g.Stripped {
		what = append(what, fmt.Sprintf("-ldflags is %q and %q", a.settings["-ldflags"], b.settings["-ldflags"]))
	}
	if len(what) == 0 {
		return nil
	}
	return []namedCause{{Cause{ID: "stripped", Evidence: strings.Join(what, ", ")}, scope{places: func(e Evidence) bool {
		return f.Stripped != g.Stripped && inBuildInfo(e, "-ldflags") || isDebug(e.Section) || isSymbolTable(e.Section) && e.Section[1] != 'd' || e.Section == ".shstrtab" || e.Structure == "section headers"
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
	f, g := recordedFlags(a, b)
	return []namedCause{{Cause{ID: "build-id", Evidence: fmt.Sprintf("Go build IDs %q and %q: not both made by the go command", a.buildID, b.buildID)},
		scope{places: func(e Evidence) bool {
			// Without a note there is no segment of notes.
			return f.BuildID != g.BuildID && inBuildInfo(e, "-ldflags") || e.Section == "program headers" && (a.buildID == "") != (b.buildID == "")
		}}}}
}

// recordedFlags are the linker's flags in the build information, where both sides show them.
func recordedFlags(a, b *facts) (f, g LinkFlags) {
	if a.settings["-trimpath"] != b.settings["-trimpath"] {
		return f, g
	}
	return ParseLinkFlags(a.settings["-ldflags"]), ParseLinkFlags(b.settings["-ldflags"])
}

// explain counts the bytes that the causes account for. What merely moved is accounted for when everything else is.
// It says what is left, "" if nothing is.
func (c *comparison) explain(found []namedCause) string {
	if len(found) == 0 {
		return ""
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
		return ""
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
	return "no named cause accounts for " + strings.Join(names, ", ") + more
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

// CauseIDs lists the ids that Compare can name from two files alone.
func CauseIDs() []string {
	set := map[string]bool{}
	for _, id := range settingCauses {
		set[id] = true
	}
	for _, id := range []string{"go-version", "toolchain-build", "module-version", "vendor-mode", "libc", "cc-identity", "build-path", "plugin-path", "stripped", "build-id",
		"embedded-time", "embedded-path", "embedded-host", "unknown"} {
		set[id] = true
	}
	return slices.Sorted(maps.Keys(set))
}
