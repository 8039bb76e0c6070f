package results

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Digest names content: "sha256:" and 64 lower-case hexadecimal digits. The empty Digest means unknown.
type Digest string

// DigestOf is the Digest of b.
func DigestOf(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// DigestReader reads r to its end and returns its Digest and its length in bytes.
func DigestReader(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return "", n, fmt.Errorf("digesting: %w", err)
	}
	return Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), n, nil
}

// ParseDigest checks that s has the form of a Digest.
func ParseDigest(s string) (Digest, error) {
	hexa, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(hexa) != 64 || strings.ToLower(hexa) != hexa {
		return "", fmt.Errorf("digest %q is not sha256: and 64 lower-case hexadecimal digits", s)
	}
	if _, err := hex.DecodeString(hexa); err != nil {
		return "", fmt.Errorf("digest %q is not hexadecimal", s)
	}
	return Digest(s), nil
}

// Hex is the part after "sha256:".
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), "sha256:") }

// Short is the first 12 hexadecimal digits, for people.
func (d Digest) Short() string {
	h := d.Hex()
	if len(h) > 12 {
		return h[:12]
	}
	return h
}
