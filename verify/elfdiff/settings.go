package elfdiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settingCauses maps keys of Go's build information to cause ids. -ldflags and CGO_* are absent from it under -trimpath
// (cmd/go/internal/load/pkg.go); what is there is what the build used.
var settingCauses = map[string]string{
	"-tags": "build-tags", "-race": "race", "-msan": "gcflags", "-asan": "gcflags", "-cover": "cover", "-covermode": "cover", "-coverpkg": "cover",
	"-gcflags": "gcflags", "-asmflags": "gcflags", "-ldflags": "ldflags", "-trimpath": "trimpath-one-side",
	"CGO_CFLAGS": "cgo-flags", "CGO_CPPFLAGS": "cgo-flags", "CGO_CXXFLAGS": "cgo-flags", "CGO_LDFLAGS": "cgo-flags", "CGO_FFLAGS": "cgo-flags", "CGO_ENABLED": "cgo-flags",
	"GOARM": "goarm", "GOARM64": "goarm", "GOAMD64": "goamd64", "GOEXPERIMENT": "goexperiment",
	"vcs": "vcs-stamp", "vcs.revision": "vcs-stamp", "vcs.time": "vcs-stamp", "vcs.modified": "vcs-stamp",
}

// SettingCause is the id of a cause for a key of Go's build information, "" if it has none.
func SettingCause(key string) string { return settingCauses[key] }

// dropped are the settings that the go command leaves out under -trimpath, so that a side without them may have used them, too.
var dropped = map[string]bool{"-ldflags": true, "CGO_CFLAGS": true, "CGO_CPPFLAGS": true, "CGO_CXXFLAGS": true, "CGO_LDFLAGS": true, "CGO_FFLAGS": true}

// levels are set for every build of their architecture, so that a side without one was built by a Go that did not record it.
var levels = map[string]bool{"GOARM": true, "GOARM64": true, "GOAMD64": true}

// settingDiff is a key of the build information under which the two files differ.
type settingDiff struct {
	key      string
	a, b     string
	inA, inB bool
}

func (d settingDiff) String() string {
	return fmt.Sprintf("%s is %s and %s", d.key, orNone(d.a, d.inA), orNone(d.b, d.inB))
}

// settingDiffs lists the settings that differ, without those that one side cannot show.
func settingDiffs(a, b *facts) (out []settingDiff) {
	for _, k := range slices.Sorted(maps.Keys(merged(a.settings, b.settings))) {
		d := settingDiff{key: k}
		d.a, d.inA = a.settings[k]
		d.b, d.inB = b.settings[k]
		switch {
		case d.a == d.b && d.inA == d.inB:
		case d.inA != d.inB && dropped[k] && a.settings["-trimpath"] != b.settings["-trimpath"]:
		case d.inA != d.inB && levels[k]:
		default:
			out = append(out, d)
		}
	}
	return out
}

func (c *comparison) settingCauses(a, b *facts) []namedCause {
	if a.info == nil || b.info == nil {
		return nil
	}
	byID := map[string][]string{}
	for _, d := range settingDiffs(a, b) {
		switch id := settingCauses[d.key]; {
		case d.key == "-ldflags":
			// What -X set, what was stripped and the build ID are found in the files, where they have names of their own.
			if rest := ParseLinkFlags(d.a).otherThan(ParseLinkFlags(d.b)); rest != "" {
				byID[id] = append(byID[id], d.String())
			}
		case id != "":
			byID[id] = append(byID[id], d.String())
		default:
			c.rep.Known = append(c.rep.Known, "build setting "+d.String())
		}
	}
	if x, y := a.info.Main.Version, b.info.Main.Version; x != y && a.info.Main.Path == b.info.Main.Path {
		id := MainVersionCause(x, y)
		if len(byID["vcs-stamp"]) > 0 || a.settings["vcs"] != "" || b.settings["vcs"] != "" {
			id = "vcs-stamp"
		}
		byID[id] = append(byID[id], fmt.Sprintf("the main module's version is %s and %s", orNone(x, x != ""), orNone(y, y != "")))
	}
	var out []namedCause
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		n := namedCause{Cause: Cause{ID: id, Evidence: strings.Join(byID[id], ", ")}, scope: scope{all: true}}
		if id == "vcs-stamp" {
			n.scope = scope{places: func(e Evidence) bool { return inBuildInfo(e, "vcs", "mod "+a.info.Main.Path) }}
		}
		out = append(out, n)
	}
	return out
}

// MainVersionCause names another version of the main module: since Go 1.24 the go command makes it from the version control's state,
// a tag, a pseudo-version, or (devel); `go install path@version` gives it the version that was asked for.
func MainVersionCause(x, y string) string {
	for _, v := range []string{x, y} {
		v, _, _ = strings.Cut(v, " ") // without a sum
		if v == "" || v == "(devel)" || strings.Contains(v, "+dirty") || strings.Contains(v, "-0.") || strings.HasPrefix(v, "v0.0.0-") {
			return "vcs-stamp"
		}
	}
	return "module-version"
}

// inBuildInfo reports whether a place is in the build information, and, where its key is known, whether it is under one that begins
// with one of those given.
func inBuildInfo(e Evidence, keys ...string) bool {
	if e.Section != ".go.buildinfo" && !strings.HasPrefix(e.Symbol, "runtime.modinfo") && e.Symbol != "go:buildinfo" {
		return false
	}
	key, known := strings.CutPrefix(e.Structure, structBuildInfo+" ")
	return !known || len(keys) == 0 || slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(key, k) })
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
