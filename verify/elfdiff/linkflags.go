package elfdiff

import (
	"maps"
	"slices"
	"strings"
)

// LinkFlags are the Go linker's flags, taken apart.
type LinkFlags struct {
	Set      map[string]string // what -X sets, by variable
	Stripped string            // of -s and -w, those that are there
	BuildID  string            // of -buildid, with "=" before it; "" if it is not there
	Rest     []string          // everything else, in order
}

// ParseLinkFlags takes a -ldflags value apart as the go command does: words at white space, with single or double quotes around those
// that hold some (cmd/internal/quoted).
func ParseLinkFlags(s string) LinkFlags {
	f := LinkFlags{Set: map[string]string{}}
	words := quotedWords(s)
	for i := 0; i < len(words); i++ {
		name, v, given := strings.Cut(strings.TrimPrefix(words[i], "-"), "=")
		name = strings.TrimPrefix(name, "-")
		if !strings.HasPrefix(words[i], "-") {
			f.Rest = append(f.Rest, words[i])
			continue
		}
		switch name {
		case "X", "buildid":
			if !given && i+1 < len(words) {
				i++
				v = words[i]
			}
			if name == "buildid" {
				f.BuildID = "=" + v
			} else if variable, text, ok := strings.Cut(v, "="); ok {
				f.Set[variable] = text
			}
		case "s", "w":
			if v != "false" && v != "0" && !strings.Contains(f.Stripped, name) {
				f.Stripped += name
			}
		default:
			f.Rest = append(f.Rest, words[i])
		}
	}
	f.Stripped = strings.Join(slices.Sorted(slices.Values(strings.Split(f.Stripped, ""))), "")
	return f
}

// otherThan is what differs besides -X, -s, -w and -buildid, "" if nothing does.
func (f LinkFlags) otherThan(g LinkFlags) string {
	if slices.Equal(f.Rest, g.Rest) {
		return ""
	}
	return strings.Join(f.Rest, " ") + " | " + strings.Join(g.Rest, " ")
}

// Causes names what differs between two sides' flags, each id once, sorted.
func (f LinkFlags) Causes(g LinkFlags) []string {
	ids := map[string]bool{}
	for _, name := range sortedKeys(f.Set, g.Set) {
		v, inA := f.Set[name]
		w, inB := g.Set[name]
		if v != w || inA != inB {
			ids[valueCause(name, v, w, inA && inB)] = true
		}
	}
	if f.Stripped != g.Stripped {
		ids["stripped"] = true
	}
	if f.BuildID != g.BuildID {
		ids["build-id"] = true
	}
	if f.otherThan(g) != "" {
		ids["ldflags"] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// quotedWords splits at white space outside quotes. A quote begins a word or is part of it; an open one ends at the end.
func quotedWords(s string) (words []string) {
	for {
		s = strings.TrimLeft(s, " \t\n\r")
		if s == "" {
			return words
		}
		if q := s[0]; q == '\'' || q == '"' {
			word, rest, _ := strings.Cut(s[1:], string(q))
			words, s = append(words, word), rest
			continue
		}
		i := strings.IndexAny(s, " \t\n\r")
		if i < 0 {
			i = len(s)
		}
		words, s = append(words, s[:i]), s[i:]
	}
}
