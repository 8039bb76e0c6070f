package mirror

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/dunglas/httpsfv"
)

// digestHeader names digests of an answer, and so shows what happened to it on its way (RFC 9530).
const digestHeader = "Repr-Digest"

func digestOf(sum []byte) string { return "sha-256=" + bytesOf(sum) }

// bytesOf writes bytes as a structured field does (RFC 9651, section 3.3.5).
func bytesOf(b []byte) string { return ":" + base64.StdEncoding.EncodeToString(b) + ":" }

// maxDigests bounds the header's fields, in bytes: a SHA-512 has 98.
const maxDigests = 4 << 10

// digests are those that the fields of the header name, by their algorithms. The header is a dictionary of bytes; one that is not is ignored as a
// whole, as RFC 9651 wants it, and a member that is no bytes says nothing.
func digests(fields []string) map[string][]byte {
	size := 0
	for _, f := range fields {
		size += len(f)
	}
	if size > maxDigests {
		return nil
	}
	all, err := httpsfv.UnmarshalDictionary(fields)
	if err != nil {
		return nil
	}
	out := map[string][]byte{}
	for _, name := range all.Names() {
		m, _ := all.Get(name)
		item, ok := m.(httpsfv.Item)
		if !ok {
			continue
		}
		if sum, ok := item.Value.([]byte); ok {
			out[name] = sum
		}
	}
	return out
}

// asSaid holds an answer's digests, by their algorithms, against those that came with it. Algorithms that are not known say nothing.
func asSaid(fields []string, have map[string][]byte) error {
	said := digests(fields)
	for _, name := range []string{"sha-256", "sha-512"} {
		if want, ok := said[name]; ok && !bytes.Equal(want, have[name]) {
			return fmt.Errorf("its bytes are not those that it says they are: %s=%s, and they have %s", name, bytesOf(want), bytesOf(have[name]))
		}
	}
	return nil
}
