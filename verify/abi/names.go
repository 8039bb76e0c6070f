package abi

import "strings"

// commonNames counts the functions and variables of a package, inlined functions too, whose names both sides have. A method counts twice, for its
// type has a name, too. few is the count of the side that has fewer: both have only what they use.
func (e *evidence) commonNames(pkg string) (common, few int) {
	x, y := e.a.namesOf(pkg), e.b.namesOf(pkg)
	weight := func(name string) int {
		if strings.Contains(strings.TrimPrefix(name, symbolPrefix(pkg)), ".") {
			return 2
		}
		return 1
	}
	nx, ny := 0, 0
	for name := range x {
		nx += weight(name)
		if y[name] {
			common += weight(name)
		}
	}
	for name := range y {
		ny += weight(name)
	}
	return common, min(nx, ny)
}

// oneSource reports whether two versions of one source show on both sides: most names of the side that has fewer, and a file. The name of one
// function alone, such as New, shows it only where neither side has many.
func (e *evidence) oneSource(pkg string) bool {
	common, few := e.commonNames(pkg)
	if 2*common <= few || few == 1 && max(len(e.a.namesOf(pkg)), len(e.b.namesOf(pkg))) > 2 {
		return false
	}
	x, y := e.a.filesOf(pkg), e.b.filesOf(pkg)
	file := len(x) == 0 || len(y) == 0 // nothing is known of them
	for f := range x {
		file = file || y[f]
	}
	return file
}

// namesOf are the names of a package's functions and variables, without the compiler's own.
func (o *object) namesOf(pkg string) map[string]bool {
	prefix := symbolPrefix(pkg)
	out := map[string]bool{}
	add := func(name string) {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, prefix+".") && name != prefix+"init" && !strings.HasPrefix(name, prefix+coverMark) && !strings.HasPrefix(name, prefix+"init.") {
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
