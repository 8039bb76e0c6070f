package elfdiff

import "strings"

// scope says which differing places a named cause accounts for. Build IDs are hashes over everything, so any named cause
// accounts for them; for the sum over the FIPS 140 module in go:fipsinfo; and for addresses and lengths in the debugging information of code that it moved.
type scope struct {
	all    bool // the compiler, its flags, the C library: any byte may follow
	places func(Evidence) bool
}

// covers reports whether the place is accounted for.
func (s *scope) covers(e Evidence) bool {
	if s.all || isBuildIDNote(e.Section) || e.Structure == dwarfAddresses || e.Structure == hashedName || e.Symbol == "go:fipsinfo" || (s.places != nil && s.places(e)) {
		return true
	}
	return false
}

// packageOf is the import path in a Go symbol's name: what stands before the first dot after the last slash outside brackets.
// Dots in the path's last element are written "%2e" by the compiler.
func packageOf(name string) string {
	name = strings.TrimPrefix(name, "local.")
	for _, p := range []string{"go:link.pkghashbytes.", "go:link.pkghash."} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest
		}
	}
	if strings.HasPrefix(name, "go:link.") {
		return ""
	}
	if strings.HasPrefix(name, "type:") {
		name = strings.TrimLeft(strings.TrimPrefix(name, "type:"), ".*[]eqhash:")
	}
	if i := strings.IndexAny(name, "[("); i > 0 {
		name = name[:i]
	}
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(name[:slash+1+dot], "%2e", ".")
}

// isGos reports whether a package's path looks like one of Go's own: no dot in its first element, and not main. "" is none.
func isGos(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return pkg != "" && pkg != "main" && !strings.Contains(first, ".")
}
