package plist

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Decode reads a document whose root is a dictionary. An error is an *Error with the place.
func Decode(data []byte, limits Limits) (Dict, error) {
	l := limits.withDefaults()
	if len(data) > l.Bytes {
		return nil, &Error{Offset: l.Bytes, Reason: fmt.Sprintf("the document is larger than %d bytes", l.Bytes)}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, &Error{Offset: i, Reason: "a NUL byte"}
	}
	d := &decoder{data: data, limits: l}
	root, err := d.document()
	if err != nil {
		return nil, err
	}
	return root, nil
}

type decoder struct {
	data   []byte
	pos    int
	nodes  int
	limits Limits
}

func (d *decoder) fail(format string, args ...any) error {
	return &Error{Offset: d.pos, Reason: fmt.Sprintf(format, args...)}
}

// document reads the prologue, one dictionary and the end.
func (d *decoder) document() (Dict, error) {
	if err := d.prologue(); err != nil {
		return nil, err
	}
	name, empty, err := d.tag()
	if err != nil {
		return nil, err
	}
	if name != "plist" || empty {
		return nil, d.fail("want <plist>, found <%s>", shorten(name))
	}
	v, end, err := d.value(1)
	if err != nil {
		return nil, err
	}
	root, ok := v.(Dict)
	if end != "" || !ok {
		return nil, d.fail("the root is no dictionary")
	}
	if err := d.closing("plist"); err != nil {
		return nil, err
	}
	if err := d.space(); err != nil {
		return nil, err
	}
	if d.pos != len(d.data) {
		return nil, d.fail("text after </plist>")
	}
	return root, nil
}

// prologue skips the XML declaration and the document type; both may be missing.
func (d *decoder) prologue() error {
	for {
		if err := d.space(); err != nil {
			return err
		}
		rest := d.data[d.pos:]
		if !bytes.HasPrefix(rest, []byte("<?xml")) && !bytes.HasPrefix(rest, []byte("<!DOCTYPE")) {
			return nil
		}
		end := bytes.IndexByte(rest, '>')
		if end < 0 || bytes.IndexByte(rest[:end], '[') >= 0 {
			return d.fail("a prologue that does not end, or that declares entities")
		}
		d.pos += end + 1
	}
}

// space skips blanks and comments.
func (d *decoder) space() error {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
			continue
		}
		if !bytes.HasPrefix(d.data[d.pos:], []byte("<!--")) {
			return nil
		}
		end := bytes.Index(d.data[d.pos+4:], []byte("-->"))
		if end < 0 {
			return d.fail("a comment that does not end")
		}
		d.pos += 4 + end + 3
	}
	return nil
}

// tag reads the next tag; the name of an end tag begins with a slash. Only plist may have an attribute.
func (d *decoder) tag() (name string, empty bool, err error) {
	if err := d.space(); err != nil {
		return "", false, err
	}
	if d.pos >= len(d.data) || d.data[d.pos] != '<' {
		return "", false, d.fail("want a tag")
	}
	end := bytes.IndexByte(d.data[d.pos:], '>')
	if end < 0 {
		return "", false, d.fail("a tag that does not end")
	}
	body := string(d.data[d.pos+1 : d.pos+end])
	if body, empty = strings.CutSuffix(body, "/"); empty && strings.HasPrefix(body, "/") {
		return "", false, d.fail("a tag that is an end and empty")
	}
	name, attr, _ := strings.Cut(strings.TrimRight(body, " \t\r\n"), " ")
	if attr != "" && name != "plist" {
		return "", false, d.fail("<%s> has an attribute", shorten(name))
	}
	d.pos += end + 1
	return name, empty, nil
}

func (d *decoder) closing(name string) error {
	got, empty, err := d.tag()
	if err != nil {
		return err
	}
	if got != "/"+name || empty {
		return d.fail("want </%s>, found <%s>", name, shorten(got))
	}
	return nil
}

// value reads one value, or returns the name of the end tag that stands in its place.
func (d *decoder) value(depth int) (v any, end string, err error) {
	if d.nodes++; d.nodes > d.limits.Nodes {
		return nil, "", d.fail("more than %d values", d.limits.Nodes)
	}
	if depth > d.limits.Depth {
		return nil, "", d.fail("nested deeper than %d", d.limits.Depth)
	}
	name, empty, err := d.tag()
	if err != nil {
		return nil, "", err
	}
	switch name {
	case "dict":
		v, err = d.dict(depth, empty)
	case "array":
		v, err = d.array(depth, empty)
	case "true", "false":
		if !empty {
			err = d.closing(name)
		}
		v = name == "true"
	case "string", "integer", "data":
		v, err = d.scalar(name, empty)
	default:
		if strings.HasPrefix(name, "/") && !empty {
			return nil, name, nil
		}
		err = d.fail("unknown element <%s>", shorten(name))
	}
	return v, "", err
}

func (d *decoder) dict(depth int, empty bool) (Dict, error) {
	out := Dict{}
	for !empty {
		name, bare, err := d.tag()
		if err != nil {
			return nil, err
		}
		if name == "/dict" {
			break
		}
		if name != "key" || bare {
			return nil, d.fail("want <key>, found <%s>", shorten(name))
		}
		key, err := d.text("key")
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, d.fail("key %q appears twice", shorten(key))
		}
		v, end, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if end != "" {
			return nil, d.fail("key %q has no value", shorten(key))
		}
		out[key] = v
	}
	return out, nil
}

func (d *decoder) array(depth int, empty bool) (Array, error) {
	out := Array{}
	for !empty {
		v, end, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if end == "/array" {
			break
		}
		if end != "" {
			return nil, d.fail("want </array>, found <%s>", shorten(end))
		}
		out = append(out, v)
	}
	return out, nil
}

func (d *decoder) scalar(name string, empty bool) (any, error) {
	text := ""
	if !empty {
		var err error
		if text, err = d.text(name); err != nil {
			return nil, err
		}
	}
	switch name {
	case "integer":
		n, err := parseInteger(text)
		if err != nil {
			return nil, d.fail("bad integer %q", shorten(text))
		}
		return n, nil
	case "data":
		b, err := base64.StdEncoding.DecodeString(strings.Map(dropSpace, text))
		if err != nil {
			return nil, d.fail("bad base64 in <data>")
		}
		return b, nil
	}
	return text, nil
}

// parseInteger reads a decimal or 0x number that fits 63 bits; a leading zero, which C takes as octal, is refused.
func parseInteger(s string) (int64, error) {
	digits := strings.TrimPrefix(s, "-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] != 'x' || strings.ContainsAny(s, "_+") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 0, 64)
}

func dropSpace(r rune) rune {
	if r == ' ' || r == '\t' || r == '\n' || r == '\r' {
		return -1
	}
	return r
}
