package cause

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/verify/actions"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

// byKey names inputs of an action that stand for one cause each; see actions.Input for the keys.
var byKey = map[string]string{
	"CC": "cc-identity", "CC ID": "cc-identity", "CXX": "cc-identity", "CXX ID": "cc-identity", "FC": "cc-identity", "FC ID": "cc-identity",
	"CFLAGS": "cgo-flags", "CPPFLAGS": "cgo-flags", "CXXFLAGS": "cgo-flags", "FFLAGS": "cgo-flags", "LDFLAGS": "cgo-flags",
	"trimpath": "trimpath-one-side", "dir": "build-path", "GOROOT": "build-path", "module": "module-version",
	"gcflags": "gcflags", "asmflags": "gcflags", "asmflags all": "gcflags", "cover": "cover", "GOAMD64": "goamd64", "GOARM": "goarm",
	"GOEXPERIMENT": "goexperiment", "go": "source-edit", "defaultgodebug": "source-edit",
}

// FromRoot names one input that differs, "" if it has no name of its own. The names of a whole attribution are FromActions's.
func FromRoot(r actions.Root) string {
	pkg := packageOf(r)
	switch key, rest, _ := strings.Cut(r.Key, " "); {
	case r.Key == "go version", r.Key == "compile", r.Key == "asm", r.Key == "link", r.Key == "cgo":
		return elfdiff.VersionCause(releaseIn(r.A), releaseIn(r.B))
	case r.Key == "gcflags all", r.Key == "linkflags all": // forced by the go command: -dynlink, -shared, -race
		for flag, id := range map[string]string{"-race": "race", "-msan": "gcflags", "-asan": "gcflags"} {
			if holds(r.A, flag) != holds(r.B, flag) {
				return id
			}
		}
		if r.Key == "linkflags all" {
			return "ldflags"
		}
		return "gcflags"
	case r.Key == "linkflags":
		return linkerCauses(r)[0]
	case r.Key == "dir" && (vendored(r.A) != vendored(r.B)):
		return "vendor-mode"
	case (r.Key == "modinfo path" || r.Key == "importpath") && (value(r.A) == fileArguments || value(r.B) == fileArguments):
		return "plugin-path"
	case key == "modinfo" && strings.HasPrefix(rest, "build "):
		return elfdiff.SettingCause(strings.TrimPrefix(rest, "build "))
	case key == "modinfo" && strings.HasPrefix(rest, "mod "):
		return elfdiff.MainVersionCause(value(r.A), value(r.B))
	case key == "modinfo" && strings.HasPrefix(rest, "dep "):
		return elfdiff.DependencyCause(value(r.A), value(r.B))
	case key == "modinfo" && strings.HasPrefix(rest, "=> "):
		return "module-version"
	case key == "file":
		if pkg == "internal/goexperiment" { // one file or another for each experiment
			return "goexperiment"
		}
		if Standard(pkg) {
			return "toolchain-build"
		}
		return "source-edit"
	}
	return byKey[r.Key]
}

// fileArguments is what the go command calls a package that was given as a list of files.
const fileArguments = "command-line-arguments"

// Standard reports whether an import path is the standard library's: its first element has no dot, which modules' paths have by
// convention, and it is neither a main package built from files nor one of the usual names of modules without a dot.
func Standard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return slices.Contains(elfdiff.StandardRoots(), first)
}

