package xbps

import "strings"

// glob is fnmatch(3) with FNM_PERIOD in the C locale, which xbps uses for patterns without a comparison: a slash is an
// ordinary byte, a backslash takes the next byte literally, and a leading period must be written out.
// Its time is bounded by the product of the two lengths.
func glob(pattern, s string) bool {
	if strings.HasPrefix(s, ".") && !strings.HasPrefix(pattern, ".") && !strings.HasPrefix(pattern, "\\.") {
		return false
	}
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) || p < len(pattern) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, i
			p++
			continue
		}
		if i < len(s) && p < len(pattern) {
			if next, ok := globOne(pattern, p, s[i]); ok {
				p, i = next, i+1
				continue
			}
		}
		if star < 0 || mark >= len(s) {
			return false
		}
		mark++
		p, i = star+1, mark
	}
	return true
}

// globOne matches c against the element of the pattern at p and returns where the next element begins.
func globOne(pattern string, p int, c byte) (next int, ok bool) {
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		if end, match, closed := bracket(pattern, p, c); closed {
			return end, match
		}
	case '\\':
		if p+1 < len(pattern) {
			return p + 2, pattern[p+1] == c
		}
		return p + 1, false
	}
	return p + 1, pattern[p] == c
}

// bracket matches c against the bracket expression at p. closed is false where no ] ends it; then [ is an ordinary byte.
func bracket(pattern string, p int, c byte) (end int, match, closed bool) {
	i := p + 1
	negate := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negate {
		i++
	}
	for first := true; ; first = false {
		if i >= len(pattern) {
			return 0, false, false
		}
		if pattern[i] == ']' && !first {
			return i + 1, match != negate, true
		}
		if strings.HasPrefix(pattern[i:], "[:") {
			if j := strings.Index(pattern[i+2:], ":]"); j >= 0 {
				match = match || inClass(pattern[i+2:i+2+j], c)
				i += j + 4
				continue
			}
		}
		lo, after := bracketByte(pattern, i)
		if after < 0 {
			return 0, false, false
		}
		hi := lo
		if after+1 < len(pattern) && pattern[after] == '-' && pattern[after+1] != ']' {
			hi, after = bracketByte(pattern, after+1)
			if after < 0 {
				return 0, false, false
			}
		}
		match = match || lo <= c && c <= hi
		i = after
	}
}

// bracketByte reads one byte of a bracket expression, perhaps behind a backslash; after is -1 at the pattern's end.
func bracketByte(pattern string, i int) (b byte, after int) {
	if pattern[i] == '\\' {
		i++
	}
	if i >= len(pattern) {
		return 0, -1
	}
	return pattern[i], i + 1
}

// inClass reports whether c belongs to a named character class of POSIX in the C locale; an unknown name has no members.
func inClass(name string, c byte) bool {
	upper, lower := 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z'
	alpha, digit := upper || lower, isDigit(c)
	graph := '!' <= c && c <= '~'
	switch name {
	case "alpha":
		return alpha
	case "digit":
		return digit
	case "alnum":
		return alpha || digit
	case "upper":
		return upper
	case "lower":
		return lower
	case "space":
		return c == ' ' || '\t' <= c && c <= '\r'
	case "blank":
		return c == ' ' || c == '\t'
	case "cntrl":
		return c < ' ' || c == 0x7f
	case "graph":
		return graph
	case "print":
		return graph || c == ' '
	case "punct":
		return graph && !alpha && !digit
	case "xdigit":
		return digit || 'a' <= c|0x20 && c|0x20 <= 'f'
	}
	return false
}
