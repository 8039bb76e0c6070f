// Package release checks files that were published with a list of checksums and a signature over that list, as Void
// publishes its root file systems: sha256sum.txt and sha256sum.sig, by minisign or signify.
package release

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// MaxSums and MaxSignature bound the two files in bytes.
const (
	MaxSums      = 4 << 20
	MaxSignature = 4<<20 + 4096 // signify puts the list into the signature's file
)

// tagged is a line of `sha256sum --tag` and BSD's sha256; plain is one of `sha256sum`.
var (
	tagged = regexp.MustCompile(`^SHA256 \((.+)\) = ([0-9a-fA-F]{64})$`)
	plain  = regexp.MustCompile(`^([0-9a-fA-F]{64}) [ *](.+)$`)
)

// Sums reads a list of SHA-256 sums in either of the two usual formats. Empty lines and lines that begin with # are passed
// over; any other line, a name with a slash other than a leading "./", and a name with two different sums are errors.
func Sums(text []byte) (map[string][32]byte, error) {
	if len(text) > MaxSums {
		return nil, fmt.Errorf("reading checksums: more than %d bytes", MaxSums)
	}
	out := map[string][32]byte{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 64<<10)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		var name, digits string
		if m := tagged.FindStringSubmatch(line); m != nil {
			name, digits = m[1], m[2]
		} else if m := plain.FindStringSubmatch(line); m != nil {
			digits, name = m[1], m[2]
		} else {
			return nil, fmt.Errorf("reading checksums: line %d is no SHA-256 sum", n)
		}
		if name = strings.TrimPrefix(name, "./"); name == "" || strings.ContainsAny(name, "/\x00") {
			return nil, fmt.Errorf("reading checksums: line %d: %.80q is no file's name", n, name)
		}
		var sum [32]byte
		if _, err := hex.Decode(sum[:], []byte(digits)); err != nil {
			return nil, fmt.Errorf("reading checksums: line %d: %w", n, err)
		}
		if old, twice := out[name]; twice && old != sum {
			return nil, fmt.Errorf("reading checksums: line %d: %q has two different sums", n, name)
		}
		out[name] = sum
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading checksums: %w", err)
	}
	return out, nil
}
