package gorelease_test

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/plugproof/plugproof/verify/supply/gorelease"
)

const archive = "go1.99.1.linux-amd64.tar.gz, as it were"

var (
	born  = time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
	later = born.AddDate(0, 6, 0)
)

func at(t time.Time, life uint32) *packet.Config {
	return &packet.Config{Time: func() time.Time { return t }, Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512, KeyLifetimeSecs: life}
}

// authority is a primary key with a signing subkey, as Google's is.
func authority(t testing.TB, life uint32) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("A Signing Authority", "", "a@example.test", at(born, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddSigningSubkey(at(born, life)); err != nil {
		t.Fatal(err)
	}
	return e
}

func pin(e *openpgp.Entity) string {
	return strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))
}

func sub(e *openpgp.Entity) *openpgp.Subkey { return &e.Subkeys[len(e.Subkeys)-1] }

func ring(t testing.TB, list ...*openpgp.Entity) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, e := range list {
		w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(e.Serialize(w), w.Close()); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// sign signs with the subkey, whatever its state, as somebody would who has it.
func sign(t testing.TB, key *packet.PrivateKey, when time.Time, hash crypto.Hash) []byte {
	t.Helper()
	s := &packet.Signature{
		Version: key.Version, SigType: packet.SigTypeBinary, PubKeyAlgo: key.PubKeyAlgo, Hash: hash, CreationTime: when,
		IssuerKeyId: &key.KeyId, IssuerFingerprint: key.Fingerprint,
	}
	h, err := s.PrepareSign(at(when, 0))
	if err != nil {
		t.Fatal(err)
	}
	h.Write([]byte(archive))
	var b bytes.Buffer
	w, _ := armor.Encode(&b, openpgp.SignatureType, nil)
	if err := errors.Join(s.Sign(h, key, at(when, 0)), s.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCheck(t *testing.T) {
	e, stranger := authority(t, 0), authority(t, 0)
	good := sign(t, sub(e).PrivateKey, later, crypto.SHA512)
	short := authority(t, 86400*30)
	revoked := authority(t, 0)
	theirs := sign(t, sub(revoked).PrivateKey, later, crypto.SHA512)
	if err := revoked.RevokeSubkey(sub(revoked), packet.KeySuperseded, "", at(later.AddDate(0, 1, 0), 0)); err != nil {
		t.Fatal(err)
	}
	stolen := authority(t, 0) // its subkey is bound to another primary key, and this one only carries it
	stolen.Subkeys = append([]openpgp.Subkey{}, stranger.Subkeys...)
	for _, tt := range []struct {
		name           string
		archive        string
		sig, ring      []byte
		pin            string
		want           error
		primary, inKey string
	}{
		{name: "by a subkey", sig: good, ring: ring(t, e), pin: pin(e), inKey: strings.ToUpper(hex.EncodeToString(sub(e).PublicKey.Fingerprint))},
		{name: "by the primary key", sig: sign(t, e.PrivateKey, later, crypto.SHA256), ring: ring(t, e), pin: pin(e), inKey: pin(e)},
		{name: "beside other keys", sig: good, ring: ring(t, stranger, e), pin: strings.ToLower(pin(e)), inKey: strings.ToUpper(hex.EncodeToString(sub(e).PublicKey.Fingerprint))},
		{name: "other bytes", archive: archive + "!", sig: good, ring: ring(t, e), pin: pin(e), want: gorelease.ErrSignature},
		{name: "a stranger, in the keyring", sig: sign(t, sub(stranger).PrivateKey, later, crypto.SHA512), ring: ring(t, e, stranger), pin: pin(e), want: gorelease.ErrSigner},
		{name: "another primary key", sig: good, ring: ring(t, e), pin: pin(stranger), want: gorelease.ErrKeyring},
		{name: "the subkey's fingerprint as pin", sig: good, ring: ring(t, e), pin: hex.EncodeToString(sub(e).PublicKey.Fingerprint), want: gorelease.ErrKeyring},
		{name: "a subkey that another key bound", sig: sign(t, sub(stranger).PrivateKey, later, crypto.SHA512), ring: ring(t, stolen), pin: pin(stolen), want: gorelease.ErrKeyring},
		{name: "valid when it signed", sig: sign(t, sub(short).PrivateKey, born.AddDate(0, 0, 20), crypto.SHA512), ring: ring(t, short), pin: pin(short), inKey: strings.ToUpper(hex.EncodeToString(sub(short).PublicKey.Fingerprint))},
		{name: "expired when it signed", sig: sign(t, sub(short).PrivateKey, later, crypto.SHA512), ring: ring(t, short), pin: pin(short), want: gorelease.ErrExpired},
		{name: "older than its key", sig: sign(t, sub(e).PrivateKey, born.AddDate(-1, 0, 0), crypto.SHA512), ring: ring(t, e), pin: pin(e), want: gorelease.ErrExpired},
		{name: "revoked since", sig: theirs, ring: ring(t, revoked), pin: pin(revoked), want: gorelease.ErrRevoked},
		{name: "two signatures", sig: twice(t, good), ring: ring(t, e), pin: pin(e), want: gorelease.ErrFormat},
		{name: "no signature", sig: []byte("go1.99.1\n"), ring: ring(t, e), pin: pin(e), want: gorelease.ErrFormat},
		{name: "empty", ring: ring(t, e), pin: pin(e), want: gorelease.ErrFormat},
		{name: "a key as signature", sig: ring(t, e), ring: ring(t, e), pin: pin(e), want: gorelease.ErrFormat},
		{name: "no keyring", sig: good, ring: []byte("key\n"), pin: pin(e), want: gorelease.ErrKeyring},
		{name: "a signature as keyring", sig: good, ring: good, pin: pin(e), want: gorelease.ErrKeyring},
	} {
		text := tt.archive
		if text == "" {
			text = archive
		}
		got, err := gorelease.Check(strings.NewReader(text), tt.sig, tt.ring, tt.pin)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err == nil && (got.Key != tt.inKey || !strings.EqualFold(got.Primary, tt.pin)) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// twice is a file with the same signature packet two times.
func twice(t *testing.T, sig []byte) []byte {
	t.Helper()
	block, err := armor.Decode(bytes.NewReader(sig))
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	raw.ReadFrom(block.Body)
	return append(bytes.Clone(raw.Bytes()), raw.Bytes()...)
}

// TestEveryFlip: no byte of an archive may change, and no bit of a signature's own packet that counts.
func TestEveryFlip(t *testing.T) {
	e := authority(t, 0)
	sig, keys := sign(t, sub(e).PrivateKey, later, crypto.SHA512), ring(t, e)
	for i := range archive {
		bad := []byte(archive)
		bad[i] ^= 1
		if _, err := gorelease.Check(bytes.NewReader(bad), sig, keys, pin(e)); !errors.Is(err, gorelease.ErrSignature) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

// TestGnuPG: what GnuPG signs with a subkey holds here.
func TestGnuPG(t *testing.T) {
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Skip("gpg is not installed")
	}
	dir, err := os.MkdirTemp("", "pgp") // its sockets must have short names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(gpg, append([]string{"--homedir", dir, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("gpg %v does not work here: %v\n%s", args, err, stderr.Bytes())
		}
		return out
	}
	t.Cleanup(func() { exec.Command("gpgconf", "--homedir", dir, "--kill", "all").Run() })
	run("--quick-generate-key", "authority@example.test", "rsa2048", "cert", "never")
	listed := string(run("--with-colons", "--list-keys"))
	_, rest, _ := strings.Cut(listed, "\nfpr:::::::::")
	primary, _, _ := strings.Cut(rest, ":")
	run("--quick-add-key", primary, "rsa2048", "sign", "1y")
	file := filepath.Join(dir, "archive")
	if err := os.WriteFile(file, []byte(archive), 0o600); err != nil {
		t.Fatal(err)
	}
	sig, keys := run("--armor", "--detach-sign", "--output", "-", file), run("--armor", "--export", primary)
	got, err := gorelease.Check(strings.NewReader(archive), sig, keys, primary)
	if err != nil || got.Primary != primary || got.Key == primary {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzCheck(f *testing.F) {
	e := authority(f, 0)
	f.Add(sign(f, sub(e).PrivateKey, later, crypto.SHA512), ring(f, e))
	f.Add([]byte("-----BEGIN PGP SIGNATURE-----\n\n=\n-----END PGP SIGNATURE-----\n"), []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=\n-----END"))
	want := pin(e)
	f.Fuzz(func(t *testing.T, sig, keys []byte) {
		got, err := gorelease.Check(strings.NewReader(archive), sig, keys, want)
		if err == nil && got.Primary != want {
			t.Errorf("another key: %+v", got)
		}
	})
}
