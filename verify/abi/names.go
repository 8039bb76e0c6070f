package abi

import "strings"

// commonNames counts the functions and variables of a package, inlined functions too, whose names both sides have; few is how many there are on the
// side that has fewer, for a host has only what it uses.
func (e *evidence) commonNames(pkg string) (common, few int) {
	x, y := e.a.namesOf(pkg), e.b.namesOf(pkg)
	for name := range x {
		if y[name] {
			common++
		}
	}
	return common, min(len(x), len(y))
}

// oneSource reports whether two versions of one source show on both sides: most names, and a file.
func (e *evidence) oneSource(pkg string) bool {
	common, few := e.commonNames(pkg)
	x, y := e.a.filesOf(pkg), e.b.filesOf(pkg)
	file := len(x) == 0 || len(y) == 0 // nothing is known of them
	for f := range x {
		file = file || y[f]
	}
	return common > 0 && 2*common >= few && file
}

// namesOf are the names of a package's functions and variables, without the compiler's own.
func (o *object) namesOf(pkg string) map[string]bool {
	prefix := symbolPrefix(pkg)
	out := map[string]bool{}
	add := func(name string) {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, prefix+".") && name != prefix+"init" && !strings.HasPrefix(name, prefix+"init.") {
			out[name] = true
		}
	}
	for s, err := range o.file.DynSymbols() {
		if err != nil {
			break
		}
		if s.Defined() {
			add(s.Name)
		}
	}
	_ = o.file.FuncNames(func(name string) bool { // without a line table there is less evidence
		add(name)
		return true
	})
	return out
}
