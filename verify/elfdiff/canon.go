package elfdiff

import "strings"

// Names that hold a hash over something else, so that two builds may give one thing two names: cgo's functions, _cgo_<12 hexadecimal
// digits of a hash over the package's C code>_Cfunc_f, and a plugin built from file arguments, plugin/unnamed-<hash>.

// canonical is a name by which things of both files are paired.
func (c *comparison) canonical(name, path string) string {
	if i := strings.Index(name, "_cgo_"); i >= 0 && isCgoHash(name[i:]) {
		name = name[:i] + "_cgo_*" + name[i+17:]
	}
	if c.unnamed && path != "" {
		name = strings.ReplaceAll(name, path, "plugin/*")
	}
	return name
}

// isCgoHash reports whether s begins with _cgo_, 12 hexadecimal digits and another underscore.
func isCgoHash(s string) bool {
	if len(s) < 18 || s[17] != '_' {
		return false
	}
	for _, d := range []byte(s[5:17]) {
		if (d < '0' || d > '9') && (d < 'a' || d > 'f') {
			return false
		}
	}
	return true
}

// hashedName is the structure of a symbol whose name only differs by such a hash.
const hashedName = "symbol's name with a hash over C code"

func (c *comparison) findPaths() {
	c.pathA, c.pathB = c.a.facts().path, c.b.facts().path
	c.unnamed = c.pathA != c.pathB && (strings.HasPrefix(c.pathA, "plugin/unnamed-") || strings.HasPrefix(c.pathB, "plugin/unnamed-"))
}
