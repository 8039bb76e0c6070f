package abi

import (
	"regexp"
	"strings"
)

// gcflags are the compiler's flags of one side that reach a package, "" if there are none. A value without a pattern reaches the packages of the
// command line only; of several values the last one is recorded (cmd/go/internal/load/flag.go).
func (o *object) gcflags(pkg string) string {
	value := strings.TrimSpace(o.setting("-gcflags"))
	if value == "" || strings.HasPrefix(value, "-") {
		return ""
	}
	pattern, flags, ok := strings.Cut(value, "=")
	if !ok || !o.matches(strings.TrimSpace(pattern), pkg) {
		return ""
	}
	return strings.TrimSpace(flags)
}

// coverMark is in the names of the counters that -cover adds to a package (cmd/cover).
const coverMark = "goCover_"

// covered reports whether -cover reached a package of one side: it has counters then. What a lock does not say is guessed: without -coverpkg, which
// nobody records, the packages of the main modules.
func (o *object) covered(pkg string) bool {
	if o.setting("-cover") != "true" {
		return false
	}
	if o.lock != nil {
		return o.inMain(pkg)
	}
	if o.counters == nil {
		o.counters = map[string]bool{}
		for s, err := range o.file.DynSymbols() {
			if err != nil {
				break
			}
			if head, _, ok := strings.Cut(s.Name, coverMark); ok && s.Defined() {
				o.counters[head] = true
			}
		}
	}
	return o.counters[symbolPrefix(pkg)]
}

// inMain reports whether a package belongs to the main module, or to one that may be a workspace's: that is recorded as a dependency without a
// version.
func (o *object) inMain(pkg string) bool {
	m := moduleFor(o.info, pkg)
	return m != nil && (m == &o.info.Main || m.Replace == nil && m.Version == "(devel)")
}

// matches is the go command's matching of a pattern (go help packages). One that is relative to the working directory may mean any of the
// main module's packages.
func (o *object) matches(pattern, pkg string) bool {
	inStd := func() bool {
		m, _ := versionOf(o, pkg)
		return m == std
	}
	switch {
	case pattern == "all":
		return true
	case pattern == "std":
		return inStd()
	case pattern == "cmd":
		return false
	case pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../") || strings.HasPrefix(pattern, "/"):
		return o.inMain(pkg)
	}
	expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\.\.\.`, `.*`)
	if head, ok := strings.CutSuffix(expr, `/.*`); ok {
		expr = head + `(/.*)?`
	}
	found, err := regexp.MatchString("^"+expr+"$", pkg)
	return err == nil && found
}
