package results

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// verbatim names the members below which an empty string is a value and not an unknown: a cell's axes, environments,
// flags and settings.
var verbatim = map[string]bool{"cell": true, "env": true, "flags": true, "isolation": true}

// Canonical returns v as one line of JSON without its newline: keys sorted, and null for every empty string outside
// the members that verbatim names. Equal values have equal bytes.
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("marshalling: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // digits stay as they are
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("marshalling: %w", err)
	}
	out, err := json.Marshal(unknownToNull(tree))
	if err != nil {
		return nil, fmt.Errorf("marshalling: %w", err)
	}
	return out, nil
}

func unknownToNull(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = unknownToNull(v[i])
		}
	case map[string]any:
		for k := range v {
			if !verbatim[k] {
				v[k] = unknownToNull(v[k])
			}
		}
	}
	return v
}
