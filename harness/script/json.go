package script

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// json asserts something about a JSON document or a file of JSON lines:
//
//	json FILE PATH VALUE            the value at PATH, as text, equals VALUE
//	json FILE 'step=load,cell.arch=arm' PATH VALUE   in every line for which all conditions hold, and in one at least
//
// FILE may be stdout. PATH is dotted, with [n] for elements and # for a length: plugins[0].verdict, cells.#.
// VALUE in slashes is a regular expression. `! json` demands another value, which must be there.
func (s *session) json(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 && len(args) != 4 {
		ts.Fatalf("usage: json FILE [KEY=VALUE,...] PATH VALUE")
	}
	text := ts.ReadFile(args[0])
	where := ""
	if len(args) == 4 {
		where = args[1] // on its own line: append writes over it
		args = append(args[:1], args[2:]...)
		for cond := range strings.SplitSeq(where, ",") {
			if !strings.Contains(cond, "=") {
				ts.Fatalf("json: %q is no KEY=VALUE", cond)
			}
		}
	}
	if re, ok := pattern(args[2]); ok {
		if _, err := regexp.Compile(re); err != nil {
			ts.Fatalf("json: %v", err)
		}
	}
	docs, err := documents(text)
	if err != nil {
		ts.Fatalf("json: %s: %v", args[0], err)
	}
	seen := 0
	for _, doc := range docs {
		if !holds(doc, where) {
			continue
		}
		seen++
		got := at(doc, args[1])
		if neg && got == absent && args[2] != absent {
			ts.Fatalf("json: %s: there is no %s, so that it could be another", args[0], args[1])
		}
		if equal(got, args[2]) == neg {
			ts.Fatalf("json: %s: %s is %q, want%s %q", args[0], args[1], got, not(neg), args[2])
		}
	}
	if seen == 0 {
		ts.Fatalf("json: %s: no document with %s among %d", args[0], where, len(docs))
	}
}

func documents(text string) ([]any, error) {
	var docs []any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	for dec.More() {
		var doc any
		if err := dec.Decode(&doc); err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

func holds(doc any, where string) bool {
	for cond := range strings.SplitSeq(where, ",") {
		if path, value, ok := strings.Cut(cond, "="); ok && !equal(at(doc, path), value) {
			return false
		}
	}
	return true
}

func equal(got, want string) bool {
	if expr, ok := pattern(want); ok {
		re, err := regexp.Compile(expr)
		return err == nil && re.MatchString(got)
	}
	return got == want
}

// pattern is the regular expression that a value in slashes is.
func pattern(want string) (expr string, ok bool) {
	if len(want) > 1 && strings.HasPrefix(want, "/") && strings.HasSuffix(want, "/") {
		return "(?s)" + want[1:len(want)-1], true
	}
	return "", false
}

// absent is what stands for a value that is not there.
const absent = "(none)"

var pathPart = regexp.MustCompile(`[^.\[\]]+`)

// at is the value at a path, as text: strings bare, everything else as JSON; "(none)" where there is nothing.
func at(doc any, path string) string {
	for _, part := range pathPart.FindAllString(path, -1) {
		switch v := doc.(type) {
		case map[string]any:
			if part == "#" {
				return strconv.Itoa(len(v))
			}
			next, ok := v[part]
			if !ok {
				return absent
			}
			doc = next
		case []any:
			if part == "#" {
				return strconv.Itoa(len(v))
			}
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return absent
			}
			doc = v[i]
		default:
			return absent
		}
	}
	if text, ok := doc.(string); ok {
		return text
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return fmt.Sprint(doc)
	}
	return string(b)
}
