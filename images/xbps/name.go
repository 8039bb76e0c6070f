package xbps

import "strings"

// Split takes a pkgver such as "foo-bar-1.5_3" apart into its name and version. ok is false where xbps_pkg_name finds
// no version: it wants a digit before the underscore and only digits and underscores after it.
func Split(pkgver string) (name, version string, ok bool) {
	dash := strings.LastIndexByte(pkgver, '-')
	if dash < 0 {
		return "", "", false
	}
	v := pkgver[dash+1:]
	for i := 0; i < len(v); i++ {
		if v[i] == '_' {
			return "", "", false
		}
		if !isDigit(v[i]) {
			continue
		}
		under := strings.IndexByte(v[i+1:], '_')
		if under < 0 {
			continue
		}
		if !isRevision(v[i+1+under+1:]) {
			return "", "", false
		}
		return pkgver[:dash], v, true
	}
	return "", "", false
}

// isRevision allows underscores, for versions such as 1.17_01_1.
func isRevision(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) && s[i] != '_' {
			return false
		}
	}
	return s != ""
}

// PatternName returns the name part of a pattern such as "foo>=1.0_1" or "foo-[0-9]*", as xbps_pkgpattern_name does;
// ok is false for a string without any of the characters that make a pattern.
func PatternName(pattern string) (name string, ok bool) {
	i := strings.IndexAny(pattern, "><*?[]")
	if i < 0 {
		return "", false
	}
	return strings.TrimSuffix(pattern[:i], "-"), true
}

// DependencyName returns the name of the package that an element of run_depends asks for. ok is false where xbps refuses
// the element: one that is neither a pattern nor an exact pkgver, such as a bare name.
func DependencyName(dep string) (name string, ok bool) {
	if name, ok = PatternName(dep); ok {
		return name, name != ""
	}
	name, _, ok = Split(dep)
	return name, ok && name != ""
}

// ValidName reports whether a package name can be part of a file name and of a database key without any surprise.
func ValidName(name string) bool {
	if name == "" || len(name) > 255 || name[0] == '.' || name[0] == '-' {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("/\\<>*?[]:;|&$`'\"", c) >= 0 {
			return false
		}
	}
	return true
}

// SplitFile takes the base name of a package file apart: "foo-1.0_1.x86_64-musl.xbps" is pkgver foo-1.0_1 of x86_64-musl.
func SplitFile(base string) (pkgver, arch string, ok bool) {
	rest, ok := strings.CutSuffix(base, ".xbps")
	if !ok {
		return "", "", false
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return "", "", false
	}
	pkgver, arch = rest[:dot], rest[dot+1:]
	if _, _, ok := Split(pkgver); !ok || arch == "" {
		return "", "", false
	}
	return pkgver, arch, true
}

// FileName is the name under which a repository keeps a package.
func FileName(pkgver, arch string) string { return pkgver + "." + arch + ".xbps" }
