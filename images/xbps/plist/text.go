package plist

import "bytes"

// entities are the five that portableproplib knows.
var entities = []struct {
	name string
	char byte
}{{"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"apos;", '\''}, {"quot;", '"'}}

// text reads the characters up to the end tag of the named element.
func (d *decoder) text(name string) (string, error) {
	rest := d.data[d.pos:]
	n := bytes.IndexByte(rest, '<')
	if n < 0 {
		return "", d.fail("<%s> does not end", name)
	}
	raw := rest[:n]
	out := string(raw)
	if amp := bytes.IndexByte(raw, '&'); amp >= 0 {
		plain := append(make([]byte, 0, len(raw)), raw[:amp]...)
		for i := amp; i < len(raw); {
			if raw[i] != '&' {
				plain = append(plain, raw[i])
				i++
				continue
			}
			char, length := entity(raw[i+1:])
			if length == 0 {
				d.pos += i
				return "", d.fail("unknown entity")
			}
			plain = append(plain, char)
			i += 1 + length
		}
		out = string(plain)
	}
	d.pos += n
	return out, d.closing(name)
}

func entity(s []byte) (char byte, length int) {
	for _, e := range entities {
		if bytes.HasPrefix(s, []byte(e.name)) {
			return e.char, len(e.name)
		}
	}
	return 0, 0
}

// shorten keeps what an error quotes small.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
