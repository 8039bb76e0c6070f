package plist

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// header is what _prop_object_externalize_header writes.
const header = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`

// escaper escapes what _prop_object_externalize_append_encoded_cstring escapes, and nothing else.
var escaper = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;")

// Encode writes a document as portableproplib does: keys in byte order, one tab for each level, a newline at the end.
// A value of a type that Dict does not list, and a string with a NUL byte, are errors.
func Encode(root Dict) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(header)
	if err := encode(&b, root, 0); err != nil {
		return nil, err
	}
	b.WriteString("</plist>\n")
	if bytes.IndexByte(b.Bytes(), 0) >= 0 {
		return nil, fmt.Errorf("plist: a string holds a NUL byte")
	}
	return b.Bytes(), nil
}

func encode(b *bytes.Buffer, v any, depth int) error {
	indent := func(n int) {
		for range n {
			b.WriteByte('\t')
		}
	}
	indent(depth)
	switch v := v.(type) {
	case Dict:
		if len(v) == 0 {
			b.WriteString("<dict/>\n")
			return nil
		}
		b.WriteString("<dict>\n")
		for _, k := range slices.Sorted(maps.Keys(v)) {
			indent(depth + 1)
			b.WriteString("<key>" + escaper.Replace(k) + "</key>\n")
			if err := encode(b, v[k], depth+1); err != nil {
				return err
			}
		}
		indent(depth)
		b.WriteString("</dict>\n")
	case Array:
		if len(v) == 0 {
			b.WriteString("<array/>\n")
			return nil
		}
		b.WriteString("<array>\n")
		for _, e := range v {
			if err := encode(b, e, depth+1); err != nil {
				return err
			}
		}
		indent(depth)
		b.WriteString("</array>\n")
	case string:
		if v == "" {
			b.WriteString("<string/>\n")
			return nil
		}
		b.WriteString("<string>" + escaper.Replace(v) + "</string>\n")
	case int64:
		b.WriteString("<integer>" + strconv.FormatInt(v, 10) + "</integer>\n")
	case bool:
		b.WriteString("<" + strconv.FormatBool(v) + "/>\n")
	case []byte:
		if len(v) == 0 {
			b.WriteString("<data/>\n")
			return nil
		}
		b.WriteString("<data>" + base64.StdEncoding.EncodeToString(v) + "</data>\n")
	default:
		return fmt.Errorf("plist: cannot write a value of type %T", v)
	}
	return nil
}
