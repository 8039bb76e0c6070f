package build

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expand runs the {{cmd:...}} in flags and environment on the side, and gives both with the outputs in their places.
func (s *side) expand(ctx context.Context, flags []string, env map[string]string) (_ []string, _ map[string]string, failed *Failure, err error) {
	one := func(text string) string {
		if failed != nil || err != nil {
			return ""
		}
		var out string
		out, failed, err = s.template(ctx, text)
		return out
	}
	newEnv := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		newEnv[k] = one(env[k])
	}
	newFlags := make([]string, 0, len(flags))
	for _, f := range flags {
		newFlags = append(newFlags, one(f))
	}
	return newFlags, newEnv, failed, err
}

func (s *side) template(ctx context.Context, text string) (string, *Failure, error) {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(text, "{{cmd:")
		out.WriteString(before)
		if !ok {
			return out.String(), nil, nil
		}
		command, rest, ok := strings.Cut(after, "}}")
		if !ok {
			return "", &Failure{Op: "{{cmd:...}}", Text: fmt.Sprintf("%q does not end with }}", after), Side: s.name}, nil
		}
		op := "{{cmd:" + command + "}}"
		argv, err := SplitWords(command)
		if err != nil {
			return "", &Failure{Op: op, Text: err.Error(), Side: s.name}, nil
		}
		said, failed, err := s.output(ctx, op, argv)
		if failed != nil || err != nil {
			return "", failed, err
		}
		out.WriteString(strings.TrimRight(said, "\n"))
		text = rest
	}
}

// SplitWords splits a command as a shell does: at white space, with '...', "..." and backslashes. Nothing is expanded; write ["sh", "-c", ...]
// or {{cmd:sh -c '...'}} for more.
func SplitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	started := false
	var quote rune
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`", r) {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, started = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteRune(r)
			started = true
		}
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("a quote %c is not closed in %q", quote, s)
	case escaped:
		return nil, fmt.Errorf("%q ends with a backslash", s)
	}
	if started {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("empty command")
	}
	return words, nil
}

// quoteFlags joins flags for GOFLAGS, where a flag with white space or quotes is put in the kind of quotes that it does not hold (see "go help environment").
func quoteFlags(flags []string) (string, error) {
	var out []string
	for _, f := range flags {
		switch {
		case !strings.ContainsAny(f, " \t\n\r'\""):
			out = append(out, f)
		case !strings.Contains(f, "'"):
			out = append(out, "'"+f+"'")
		case !strings.Contains(f, `"`):
			out = append(out, `"`+f+`"`)
		default:
			return "", fmt.Errorf("flag %q holds both kinds of quotes, which GOFLAGS cannot", f)
		}
	}
	return strings.Join(out, " "), nil
}
