package seal

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"

	"aead.dev/minisign"
)

// SignRaw is ed25519's signature of msg by a minisign key, 64 bytes, for formats that have their own text around it.
func SignRaw(key minisign.PrivateKey, msg []byte) ([]byte, error) {
	text, err := key.Sign(nil, msg, crypto.Hash(0)) // minisign's text around ed25519's signature of msg itself
	if err != nil {
		return nil, err
	}
	var sig minisign.Signature
	if err := sig.UnmarshalText(text); err != nil {
		return nil, err
	}
	return sig.Signature[:], nil
}

// Raw is the ed25519 key in a minisign public key.
func Raw(k minisign.PublicKey) (ed25519.PublicKey, error) {
	text, err := k.MarshalText()
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	raw, err := base64.StdEncoding.DecodeString(string(lines[len(lines)-1]))
	if err != nil || len(raw) != 10+ed25519.PublicKeySize { // "Ed", the id, the key
		return nil, fmt.Errorf("the key %016X cannot be used", k.ID())
	}
	return raw[10:], nil
}
