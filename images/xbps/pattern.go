package xbps

import "strings"

// patternMax is PKG_PATTERN_MAX of dewey.c: the lower limit of a pair such as ">=1<2" is cut to one byte less.
const patternMax = 1024

// Match reports whether a pkgver such as "foo-1.0_1" matches a pattern as xbps_pkgpattern_match decides it: the same
// string, else one or two comparisons of versions if the pattern has < or >, else a shell glob.
func Match(pkgver, pattern string) bool {
	if pkgver == pattern {
		return true
	}
	if i := strings.IndexAny(pattern, "<>"); i >= 0 {
		return matchDewey(pkgver, pattern, i)
	}
	if strings.ContainsAny(pattern, "*?[]") {
		return glob(pattern, pkgver)
	}
	return false
}

// matchDewey is dewey_match: the operator begins at op in the pattern.
func matchDewey(pkgver, pattern string, op int) bool {
	dash := strings.LastIndexByte(pkgver, '-')
	if dash < 0 || op != dash || pkgver[:dash] != pattern[:op] {
		return false
	}
	version := parseDewey(pkgver[dash+1:])
	holds, rest := operator(pattern[op:])
	lower := rest
	if pattern[op] == '>' {
		if i := strings.IndexByte(rest, '<'); i >= 0 {
			upper, limit := operator(rest[i:])
			if !upper(version.compare(parseDewey(limit))) {
				return false
			}
			lower = rest[:min(i, patternMax-1)]
		}
	}
	return holds(version.compare(parseDewey(lower)))
}

// operator reads one of <= < >= > at the start of s and returns its test and what follows it.
func operator(s string) (test func(order int) bool, rest string) {
	switch {
	case strings.HasPrefix(s, "<="):
		return func(o int) bool { return o <= 0 }, s[2:]
	case strings.HasPrefix(s, "<"):
		return func(o int) bool { return o < 0 }, s[1:]
	case strings.HasPrefix(s, ">="):
		return func(o int) bool { return o >= 0 }, s[2:]
	}
	return func(o int) bool { return o > 0 }, s[1:]
}
