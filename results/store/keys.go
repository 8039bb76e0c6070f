package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// oneMeaning refuses a document in which an object names a member twice, in any case: decoders differ in which of the two
// they believe, and encoding/json takes "STATUS" for "status".
func oneMeaning(data []byte) error {
	type object struct {
		keys map[string]bool // nil: an array
		key  bool            // a key comes next
	}
	var open []object
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for {
		t, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(open) - 1
		if d, ok := t.(json.Delim); ok && (d == '}' || d == ']') {
			open = open[:top]
			continue
		}
		if top >= 0 && open[top].keys != nil {
			if open[top].key {
				name := t.(string) // the decoder takes no other key
				folded := strings.ToLower(name)
				if open[top].keys[folded] {
					return fmt.Errorf("%q is there twice", name)
				}
				open[top].keys[folded], open[top].key = true, false
				continue
			}
			open[top].key = true
		}
		switch t {
		case json.Delim('{'):
			open = append(open, object{map[string]bool{}, true})
		case json.Delim('['):
			open = append(open, object{})
		}
	}
}
