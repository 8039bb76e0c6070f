package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"aead.dev/minisign"
)

// ErrPassphrase is returned for an encrypted key when the passphrase is missing or wrong.
var ErrPassphrase = errors.New("the passphrase does not open the key")

// NewKey makes a minisign key pair from random and writes the private half to path (mode 0600, encrypted unless pass is
// empty) and the public half to path + ".pub". Neither file is ever overwritten, and none is left behind without the other.
func NewKey(path string, pass []byte, random io.Reader) (minisign.PublicKey, error) {
	public, private, err := minisign.GenerateKey(random)
	if err != nil {
		return public, err
	}
	secret, err := private.MarshalText()
	if len(pass) > 0 {
		secret, err = minisign.EncryptKey(string(pass), private)
	}
	if err != nil {
		return public, err
	}
	text, err := public.MarshalText()
	if err != nil {
		return public, err
	}
	if err := create(path, ended(secret), 0o600); err != nil {
		return public, err
	}
	if err := create(path+".pub", ended(text), 0o644); err != nil {
		os.Remove(path)
		return public, err
	}
	return public, nil
}

func ended(text []byte) []byte { return append(bytes.TrimRight(text, "\n"), '\n') }

func create(path string, data []byte, mode os.FileMode) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// ParseKey reads a minisign private key. Its error wraps ErrPassphrase where pass does not open it.
func ParseKey(data, pass []byte) (minisign.PrivateKey, error) {
	var k minisign.PrivateKey
	if len(data) > maxKey {
		return k, fmt.Errorf("the key is longer than %d bytes", maxKey)
	}
	data = bytes.TrimSpace(data)
	if !minisign.IsEncrypted(data) {
		if err := k.UnmarshalText(data); err != nil {
			return k, fmt.Errorf("reading a minisign private key: %w", err)
		}
		return k, nil
	}
	k, err := minisign.DecryptKey(string(pass), data)
	if err != nil {
		return k, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	return k, nil
}

// IsMinisignPrivate reports whether data looks like a minisign private key, and not like PEM.
func IsMinisignPrivate(data []byte) bool {
	return bytes.HasPrefix(data, []byte("untrusted comment: ")) && !bytes.Contains(data, []byte("-----BEGIN"))
}
