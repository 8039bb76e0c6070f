package kit

import (
	"bytes"
	"fmt"
	"io"

	"aead.dev/minisign"
	"golang.org/x/mod/sumdb/note"

	"github.com/plugproof/plugproof/verify/supply/seal"
)

// noteName is the name in the note's signature line; the key's hash follows from it and the key.
const noteName = "plugproof-kit"

// untrusted is the one comment line of minisign's that is not signed: it may say nothing else.
const untrusted = "signature of a plugproof kit's manifest"

// noteSigner signs a note with a minisign key, which is an ed25519 key.
type noteSigner struct {
	verifier note.Verifier
	key      minisign.PrivateKey
}

func (s noteSigner) Name() string                    { return s.verifier.Name() }
func (s noteSigner) KeyHash() uint32                 { return s.verifier.KeyHash() }
func (s noteSigner) Sign(msg []byte) ([]byte, error) { return seal.SignRaw(s.key, msg) }

// verifier is the note verifier of a minisign key.
func verifier(k minisign.PublicKey) (note.Verifier, error) {
	s, err := VerifierKey(k)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(s)
}

// VerifierKey is the key as the checksum database's tools write it, for those who read the note with them.
func VerifierKey(k minisign.PublicKey) (string, error) {
	raw, err := seal.Raw(k)
	if err != nil {
		return "", err
	}
	return note.NewEd25519VerifierKey(noteName, raw)
}

// sign makes the note and minisign's signature of it.
func sign(text []byte, key minisign.PrivateKey) (signed, signature []byte, err error) {
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return nil, nil, fmt.Errorf("the key has no public half")
	}
	v, err := verifier(public)
	if err != nil {
		return nil, nil, err
	}
	signed, err = note.Sign(&note.Note{Text: string(text)}, noteSigner{v, key})
	if err != nil {
		return nil, nil, fmt.Errorf("signing the manifest: %w", err)
	}
	r := minisign.NewReader(bytes.NewReader(signed)) // the form with a hash, which minisign itself makes
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, nil, err
	}
	return signed, r.SignWithComments(key, heading, untrusted), nil
}

// open checks both signatures, and that they are spelled as sign spells them.
func open(signed, signature []byte, key minisign.PublicKey) (text []byte, err error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return nil, fmt.Errorf("%w: reading its signature: %w", ErrFormat, err)
	}
	if s.KeyID != key.ID() {
		return nil, fmt.Errorf("%w: key %016X did, and %016X is trusted", ErrSignature, s.KeyID, key.ID())
	}
	again, err := s.MarshalText()
	if err != nil || !bytes.Equal(again, signature) || s.UntrustedComment != untrusted || s.TrustedComment != heading || s.Algorithm != minisign.HashEdDSA {
		return nil, fmt.Errorf("%w: its signature is not written as plugproof writes it", ErrFormat)
	}
	if !minisign.Verify(key, signed, signature) {
		return nil, fmt.Errorf("%w, or the manifest was changed", ErrSignature)
	}
	v, err := verifier(key)
	if err != nil {
		return nil, err
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return nil, fmt.Errorf("%w: the manifest's note: %w", ErrSignature, err)
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return nil, fmt.Errorf("%w: the manifest's note has other signatures, too", ErrFormat)
	}
	return []byte(n.Text), nil
}
