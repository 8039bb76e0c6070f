package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// SSH signs what r yields with an OpenSSH key, as "ssh-keygen -Y sign -n plugproof" does.
func SSH(r io.Reader, key ssh.Signer) ([]byte, error) {
	s, err := sshsig.Sign(r, key, sshsig.HashSHA512, Namespace)
	if err != nil {
		return nil, fmt.Errorf("signing with an OpenSSH key: %w", err)
	}
	return sshsig.Armor(s), nil
}

// CheckSSH verifies that one of keys signed what r yields, for our Namespace.
func CheckSSH(r io.Reader, keys []ssh.PublicKey, signature []byte) error {
	if len(signature) > maxSignature {
		return fmt.Errorf("the signature is longer than %d bytes", maxSignature)
	}
	s, err := sshsig.Unarmor(signature)
	if err != nil {
		return fmt.Errorf("reading an OpenSSH signature: %w", err)
	}
	if s.Namespace != Namespace {
		return fmt.Errorf("the signature was made for %q, not for %q (ssh-keygen -Y sign -n %s)", s.Namespace, Namespace, Namespace)
	}
	for _, k := range keys {
		if !bytes.Equal(k.Marshal(), s.PublicKey.Marshal()) {
			continue
		}
		if err := sshsig.Verify(r, s, k, s.HashAlgorithm, Namespace); err != nil {
			return ErrSignature
		}
		return nil
	}
	return fmt.Errorf("the signature was made by %s, which is not a trusted key", ssh.FingerprintSHA256(s.PublicKey))
}

// ParseSSHKeys reads public keys: lines of a .pub or authorized_keys file, or of an allowed_signers file, whose lines begin
// with principals. Certificate authorities and lines with options are refused: they need rules that are not here.
func ParseSSHKeys(data []byte) ([]ssh.PublicKey, error) {
	if len(data) > maxKey {
		return nil, fmt.Errorf("the keys are longer than %d bytes", maxKey)
	}
	var out []ssh.PublicKey
	for n, line := range bytes.Split(data, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		k, err := sshKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		out = append(out, k)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return out, nil
}

func sshKey(line []byte) (ssh.PublicKey, error) {
	words := bytes.Fields(line)
	for i := 0; i < 2 && i+1 < len(words); i++ {
		raw := append(append(append([]byte{}, words[i]...), ' '), words[i+1]...)
		k, _, options, _, err := ssh.ParseAuthorizedKey(raw)
		if err == nil && len(options) == 0 {
			if i == 1 && isOption(string(words[0])) {
				break
			}
			if k.Type() != string(words[i]) {
				return nil, fmt.Errorf("the key says it is %s and is %s", words[i], k.Type())
			}
			return k, nil
		}
	}
	return nil, errors.New("it is neither a public key nor a principal with one (options are not understood)")
}

// isOption tells the options and markers that may stand before a key from a principal: "cert-authority", "restrict",
// namespaces="git", "@revoked".
func isOption(word string) bool {
	switch strings.ToLower(word) {
	case "cert-authority", "restrict", "agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding",
		"no-agent-forwarding", "no-port-forwarding", "no-pty", "no-user-rc", "no-x11-forwarding", "no-touch-required", "verify-required":
		return true
	}
	return strings.ContainsAny(word, "=\"") || strings.HasPrefix(word, "@") || strings.HasPrefix(word, "!")
}

// IsSSH reports whether data looks like an armoured OpenSSH signature.
func IsSSH(signature []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(signature, " \r\n"), []byte("-----BEGIN SSH SIGNATURE-----"))
}
