package cli

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"aead.dev/minisign"
	"golang.org/x/crypto/ssh"

	xbps "github.com/plugproof/plugproof/images/xbps/sign"
	"github.com/plugproof/plugproof/verify/supply/seal"
)

// keyBytes bounds a key or signature file, in bytes.
const keyBytes = 64 << 10

// smallFile reads a file that the user named.
func (a *app) smallFile(name, hint string) ([]byte, error) {
	path := a.path(name)
	st, err := os.Stat(path) // first, for opening a pipe would wait
	if err != nil {
		return nil, usagef(hint, "%w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, usagef(hint, "%q is no regular file", name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef(hint, "%w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, keyBytes+1))
	if err != nil {
		return nil, usagef(hint, "reading %q: %w", name, err)
	}
	if len(data) > keyBytes {
		return nil, usagef(hint, "%q is longer than %d bytes", name, keyBytes)
	}
	return data, nil
}

// A signer makes one kind of signature.
type signer struct {
	suffix string // of the signature's file
	claims bool   // the signature binds a claim
	sign   func(r io.Reader, c seal.Claim) ([]byte, error)
}

// signer reads a private key: minisign's, OpenSSH's, or an RSA key in PEM.
func (a *app) signer(name string) (signer, error) {
	const hint = "give --key a private key of minisign ('plugproof kit keygen' makes one), OpenSSH, or RSA in PEM"
	data, err := a.smallFile(name, hint)
	if err != nil {
		return signer{}, err
	}
	pass := []byte(a.getenv(passphraseVar))
	ask := func(wrong error, open func([]byte) error) error {
		err := open(pass)
		if !errors.Is(err, wrong) || len(pass) > 0 {
			return err
		}
		if pass, err = a.passphrase("passphrase of " + name + ": "); err != nil {
			return err
		}
		return open(pass)
	}
	if seal.IsMinisignPrivate(data) {
		var k minisign.PrivateKey
		if err := ask(seal.ErrPassphrase, func(p []byte) (err error) { k, err = seal.ParseKey(data, p); return err }); err != nil {
			return signer{}, a.keyError(hint, name, err)
		}
		return signer{".minisig", true, func(r io.Reader, c seal.Claim) ([]byte, error) { return seal.Minisign(r, k, c) }}, nil
	}
	if k, err := ssh.ParsePrivateKey(data); err == nil && !isPEM(data) {
		return signer{".sig", false, func(r io.Reader, _ seal.Claim) ([]byte, error) { return seal.SSH(r, k) }}, nil
	}
	if missing := (*ssh.PassphraseMissingError)(nil); !isPEM(data) && errors.As(sshKeyError(data), &missing) {
		var k ssh.Signer
		err := ask(errNoPassphrase, func(p []byte) (err error) {
			if len(p) == 0 {
				return errNoPassphrase
			}
			k, err = ssh.ParsePrivateKeyWithPassphrase(data, p)
			return err
		})
		if err != nil {
			return signer{}, a.keyError(hint, name, err)
		}
		return signer{".sig", false, func(r io.Reader, _ seal.Claim) ([]byte, error) { return seal.SSH(r, k) }}, nil
	}
	var k *xbps.PrivateKey
	if err := ask(xbps.ErrPassphrase, func(p []byte) (err error) { k, err = xbps.ParsePrivateKey(data, p); return err }); err != nil {
		return signer{}, a.keyError(hint, name, err)
	}
	return signer{".sig2", false, func(r io.Reader, _ seal.Claim) ([]byte, error) {
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			return nil, err
		}
		return k.Sign([32]byte(h.Sum(nil)))
	}}, nil
}

var errNoPassphrase = errors.New("the key is encrypted")

func (a *app) keyError(hint, name string, err error) error {
	if known := (*Error)(nil); errors.As(err, &known) {
		return err
	}
	return usagef(hint, "reading key %q: %w", name, err)
}

func sshKeyError(data []byte) error {
	_, err := ssh.ParsePrivateKey(data)
	return err
}

// isPEM tells an RSA key in PEM from OpenSSH's own format: the ssh package reads both, and the signatures differ.
func isPEM(data []byte) bool {
	return !bytes.Contains(data, []byte("-----BEGIN OPENSSH PRIVATE KEY-----"))
}

// newSealKey makes a minisign key pair.
func (a *app) newSealKey(path string, plain bool) (minisign.PublicKey, error) {
	var pass []byte
	var none minisign.PublicKey
	if !plain {
		var err error
		if pass, err = a.passphrase("passphrase for the new key: "); err != nil {
			return none, err
		}
		if len(pass) == 0 {
			return none, usagef("say --no-passphrase to go without", "the passphrase is empty")
		}
	}
	k, err := seal.NewKey(a.path(path), pass, rand.Reader)
	switch {
	case errors.Is(err, fs.ErrExist):
		return none, usagef("a key is never overwritten: give a new name", "making key %q: %w", path, err)
	case errors.Is(err, fs.ErrNotExist):
		return none, usagef("give --out a name in a folder that is there", "making key %q: %w", path, err)
	case err != nil:
		return none, incompletef("", "making key %q: %w", path, err)
	}
	return k, nil
}

// keyID is how minisign names a key.
func keyID(k minisign.PublicKey) string { return fmt.Sprintf("%016X", k.ID()) }
