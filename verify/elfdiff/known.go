package elfdiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

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
	c.rep.Known = append(c.rep.Known, c.functions()...)
}

// Functions, and packages of them, that one line names at most.
const (
	shownFunctions = 6
	shownPackages  = 4
)

// functions says which functions have other instructions, and which only one of the files has. Stack maps and the like are told only of a file in
// which nothing else about functions is.
func (c *comparison) functions() (out []string) {
	var changed, maps, onlyA, onlyB []string
	for _, e := range c.out.evidence {
		if e.Verdict != Code || e.Symbol == "" || strings.HasPrefix(e.Symbol, "go:") {
			continue
		}
		list := &changed
		switch {
		case e.Structure == structFrames:
			list = &maps
		case e.span[1] == 0 && e.span[0] > 0 && !c.nameB().has(e.Symbol):
			list = &onlyA
		case e.span[0] == 0 && e.span[1] > 0 && !c.nameA().has(e.Symbol):
			list = &onlyB
		}
		if !slices.Contains(*list, e.Symbol) && len(*list) < maxListed {
			*list = append(*list, e.Symbol)
		}
	}
	if len(changed)+len(onlyA)+len(onlyB) > 0 {
		maps = nil
	}
	for _, x := range []struct {
		says  string
		names []string
	}{{"instructions differ in ", changed}, {"only stack maps or frames differ in ", maps}, {"functions that only A has: ", onlyA}, {"functions that only B has: ", onlyB}} {
		if len(x.names) > 0 {
			out = append(out, x.says+byPackage(x.names))
		}
	}
	return out
}

// maxListed bounds the functions of each kind that are collected.
const maxListed = 1000

// byPackage lists functions: "F, (*T).M of example.test/p; init of main; and functions of 3 more packages". Go's own packages come last.
func byPackage(names []string) string {
	of := map[string][]string{}
	var pkgs []string
	for _, n := range names {
		pkg, f := packageAndName(n)
		if of[pkg] == nil {
			pkgs = append(pkgs, pkg)
		}
		of[pkg] = append(of[pkg], f)
	}
	slices.SortStableFunc(pkgs, func(x, y string) int {
		if c := boolCmp(isGos(x), isGos(y)); c != 0 {
			return c
		}
		return len(of[y]) - len(of[x])
	})
	var parts []string
	for _, p := range pkgs[:min(len(pkgs), shownPackages)] {
		l := of[p]
		text := strings.Join(l[:min(len(l), shownFunctions)], ", ")
		if n := len(l) - shownFunctions; n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
		if p != "" {
			text += " of " + p
		}
		parts = append(parts, text)
	}
	if n := len(pkgs) - shownPackages; n > 0 {
		parts = append(parts, fmt.Sprintf("and functions of %d more packages", n))
	}
	return strings.Join(parts, "; ")
}

// packageAndName cuts a function's symbol at its package's path; C's have none.
func packageAndName(symbol string) (pkg, name string) {
	if pkg = packageOf(symbol); pkg == "" {
		return "", symbol
	}
	_, name, _ = strings.Cut(symbol[strings.LastIndexByte(pkg, '/')+1:], ".")
	return pkg, name
}
