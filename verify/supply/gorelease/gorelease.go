// Package gorelease checks the archives that the Go project publishes (go1.N.P.linux-amd64.tar.gz) against their detached
// OpenPGP signatures (.asc).
//
// Go's archives are signed by "Google Inc. (Linux Packages Signing Authority)": by subkeys that change every year, under one
// primary key (docker-library/golang#397). So the primary key's fingerprint is what is pinned. The key itself is an input:
// it is nothing but bytes until its fingerprint is the pinned one.
//
// A key must have been valid when it signed, for archives outlive the subkeys they were signed with; a revoked key is
// refused whenever it signed. The time in a signature is the signer's own word, and no clock is asked.
package gorelease

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Primary is the fingerprint of the primary key (golang/go#14739; it is at google.com/linuxrepositories, too).
const Primary = "EB4C1BFD4F042F6DDDCCEC917721F63BD38B4796"

// The bounds of a signature and of a keyring, in bytes.
const (
	MaxSignature = 64 << 10
	MaxKeyring   = 1 << 20
)

// The reasons for which an archive is refused.
var (
	ErrFormat    = errors.New("it is no detached OpenPGP signature")
	ErrKeyring   = errors.New("the keyring does not hold the primary key that is trusted")
	ErrSigner    = errors.New("it was signed by a key that the trusted primary key does not vouch for")
	ErrSignature = errors.New("the signature is of other bytes")
	ErrRevoked   = errors.New("the key that signed was revoked")
	ErrExpired   = errors.New("the key that signed had expired when it did")
)

// Signed says who signed an archive.
type Signed struct {
	Primary string    `json:"primary"` // fingerprints, hexadecimal in capitals
	Key     string    `json:"key"`     // the primary key itself, or a subkey of it
	At      time.Time `json:"at"`      // by the signature's own word
}

// Check reads the archive and holds it against a signature, armored or not, by the key with the primary fingerprint, which must
// be in the keyring, armored or not. Its error wraps one of the reasons above where the archive is refused.
func Check(archive io.Reader, signature, keyring []byte, primary string) (Signed, error) {
	e, err := find(keyring, primary)
	if err != nil {
		return Signed{}, err
	}
	raw, sig, err := parse(signature)
	if err != nil {
		return Signed{}, err
	}
	own := openpgp.EntityList{e}
	keys := own.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign)
	if len(keys) == 0 {
		return Signed{}, fmt.Errorf("%w: %016X", ErrSigner, *sig.IssuerKeyId)
	}
	if len(e.Revocations) > 0 || slices.ContainsFunc(keys, func(k openpgp.Key) bool { return len(k.Revocations) > 0 }) {
		return Signed{}, ErrRevoked
	}
	config := &packet.Config{Time: func() time.Time { return sig.CreationTime }}
	sig, _, err = openpgp.VerifyDetachedSignature(own, archive, bytes.NewReader(raw), config)
	switch {
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return Signed{}, ErrRevoked
	case errors.Is(err, pgperrors.ErrKeyExpired), errors.Is(err, pgperrors.ErrSignatureExpired):
		return Signed{}, fmt.Errorf("%w, at %s", ErrExpired, sig.CreationTime.UTC().Format(time.DateOnly))
	case err != nil:
		if bad := pgperrors.SignatureError(""); errors.As(err, &bad) {
			return Signed{}, fmt.Errorf("%w: %w", ErrSignature, err)
		}
		return Signed{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	out := Signed{Primary: fingerprint(e.PrimaryKey), At: sig.CreationTime.UTC()}
	for _, k := range keys {
		if sig.IssuerFingerprint == nil || bytes.Equal(sig.IssuerFingerprint, k.PublicKey.Fingerprint) {
			if k.PublicKey.CreationTime.After(sig.CreationTime) {
				return Signed{}, fmt.Errorf("%w: the key is younger than the signature", ErrExpired)
			}
			out.Key = fingerprint(k.PublicKey)
		}
	}
	if out.Key == "" {
		return Signed{}, fmt.Errorf("%w: %X", ErrSigner, sig.IssuerFingerprint)
	}
	return out, nil
}

func fingerprint(k *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(k.Fingerprint))
}

// find reads a keyring and returns the one key that is trusted; what else there is counts for nothing.
func find(keyring []byte, primary string) (*openpgp.Entity, error) {
	if len(keyring) > MaxKeyring {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrKeyring, MaxKeyring)
	}
	read := openpgp.ReadKeyRing
	if bytes.HasPrefix(bytes.TrimSpace(keyring), []byte("-----BEGIN")) {
		read = readArmored
	}
	list, err := read(bytes.NewReader(keyring))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyring, err)
	}
	var seen []string
	for _, e := range list {
		f := fingerprint(e.PrimaryKey)
		if f == strings.ToUpper(strings.ReplaceAll(primary, " ", "")) {
			return e, nil
		}
		seen = append(seen, f)
	}
	return nil, fmt.Errorf("%w, %s; it holds %s", ErrKeyring, primary, strings.Join(seen, ", "))
}

// readArmored reads all blocks of a file: Google's has several.
func readArmored(r io.Reader) (openpgp.EntityList, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var all openpgp.EntityList
	const begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	var last error
	for _, block := range strings.Split(string(data), begin)[1:] {
		list, err := openpgp.ReadArmoredKeyRing(strings.NewReader(begin + block))
		if err != nil { // of a key that is not asked for, perhaps: an old algorithm
			last = err
			continue
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil, errors.Join(errors.New("no key can be read"), last)
	}
	return all, nil
}

// hashes are the ones that collisions are not known of.
var hashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}

// parse reads a file that holds one signature of a binary file, and nothing else.
func parse(signature []byte) (raw []byte, sig *packet.Signature, err error) {
	if len(signature) > MaxSignature {
		return nil, nil, fmt.Errorf("%w: it is longer than %d bytes", ErrFormat, MaxSignature)
	}
	raw = signature
	if bytes.HasPrefix(bytes.TrimSpace(signature), []byte("-----BEGIN")) {
		block, err := armor.Decode(bytes.NewReader(signature))
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if block.Type != openpgp.SignatureType {
			return nil, nil, fmt.Errorf("%w: it is a %.60q", ErrFormat, block.Type)
		}
		if raw, err = io.ReadAll(io.LimitReader(block.Body, MaxSignature)); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	packets := packet.NewReader(bytes.NewReader(raw))
	p, err := packets.Next()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	sig, ok := p.(*packet.Signature)
	switch {
	case !ok:
		return nil, nil, fmt.Errorf("%w: it begins with another packet", ErrFormat)
	case sig.SigType != packet.SigTypeBinary:
		return nil, nil, fmt.Errorf("%w: it is no signature of a file", ErrFormat)
	case sig.IssuerKeyId == nil:
		return nil, nil, fmt.Errorf("%w: it does not say which key made it", ErrFormat)
	case !slices.Contains(hashes, sig.Hash):
		return nil, nil, fmt.Errorf("%w: its hash is %v, which is weak", ErrFormat, sig.Hash)
	}
	if _, err := packets.Next(); err != io.EOF {
		return nil, nil, fmt.Errorf("%w: there is something behind it", ErrFormat)
	}
	return raw, sig, nil
}
