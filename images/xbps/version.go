package xbps

import "strings"

// modifiers are the words that dewey.c knows inside a version, in the order in which it tries them; the values are its
// enumerations Alpha, Beta, RC and Dot.
var modifiers = []struct {
	word  string
	value int32
}{
	{"alpha", -3},
	{"beta", -2},
	{"pre", -1},
	{"rc", -1},
	{"pl", 0},
	{".", 0},
}

// dewey is a version taken apart: its components in order and the revision behind the last underscore.
type dewey struct {
	parts    []int32
	revision int32
}

// parseDewey takes a version apart as mkversion in dewey.c does: every string has a reading, none is an error. Numbers
// wrap at 32 bits, as they do there.
func parseDewey(s string) dewey {
	var d dewey
	for i := 0; i < len(s); {
		c := s[i]
		if isDigit(c) {
			n, end := number(s, i)
			d.parts = append(d.parts, n)
			i = end
			continue
		}
		if word, value, ok := modifierAt(s[i:]); ok {
			d.parts = append(d.parts, value)
			i += word
			continue
		}
		if c == '_' {
			d.revision, i = number(s, i+1)
			continue
		}
		if lower := c | 0x20; 'a' <= lower && lower <= 'z' {
			d.parts = append(d.parts, 0, int32(lower-'a')+1)
		}
		i++
	}
	return d
}

// number reads the digits of s from i on and returns where they end; no digits are 0.
func number(s string, i int) (int32, int) {
	var n int32
	for i < len(s) && isDigit(s[i]) {
		n = n*10 + int32(s[i]-'0')
		i++
	}
	return n, i
}

func modifierAt(s string) (length int, value int32, ok bool) {
	for _, m := range modifiers {
		if len(s) >= len(m.word) && strings.EqualFold(s[:len(m.word)], m.word) {
			return len(m.word), m.value, true
		}
	}
	return 0, 0, false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// compare returns the sign of d against e: component by component, a missing one counts as 0, then the revision.
func (d dewey) compare(e dewey) int {
	at := func(v []int32, i int) int32 {
		if i < len(v) {
			return v[i]
		}
		return 0
	}
	for i := range max(len(d.parts), len(e.parts)) {
		if diff := at(d.parts, i) - at(e.parts, i); diff != 0 {
			return sign(diff)
		}
	}
	return sign(d.revision - e.revision)
}

func sign(n int32) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// CompareVersions orders two versions as xbps_cmpver does: -1 if a is older than b, 0 if they are equal, 1 if it is newer.
// Package names in front are not stripped: as in xbps they take part.
func CompareVersions(a, b string) int { return parseDewey(a).compare(parseDewey(b)) }
