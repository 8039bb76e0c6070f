package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// spelling refuses keys that differ from known ones in case only. The decoder takes them, so a document could say a thing twice, and the
// last would count.
func (x index) spelling(name string) error {
	var first *Error
	for _, path := range slices.Sorted(maps.Keys(x)) {
		table := ""
		for _, part := range strings.Split(path, ".") {
			if table != "" && table != "cc" && strings.Trim(part, "0123456789") == "" {
				continue // an element of an array
			}
			if table == "cc" { // [cc.ARCH]
				table = "cc."
				continue
			}
			known, ok := tableKeys[strings.TrimSuffix(table, ".")]
			if !ok {
				break
			}
			if !slices.Contains(known, part) {
				pos := x[path]
				if first == nil || pos.line < first.Line || pos.line == first.Line && pos.col < first.Col {
					first = &Error{File: name, Line: pos.line, Col: pos.col, Msg: fmt.Sprintf("unknown key %q", part), hint: suggest(strings.ToLower(part), known)}
					if table != "" {
						first.Msg += fmt.Sprintf(" in [%s]", strings.TrimSuffix(table, "."))
					}
				}
				break
			}
			table = join(strings.TrimSuffix(table, "."), part)
		}
	}
	if first == nil {
		return nil
	}
	return first
}