func packageOf(r actions.Root) string {
	if len(r.Actions) == 0 {
		return ""
	}
	_, pkg, _ := strings.Cut(r.Actions[0], " ")
	return pkg
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func holds(list *string, flag string) bool { return strings.Contains(value(list), `"`+flag+`"`) }

func vendored(dir *string) bool { return slices.Contains(strings.Split(value(dir), "/"), "vendor") }

// releaseIn finds the release in "compile version go1.26.8" and the like.
func releaseIn(s *string) string {
	text := value(s)
	if i := strings.Index(text, "version "); i >= 0 {
		text = text[i+len("version "):]
	}
	return strings.Trim(text, `"`)
}

// linkerCauses names a difference of the linker's flags: -X by what it sets, -s and -w as stripping, -buildid as a build ID.
func linkerCauses(r actions.Root) []string {
	x, y := elfdiff.ParseLinkFlags(unlist(value(r.A))), elfdiff.ParseLinkFlags(unlist(value(r.B)))
	if ids := x.Causes(y); len(ids) > 0 {
		return ids
	}
	return []string{"ldflags"} // another order
}

// unlist makes one line of a list of quoted strings, as the linker's flags are logged, with quotes around words that hold white space.
func unlist(s string) string {
	var words []string
	for s = strings.Trim(s, "[]"); s != ""; s = strings.TrimLeft(s, " ") {
		q, err := strconv.QuotedPrefix(s)
		if err != nil {
			return strings.Join(append(words, s), " ")
		}
		word, _ := strconv.Unquote(q) // QuotedPrefix has checked it
		switch {
		case !strings.ContainsAny(word, " \t\n\r"):
		case strings.Contains(word, "'"):
			word = `"` + word + `"`
		default:
			word = "'" + word + "'"
		}
		if name, _, ok := strings.Cut(word, "="); ok && !strings.HasPrefix(word, "-") && strings.Contains(name, ".") && !follows(words, "-X") {
			words = append(words, "-X") // which both sides have, and which was therefore left out
		}
		words, s = append(words, word), s[len(q):]
	}
	return strings.Join(words, " ")
}

// changedModules are the paths of the modules of which another version is linked.
func changedModules(at *actions.Attribution) (paths []string) {
	for _, r := range at.Roots {
		for _, kind := range []string{"modinfo dep ", "modinfo => "} {
			if p, ok := strings.CutPrefix(r.Key, kind); ok && r.A != nil && r.B != nil && FromRoot(r) == "module-version" {
				paths = append(paths, p)
			}
		}
		if r.Key == "module" {
			x, _, _ := strings.Cut(value(r.A), "@")
			if y, _, _ := strings.Cut(value(r.B), "@"); x == y && x != "" {
				paths = append(paths, x)
			}
		}
	}
	return paths
}

// ofRelease reports whether only packages of the standard library have a difference: another release has other flags in its #cgo lines.
func ofRelease(r actions.Root) bool {
	return !slices.ContainsFunc(r.Actions, func(name string) bool {
		_, pkg, _ := strings.Cut(name, " ")
		return !Standard(pkg)
	})
}

// follows reports whether a word is the last one.
func follows(words []string, word string) bool { return len(words) > 0 && words[len(words)-1] == word }

// FromActions names why two builds' actions differ, each cause once, with what follows from another left out: paths, files and lists
// of imports follow from -trimpath and from tags, tools from the Go release. What has no name is unknown, with what is known.
func FromActions(at *actions.Attribution) []elfdiff.Cause {
	byID := map[string][]string{}
	var order []string
	add := func(id string, r actions.Root) {
		if id == "" {
			id = "unknown"
		}
		if !slices.Contains(order, id) {
			order = append(order, id)
		}
		byID[id] = append(byID[id], say(r))
	}
	release := slices.ContainsFunc(at.Roots, func(r actions.Root) bool { return FromRoot(r) == "go-version" })
	modules := changedModules(at)
	for _, r := range at.Roots {
		switch {
		case FromRoot(r) == "source-edit" && slices.ContainsFunc(modules, func(m string) bool { return packageOf(r) == m || strings.HasPrefix(packageOf(r), m+"/") }):
			add("module-version", r) // another version has other files
		case release && (r.Key == "GOROOT" || ofRelease(r)):
			add("go-version", r)
		case r.Key == "linkflags":
			for _, id := range linkerCauses(r) {
				add(id, r)
			}
		default:
			add(FromRoot(r), r)
		}
	}
	folded := func(id string, under ...string) {
		if slices.ContainsFunc(under, func(u string) bool { return len(byID[u]) > 0 }) {
			delete(byID, id)
		}
	}
	folded("toolchain-build", "go-version") // another release has another standard library
	folded("goexperiment", "go-version")
	folded("build-path", "vendor-mode", "trimpath-one-side")
	folded("vendor-mode", "trimpath-one-side")
	folded("module-version", "trimpath-one-side")
	folded("unknown", "go-version", "toolchain-build", "goexperiment", "build-tags", "race", "cover", "plugin-path", "module-version", "vendor-mode", "source-edit",
		"trimpath-one-side") // lists of imports and of files that follow
	drop := func(id string, follows func(evidence string) bool, from ...string) {
		if !slices.ContainsFunc(from, func(u string) bool { return len(byID[u]) > 0 }) {
			return
		}
		if byID[id] = slices.DeleteFunc(byID[id], follows); len(byID[id]) == 0 {
			delete(byID, id)
		}
	}
	oneSided := func(e string) bool { return strings.HasPrefix(e, "file ") && strings.Contains(e, absent) }
	for _, id := range []string{"source-edit", "toolchain-build"} { // files are chosen by tags
		drop(id, oneSided, "build-tags", "race", "cover", "goexperiment", "goamd64", "goarm")
	}
	drop("source-edit", func(e string) bool { return strings.HasPrefix(e, "defaultgodebug") }, "go-version")
	out := []elfdiff.Cause{}
	for _, id := range order {
		if e := byID[id]; len(e) > 0 {
			c := elfdiff.Cause{ID: id, Evidence: strings.Join(e[:min(len(e), 4)], "; ")}
			if len(e) > 4 {
				c.Evidence += fmt.Sprintf("; and %d more", len(e)-4)
			}
			if known, ok := Lookup(id); ok {
				c.Fix = known.Fix
			}
			out = append(out, c)
		}
	}
	return out
}

const absent = "nothing"

// say puts a root in words.
func say(r actions.Root) string {
	show := func(s *string) string {
		if s == nil {
			return absent
		}
		return *s
	}
	where := packageOf(r)
	if n := len(r.Actions); n > 1 {
		where += fmt.Sprintf(" and %d more", n-1)
	}
	switch {
	case r.Unstable():
		return fmt.Sprintf("%s: its inputs are equal, what was compiled from them is not", where)
	case strings.HasPrefix(r.Key, "file ") && r.A != nil && r.B != nil:
		return fmt.Sprintf("%s differs", path.Join(packageOf(r), strings.TrimPrefix(r.Key, "file ")))
	}
	return fmt.Sprintf("%s of %s is %s and %s", r.Key, where, show(r.A), show(r.B))
}
