package actions

import (
	"strconv"
	"strings"
)

// inputsOf takes one write to a hash apart. first says that it is an action's first, the salt.
func inputsOf(w string, first bool) []Input {
	w = strings.TrimSuffix(w, "\n")
	if first {
		return []Input{{"go version", w}}
	}
	word, rest, _ := strings.Cut(w, " ")
	switch word {
	case "compile", "link":
		if rest == "" { // the kind of action
			return nil
		}
		return toolInputs(word, rest)
	case "asm":
		return toolInputs(word, rest)
	case "module", "dir", "go", "cgo", "cover", "fuzz", "pgofile", "linkflags", "defaultgodebug", "packagemain":
		return []Input{{word, rest}}
	case "trimpath", "forcelibrary":
		if rest == "" {
			return []Input{{word, "true"}}
		}
	case "goos", "buildmode", "omitdebug":
		return fieldInputs(w)
	case "import":
		if p, err := strconv.Unquote(rest); err == nil {
			return []Input{{"importpath", p}}
		}
		return lastWord(w)
	case "file":
		return lastWord(w)
	case "magic":
		name, v, _ := strings.Cut(rest, "=")
		return []Input{{"magic " + name, v}}
	case "packagefile", "packageshlib":
		p, id, _ := strings.Cut(rest, "=")
		return []Input{{word + " " + p, id}}
	case "modinfo":
		if s, err := strconv.Unquote(rest); err == nil {
			return modinfoInputs(s)
		}
	}
	if name, v, ok := strings.Cut(w, "="); ok && isName(name) {
		return variableInputs(name, v)
	}
	return []Input{{word, rest}}
}

// isName reports whether s is what an environment variable is called, or a compiler's ("CC ID").
func isName(s string) bool {
	s = strings.TrimSuffix(strings.TrimSuffix(s, " ERROR"), " ID")
	for _, c := range s {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// lastWord splits before the last word: names may hold spaces, hashes do not. The hash of "import unsafe " is empty.
func lastWord(w string) []Input {
	i := strings.LastIndexByte(w, ' ')
	if i < 0 {
		return []Input{{w, ""}}
	}
	return []Input{{w[:i], w[i+1:]}}
}

// fieldInputs takes apart a line of names and values in turn: goos linux goarch amd64.
func fieldInputs(w string) []Input {
	var out []Input
	for w != "" {
		var k, v string
		k, w, _ = strings.Cut(w, " ")
		v, w, _ = strings.Cut(w, " ")
		out = append(out, Input{k, v})
	}
	return out
}

// variableInputs takes apart CC=["gcc"] ["cppflags"] ["cflags"] ["ldflags"] and its like; anything else is one value.
func variableInputs(name, v string) []Input {
	var keys []string
	switch name {
	case "CC":
		keys = []string{"CC", "CPPFLAGS", "CFLAGS", "LDFLAGS"}
	case "CXX":
		keys = []string{"CXX", "CXXFLAGS"}
	case "FC":
		keys = []string{"FC", "FFLAGS"}
	}
	lists, rest := cutLists(v)
	if len(lists) != len(keys) || rest != "" || len(keys) == 0 {
		return []Input{{name, v}}
	}
	out := make([]Input, len(keys))
	for i, k := range keys {
		out[i] = Input{k, lists[i]}
	}
	return out
}

// toolInputs takes apart "compile version go1.26.8 [forced] [flags]", and the linker's line, whose second list is the build mode.
func toolInputs(tool, s string) []Input {
	i := strings.Index(s, " [")
	if i < 0 {
		return []Input{{tool, s}}
	}
	lists, rest := cutLists(s[i+1:])
	out := []Input{{tool, strings.Trim(s[:i], `"`)}}
	var keys []string
	switch {
	case tool == "compile" && len(lists) == 2 && rest == "":
		keys = []string{"gcflags all", "gcflags"}
	case tool == "asm" && len(lists) == 2 && rest == "":
		keys = []string{"asmflags all", "asmflags"}
	case tool == "link" && len(lists) == 1 && !strings.Contains(rest, " "):
		keys = []string{"linkflags all"}
		if rest != "" {
			out = append(out, Input{"linkmode", rest})
		}
	default:
		return []Input{{tool, s}}
	}
	for i, k := range keys {
		out = append(out, Input{k, lists[i]})
	}
	return out
}

// cutLists takes lists of quoted strings, as %q writes them, off the front of s.
func cutLists(s string) (lists []string, rest string) {
	for strings.HasPrefix(s, "[") {
		i := 1
		for i < len(s) && s[i] != ']' {
			if s[i] == ' ' {
				i++
				continue
			}
			q, err := strconv.QuotedPrefix(s[i:])
			if err != nil {
				return lists, s
			}
			i += len(q)
		}
		if i == len(s) {
			return lists, s
		}
		lists, s = append(lists, s[:i+1]), strings.TrimPrefix(s[i+1:], " ")
	}
	return lists, s
}

// modinfoInputs takes apart the text of a main package's build information (debug/buildinfo): lines of fields parted by tabs.
func modinfoInputs(s string) []Input {
	var out []Input
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		kind, rest, _ := strings.Cut(line, "\t")
		switch kind {
		case "mod", "dep", "=>":
			p, v, _ := strings.Cut(rest, "\t")
			out = append(out, Input{"modinfo " + kind + " " + p, strings.TrimSpace(strings.ReplaceAll(v, "\t", " "))})
		case "build":
			k, v, _ := strings.Cut(rest, "=")
			if u, err := strconv.Unquote(k); err == nil {
				k = u
			}
			if u, err := strconv.Unquote(v); err == nil {
				v = u
			}
			out = append(out, Input{"modinfo build " + k, v})
		default:
			out = append(out, Input{"modinfo " + kind, rest})
		}
	}
	return out
}
