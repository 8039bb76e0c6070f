// Package plist reads and writes the property lists in which xbps keeps everything it knows.
//
// The dialect is that of portableproplib (void-linux/xbps, lib/portableproplib): XML with the elements dict, array, string,
// integer, true, false and data, five entities, comments between elements. Decode is stricter than the original where two
// readers could come to two readings: a key that appears twice, a NUL byte, an octal number and text after </plist> are
// errors. Encode writes the bytes that the original writes.
package plist

import "fmt"

// Dict is a dictionary. Its values, like an Array's, are Dict, Array, string, int64, bool or []byte.
type Dict map[string]any

// Array is a list of values.
type Array []any

// Limits bound what Decode takes on; the zero value of a field means the default.
type Limits struct {
	Bytes int // size of the document; default 64 MiB
	Depth int // nesting; default 16, where xbps itself needs 5
	Nodes int // keys and values together; default 4,000,000
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	if l.Depth <= 0 {
		l.Depth = 16
	}
	if l.Nodes <= 0 {
		l.Nodes = 4_000_000
	}
	return l
}

// Error says where in a document reading stopped.
type Error struct {
	Offset int // in bytes from the start
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("plist: byte %d: %s", e.Offset, e.Reason) }

// String returns the string under a key, and whether there is one.
func (d Dict) String(key string) (string, bool) {
	s, ok := d[key].(string)
	return s, ok
}

// Strings returns the array of strings under a key. An absent key gives nil; a value of another shape is an error.
func (d Dict) Strings(key string) ([]string, error) { return elements[string](d, key, "string") }

// Dicts returns the array of dictionaries under a key. An absent key gives nil; a value of another shape is an error.
func (d Dict) Dicts(key string) ([]Dict, error) { return elements[Dict](d, key, "dictionary") }

// elements returns the array under a key, all of whose elements must be of one type, which what names.
func elements[T any](d Dict, key, what string) ([]T, error) {
	v, ok := d[key]
	if !ok {
		return nil, nil
	}
	a, ok := v.(Array)
	if !ok {
		return nil, fmt.Errorf("plist: key %q is no array", key)
	}
	out := make([]T, len(a))
	for i, e := range a {
		if out[i], ok = e.(T); !ok {
			return nil, fmt.Errorf("plist: element %d of %q is no %s", i, key, what)
		}
	}
	return out, nil
}

// StringArray makes an Array of strings.
func StringArray(list []string) Array {
	a := make(Array, len(list))
	for i, s := range list {
		a[i] = s
	}
	return a
}
