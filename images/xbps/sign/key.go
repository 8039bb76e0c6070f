// Package sign makes and checks the signatures of an xbps repository.
//
// A signature is raw RSA PKCS #1 v1.5 over the SHA-256 of the whole file, in FILE.sig2 (void-linux/xbps,
// bin/xbps-rindex/sign.c): byte for byte what `openssl dgst -sha256 -sign` writes. The older FILE.sig holds a SHA-256 digest
// under the name of SHA-1; it proves nothing here. A key is named by its OpenSSH fingerprint, MD5 in hexadecimal
// (lib/pubkey2fp.c), which is a name and no proof: trust is decided by comparing whole keys.
package sign

import (
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/plist"
)

// The sizes of a key, in bits, that are taken: below is too weak, above makes a verification too slow.
const (
	MinBits = 2048
	MaxBits = 16384
)

// maxKeyFile bounds a file that holds one key, in bytes.
const maxKeyFile = 64 << 10

// PublicKey is a key that checks signatures, with the text that goes into an index.
type PublicKey struct {
	key *rsa.PublicKey
	pem []byte
	By  string // signature-by, where the key came with it
}

// ParsePublicKey reads a key from a "PUBLIC KEY" PEM file, or from the property list in which xbps keeps a trusted key.
func ParsePublicKey(data []byte) (*PublicKey, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("sign: a key of more than %d bytes", maxKeyFile)
	}
	if strings.Contains(string(data), "<plist") {
		d, err := plist.Decode(data, plist.Limits{Bytes: maxKeyFile})
		if err != nil {
			return nil, fmt.Errorf("sign: reading key: %w", err)
		}
		text, ok := d["public-key"].([]byte)
		if !ok {
			return nil, errors.New("sign: reading key: no public-key in the property list")
		}
		k, err := parsePublicPEM(text)
		if err == nil {
			k.By, _ = d.String("signature-by")
		}
		return k, err
	}
	return parsePublicPEM(data)
}

func parsePublicPEM(data []byte) (*PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("sign: reading key: no PEM block")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("sign: reading key: want a PUBLIC KEY, found %q", block.Type)
	}
	any, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("sign: reading key: %w", err)
	}
	key, ok := any.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("sign: reading key: %T is no RSA key", any)
	}
	return newPublicKey(key)
}

func newPublicKey(key *rsa.PublicKey) (*PublicKey, error) {
	if bits := key.N.BitLen(); bits < MinBits || bits > MaxBits {
		return nil, fmt.Errorf("sign: a key of %d bits, want %d to %d", bits, MinBits, MaxBits)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("sign: writing key: %w", err)
	}
	return &PublicKey{key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}, nil
}

// PEM returns the key as "PUBLIC KEY", as it stands in an index and in a file.
func (k *PublicKey) PEM() []byte { return append([]byte(nil), k.pem...) }

// Bits returns the key's size, which an index calls public-key-size.
func (k *PublicKey) Bits() int { return k.key.Size() * 8 }

// Equal reports whether two keys are the same key.
func (k *PublicKey) Equal(o *PublicKey) bool { return o != nil && k.key.Equal(o.key) }

// Fingerprint returns the OpenSSH fingerprint by which xbps names the key: "aa:bb:...", MD5 over "ssh-rsa", e and n.
func (k *PublicKey) Fingerprint() string {
	var wire []byte
	field := func(b []byte) {
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(b)))
		wire = append(wire, b...)
	}
	integer := func(n *big.Int) {
		b := n.Bytes()
		if len(b) > 0 && b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		field(b)
	}
	field([]byte("ssh-rsa"))
	integer(big.NewInt(int64(k.key.E)))
	integer(k.key.N)
	sum := md5.Sum(wire)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(parts, ":")
}

// Verify checks a .sig2 signature over a file whose SHA-256 is given.
func (k *PublicKey) Verify(sha256 [32]byte, signature []byte) error {
	if len(signature) != k.key.Size() {
		return fmt.Errorf("sign: a signature of %d bytes, the key makes %d", len(signature), k.key.Size())
	}
	if err := rsa.VerifyPKCS1v15(k.key, crypto.SHA256, sha256[:], signature); err != nil {
		return errors.New("sign: the signature is not of this key over this file")
	}
	return nil
}

// legacyPrefix is the DigestInfo of the old .sig: it says SHA-1 and holds the 32 bytes of a SHA-256 (voidlinux/xbps#146).
var legacyPrefix = []byte{0x30, 0x2d, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x20}

// VerifyLegacy checks a .sig signature, which older xbps wrote and later ones do not look at.
func (k *PublicKey) VerifyLegacy(sha256 [32]byte, signature []byte) error {
	if len(signature) != k.key.Size() {
		return fmt.Errorf("sign: a signature of %d bytes, the key makes %d", len(signature), k.key.Size())
	}
	if err := rsa.VerifyPKCS1v15(k.key, crypto.Hash(0), append(append([]byte{}, legacyPrefix...), sha256[:]...), signature); err != nil {
		return errors.New("sign: the signature is not of this key over this file")
	}
	return nil
}

// KeyFile returns what /var/db/xbps/keys/FINGERPRINT.plist holds for a trusted key.
func (k *PublicKey) KeyFile(by string) ([]byte, error) {
	return plist.Encode(plist.Dict{"public-key": k.PEM(), "public-key-size": int64(k.Bits()), "signature-by": by})
}
