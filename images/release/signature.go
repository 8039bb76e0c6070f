package release

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// Key is a public key of minisign or signify: both write "Ed", a number of eight bytes and an Ed25519 key.
type Key struct {
	Number uint64
	key    ed25519.PublicKey
}

// ID is the key's number as minisign prints it.
func (k Key) ID() string { return fmt.Sprintf("%016X", k.Number) }

// comment begins the first line of every file of both programs.
const comment = "untrusted comment:"

// ParseKey reads a public key file, or its second line alone, as minisign's -P takes it.
func ParseKey(text []byte) (Key, error) {
	if len(text) > 4096 {
		return Key{}, errors.New("reading public key: more than 4096 bytes")
	}
	lines := nonEmpty(text)
	if len(lines) > 0 && strings.HasPrefix(lines[0], comment) {
		lines = lines[1:]
	}
	if len(lines) != 1 {
		return Key{}, errors.New("reading public key: want a comment and one line of base64, as minisign and signify write them")
	}
	raw, err := base64.StdEncoding.DecodeString(lines[0])
	if err != nil || len(raw) != 2+8+ed25519.PublicKeySize || string(raw[:2]) != "Ed" {
		return Key{}, errors.New("reading public key: it is no Ed25519 key of minisign or signify")
	}
	return Key{binary.LittleEndian.Uint64(raw[2:]), ed25519.PublicKey(raw[10:])}, nil
}

// UnknownKeyError says that a signature is of a key that is not among those given.
type UnknownKeyError struct{ ID string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("the signature is of the key %s, which is not trusted", e.ID)
}

// ErrBadSignature says that a trusted key's signature is not one over these bytes.
var ErrBadSignature = errors.New("the signature is not over this list of checksums")

// Verify checks a signature file over a message against the keys. It returns the key that made it, and the trusted comment
// where there is one. minisign's form is four lines; signify's is two, behind which the message itself may stand, which must
// then be the same.
func Verify(message, signature []byte, keys []Key) (Key, string, error) {
	if len(signature) > MaxSignature {
		return Key{}, "", fmt.Errorf("reading signature: more than %d bytes", MaxSignature)
	}
	first, rest, _ := bytes.Cut(signature, []byte("\n"))
	second, rest, _ := bytes.Cut(rest, []byte("\n"))
	if !bytes.HasPrefix(first, []byte(comment)) {
		return Key{}, "", errors.New("reading signature: it is none of minisign or signify")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimRight(string(second), "\r"))
	if err != nil || len(raw) != 2+8+ed25519.SignatureSize {
		return Key{}, "", errors.New("reading signature: it is none of minisign or signify")
	}
	number, sig := binary.LittleEndian.Uint64(raw[2:]), raw[10:]
	signed := message
	switch string(raw[:2]) {
	case "Ed":
	case "ED": // minisign's default: over a hash of the message
		sum := blake2b.Sum512(message)
		signed = sum[:]
	default:
		return Key{}, "", fmt.Errorf("reading signature: unknown algorithm %q", raw[:2])
	}
	found := false
	for _, k := range keys {
		if k.Number != number {
			continue
		}
		found = true
		if ed25519.Verify(k.key, signed, sig) {
			said, err := behind(k, message, sig, rest)
			return k, said, err
		}
	}
	if !found {
		return Key{}, "", &UnknownKeyError{fmt.Sprintf("%016X", number)}
	}
	return Key{}, "", ErrBadSignature
}

// behind reads what follows the signature's line: minisign's trusted comment, with a signature of its own over the first
// and the comment, or signify's embedded message.
func behind(k Key, message, sig, rest []byte) (string, error) {
	const trusted = "trusted comment: "
	if text, ok := bytes.CutPrefix(rest, []byte(trusted)); ok {
		line, global, _ := bytes.Cut(text, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(global)))
		if err != nil || !ed25519.Verify(k.key, append(append([]byte{}, sig...), line...), raw) {
			return "", errors.New("the signature's trusted comment was changed")
		}
		return string(line), nil
	}
	if len(rest) > 0 && !bytes.Equal(rest, message) {
		return "", errors.New("the signature carries another list of checksums")
	}
	return "", nil
}

func nonEmpty(text []byte) []string {
	var out []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
