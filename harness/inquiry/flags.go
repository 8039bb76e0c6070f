package inquiry

import (
	"fmt"
	"slices"
	"strings"
)

// flagName is a flag of go build without its value, with one dash.
func flagName(flag string) string {
	name, _, _ := strings.Cut("-"+strings.TrimLeft(flag, "-"), "=")
	return name
}

// withFlag gives go build a flag that holds: of several flags of one name the last one counts, so all others of that name are dropped. The
// values of -ldflags are joined, for the last flag alone would count.
func withFlag(flags []string, flag string) []string {
	name, value, hasValue := strings.Cut("-"+strings.TrimLeft(flag, "-"), "=")
	if name == "-ldflags" {
		return withLinkFlag(flags, value)
	}
	var at []int // the flags of that name
	keep := -1   // one that says the same, which stays where it is
	for i, f := range flags {
		if flagName(f) != name {
			continue
		}
		at = append(at, i)
		if same := "-"+strings.TrimLeft(f, "-") == flag || !hasValue && on(f); same {
			keep = i
		}
	}
	if len(at) == 0 {
		return append(slices.Clone(flags), flag)
	}
	if keep < 0 {
		keep = at[len(at)-1]
	}
	var out []string
	for i, f := range flags {
		switch {
		case i == keep && (hasValue || !on(f)):
			out = append(out, flag)
		case i == keep || !slices.Contains(at, i):
			out = append(out, f)
		}
	}
	return out
}

// on reports whether a flag without a value, or with one that package flag reads as true, turns something on.
func on(flag string) bool {
	_, value, given := strings.Cut(strings.TrimLeft(flag, "-"), "=")
	return !given || slices.Contains([]string{"1", "t", "T", "true", "TRUE", "True"}, value)
}

// withLinkFlag adds to what the linker is given for the main package: to the last -ldflags that is for it.
func withLinkFlag(flags []string, value string) []string {
	flags = slices.Clone(flags)
	for i := len(flags) - 1; i >= 0; i-- {
		if flagName(flags[i]) != "-ldflags" {
			continue
		}
		_, old, _ := strings.Cut(flags[i], "=")
		pattern, hasPattern := linkPattern(old)
		if hasPattern && pattern != "all" {
			continue // whether the main package is meant is not known
		}
		if holds(old, value) {
			return flags
		}
		if flags[i] = strings.TrimRight(flags[i], " ") + " " + value; strings.TrimSpace(old) == "" {
			flags[i] = "-ldflags=" + value
		}
		return flags
	}
	return append(flags, "-ldflags="+value)
}

// holds reports whether the linker's flags end with these, or have them where nothing undoes them.
func holds(flags, these string) bool {
	words, want := strings.Fields(flags), strings.Fields(these)
	for _, w := range want {
		i := len(words) - 1
		for i >= 0 && flagName(words[i]) != flagName(w) {
			i--
		}
		if i < 0 || words[i] != w {
			return false
		}
	}
	return true
}

// linkPattern is the pattern of packages that a value of -ldflags begins with: "all=-s".
func linkPattern(value string) (string, bool) {
	p, _, ok := strings.Cut(value, "=")
	p = strings.TrimSpace(p)
	return p, ok && !strings.HasPrefix(p, "-")
}

// undone says which flags gave way for others of their name, or for one that was there before; "" if none did.
func undone(before, after []string) string {
	var gone []string
	for _, f := range before {
		if name := flagName(f); name != "-ldflags" && !slices.Contains(after, f) && slices.ContainsFunc(after, func(g string) bool { return flagName(g) == name }) {
			gone = append(gone, f)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	return fmt.Sprintf(" and without %s, which undoes it", strings.Join(gone, " "))
}
