package sealed

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// The formats are minisign's (https://jedisct1.github.io/minisign/): a key is "Ed", 8 bytes of id and 32 of an ed25519 public
// key; a signature is "ED" (over BLAKE2b-512 of the file) or "Ed" (over the file), the id, 64 bytes, and a second signature
// over those 64 bytes and the trusted comment.

type publicKey struct {
	id  uint64
	key ed25519.PublicKey
}

func parseKey(s string) (publicKey, error) {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[len(lines)-1]))
	if err != nil || len(raw) != 42 || string(raw[:2]) != "Ed" {
		return publicKey{}, errors.New("the policy's key is no minisign public key")
	}
	return publicKey{binary.LittleEndian.Uint64(raw[2:]), raw[10:]}, nil
}

type signature struct {
	hashed  bool
	id      uint64
	sig     []byte // of the file
	global  []byte // of sig and comment
	comment string
}

func parseSignature(data []byte) (*signature, error) {
	bad := errors.New("it is no minisign signature")
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "untrusted comment: ") || !strings.HasPrefix(lines[2], "trusted comment: ") {
		return nil, bad
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(lines[1])
	if err != nil || len(raw) != 74 || raw[0] != 'E' || raw[1] != 'D' && raw[1] != 'd' {
		return nil, bad
	}
	global, err := base64.StdEncoding.Strict().DecodeString(lines[3])
	if err != nil || len(global) != ed25519.SignatureSize {
		return nil, bad
	}
	return &signature{raw[1] == 'D', binary.LittleEndian.Uint64(raw[2:]), raw[10:], global, strings.TrimPrefix(lines[2], "trusted comment: ")}, nil
}

func (s *signature) verify(key publicKey, data []byte) error {
	if s.id != key.id {
		return fmt.Errorf("%w: key %016X made it, and %016X is trusted", ErrSignature, s.id, key.id)
	}
	message := data
	if s.hashed {
		sum := blake2b512(data)
		message = sum[:]
	}
	if !ed25519.Verify(key.key, message, s.sig) || !ed25519.Verify(key.key, bytes.Join([][]byte{s.sig, []byte(s.comment)}, nil), s.global) {
		return fmt.Errorf("%w: the file or the signature was changed", ErrSignature)
	}
	return nil
}
