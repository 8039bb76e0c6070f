package sign

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// PrivateKey signs. It has no method that shows it, and prints as its fingerprint.
type PrivateKey struct {
	key    *rsa.PrivateKey
	public *PublicKey
}

// Generate makes a new key of the given size in bits. random must be a cryptographic source; Go may prefer its own.
func Generate(random io.Reader, bits int) (*PrivateKey, error) {
	if bits < MinBits || bits > MaxBits {
		return nil, fmt.Errorf("sign: a key of %d bits, want %d to %d", bits, MinBits, MaxBits)
	}
	key, err := rsa.GenerateKey(random, bits)
	if err != nil {
		return nil, fmt.Errorf("sign: making key: %w", err)
	}
	return newPrivateKey(key)
}

func newPrivateKey(key *rsa.PrivateKey) (*PrivateKey, error) {
	public, err := newPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &PrivateKey{key: key, public: public}, nil
}

// Public returns the key that checks what this one signs.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// String names the key without showing it.
func (k *PrivateKey) String() string { return "private key " + k.public.Fingerprint() }

// GoString is String, so that %#v shows no key either.
func (k *PrivateKey) GoString() string { return k.String() }

// Format keeps every other verb from showing the key.
func (k *PrivateKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// Sign returns the .sig2 signature over a file whose SHA-256 is given. It is deterministic.
func (k *PrivateKey) Sign(sha256 [32]byte) ([]byte, error) {
	sig, err := rsa.SignPKCS1v15(nil, k.key, crypto.SHA256, sha256[:])
	if err != nil {
		return nil, fmt.Errorf("sign: signing: %w", err)
	}
	return sig, nil
}

// ErrPassphrase says that a key file is encrypted and that the passphrase is missing or wrong.
var ErrPassphrase = errors.New("sign: the key is encrypted and the passphrase is missing or wrong")

// ParsePrivateKey reads "RSA PRIVATE KEY" or "PRIVATE KEY" PEM, and with a passphrase their encrypted forms: the one of
// older keys of xbps, and "ENCRYPTED PRIVATE KEY" as openssl and WriteFile write it. Without it the error is ErrPassphrase.
func ParsePrivateKey(data, passphrase []byte) (*PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || len(data) > maxKeyFile {
		return nil, errors.New("sign: reading key: no PEM block")
	}
	der := block.Bytes
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY":
		var err error
		if der, err = decryptPKCS8(block.Bytes, passphrase); err != nil {
			return nil, err
		}
	case x509.IsEncryptedPEMBlock(block): //nolint:staticcheck // what older keys of xbps are; new ones are PKCS #8
		var err error
		if der, err = x509.DecryptPEMBlock(block, passphrase); err != nil { //nolint:staticcheck // as above
			return nil, ErrPassphrase
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return newPrivateKey(key)
	}
	any, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("sign: reading key: no RSA private key in the PEM block")
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("sign: reading key: %T is no RSA key", any)
	}
	return newPrivateKey(key)
}

// pem returns the key as PKCS #8, which xbps-rindex and openssl read: encrypted if a passphrase is given.
func (k *PrivateKey) pem(passphrase []byte, random io.Reader) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, fmt.Errorf("sign: writing key: %w", err)
	}
	if len(passphrase) == 0 {
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	}
	if der, err = encryptPKCS8(der, passphrase, random); err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), nil
}

// WriteFile keeps the key in a new file that only its owner may read (0600); an existing file is never overwritten.
// With a passphrase the key in it is encrypted, for which random is needed.
func (k *PrivateKey) WriteFile(path string, passphrase []byte, random io.Reader) error {
	text, err := k.pem(passphrase, random)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("sign: keeping key: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errors.Join(fmt.Errorf("sign: keeping key in %q: %w", filepath.Base(path), err), os.Remove(path))
	}
	return nil
}

// ReadFile reads a private key. A file that others than its owner may read or write is an error, as it is for ssh.
func ReadFile(path string, passphrase []byte) (*PrivateKey, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() { // first, for opening a pipe would wait
		return nil, fmt.Errorf("sign: %q is no key file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sign: reading key: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("sign: reading key: %w", err)
	}
	if !st.Mode().IsRegular() || st.Size() > maxKeyFile {
		return nil, fmt.Errorf("sign: %q is no key file", path)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("sign: key file %q has mode %04o, want 0600", path, st.Mode().Perm())
	}
	data := make([]byte, st.Size())
	if _, err := f.ReadAt(data, 0); err != nil {
		return nil, fmt.Errorf("sign: reading key: %w", err)
	}
	return ParsePrivateKey(data, passphrase)
}
