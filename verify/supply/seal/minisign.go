package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"aead.dev/minisign"
)

// maxSignature bounds a signature file of any format, in bytes: an armoured OpenSSH RSA signature of 16,384 bits is 6 kB.
const maxSignature = 16 << 10

// maxKey bounds a key file, in bytes.
const maxKey = 64 << 10

// ErrSignature is returned where the bytes are not those that the key signed.
var ErrSignature = errors.New("the signature does not hold: the file or the signature was changed, or another key made it")

// Minisign signs what r yields, with claim as the trusted comment.
func Minisign(r io.Reader, key minisign.PrivateKey, claim Claim) ([]byte, error) {
	if err := claim.Valid(); err != nil {
		return nil, err
	}
	in := minisign.NewReader(r)
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, err
	}
	return append(bytes.TrimRight(in.SignWithComments(key, claim.String(), "signature made by plugproof"), "\n"), '\n'), nil
}

// CheckMinisign verifies that key signed what r yields, and returns the trusted comment. Legacy signatures, which sign the
// file instead of its BLAKE2b hash, are verified for files of up to legacyLimit bytes.
func CheckMinisign(r io.Reader, key minisign.PublicKey, signature []byte) (comment string, err error) {
	if len(signature) > maxSignature {
		return "", fmt.Errorf("the signature is longer than %d bytes", maxSignature)
	}
	signature = bytes.ReplaceAll(bytes.TrimRight(signature, "\r\n"), []byte("\r\n"), []byte("\n"))
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return "", fmt.Errorf("reading the signature: %w", err)
	}
	for i, line := range bytes.Split(signature, []byte("\n")) {
		if _, err := base64.StdEncoding.Strict().DecodeString(string(line)); i%2 == 1 && err != nil { // one spelling only
			return "", fmt.Errorf("reading the signature: %w", err)
		}
	}
	if s.KeyID != key.ID() {
		return "", fmt.Errorf("the signature was made by key %016X; the trusted key is %016X", s.KeyID, key.ID())
	}
	ok := false
	if s.Algorithm == minisign.EdDSA {
		data, err := io.ReadAll(io.LimitReader(r, legacyLimit+1))
		if err != nil {
			return "", err
		}
		if len(data) > legacyLimit {
			return "", fmt.Errorf("a legacy signature of a file over %d MiB: sign it with a hash (minisign -S without -l)", legacyLimit>>20)
		}
		ok = minisign.Verify(key, data, signature)
	} else {
		in := minisign.NewReader(r)
		if _, err := io.Copy(io.Discard, in); err != nil {
			return "", err
		}
		ok = in.Verify(key, signature)
	}
	if !ok {
		return "", ErrSignature
	}
	return s.TrustedComment, nil
}

// legacyLimit bounds the file of a signature that needs it whole in memory, in bytes. minisign's own limit is 1 GiB.
const legacyLimit = 256 << 20

// ParseMinisignKey reads a minisign public key: the file, or its base64 line alone.
func ParseMinisignKey(data []byte) (minisign.PublicKey, error) {
	var k minisign.PublicKey
	if len(data) > maxKey {
		return k, fmt.Errorf("the key is longer than %d bytes", maxKey)
	}
	if err := k.UnmarshalText(bytes.TrimSpace(data)); err != nil {
		return k, fmt.Errorf("reading a minisign public key: %w", err)
	}
	return k, nil
}

// IsMinisign reports whether data looks like a minisign signature: two comments, each before a line of base64.
func IsMinisign(signature []byte) bool {
	return bytes.HasPrefix(signature, []byte("untrusted comment: "))
}

// IsMinisignKey reports whether data looks like a minisign public key.
func IsMinisignKey(data []byte) bool {
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[len(lines)-1]))
	return err == nil && len(raw) == 42 && string(raw[:2]) == "Ed"
}
