package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var testKey = sync.OnceValue(func() *PrivateKey {
	k, err := Generate(rand.Reader, MinBits)
	if err != nil {
		panic(err)
	}
	return k
})

func TestSignAndVerify(t *testing.T) {
	k, sum := testKey(), sha256.Sum256([]byte("a package"))
	sig, err := k.Sign(sum)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Public().Verify(sum, sig); err != nil {
		t.Error(err)
	}
	sig[7] ^= 1
	for name, bad := range map[string][]byte{"flipped": sig, "short": sig[1:], "none": nil} {
		if k.Public().Verify(sum, bad) == nil {
			t.Errorf("%s signature verifies", name)
		}
	}
}

// TestLegacy makes a .sig as void-linux/xbps-legacy-sign does: a DigestInfo that says SHA-1 around a SHA-256.
func TestLegacy(t *testing.T) {
	k, sum := testKey(), sha256.Sum256([]byte("a package"))
	info := append([]byte("\x30\x2d\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x20"), sum[:]...)
	sig, err := rsa.SignPKCS1v15(nil, k.key, crypto.Hash(0), info)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Public().VerifyLegacy(sum, sig); err != nil {
		t.Error(err)
	}
	if k.Public().Verify(sum, sig) == nil {
		t.Error("it passes as a .sig2")
	}
	now, err := k.Sign(sum)
	if err != nil {
		t.Fatal(err)
	}
	if k.Public().VerifyLegacy(sum, now) == nil || k.Public().VerifyLegacy(sha256.Sum256(nil), sig) == nil || k.Public().VerifyLegacy(sum, sig[1:]) == nil {
		t.Error("a signature that is none verifies")
	}
}

func TestKeyFile(t *testing.T) {
	dir, k := t.TempDir(), testKey()
	for name, pass := range map[string]string{"plain": "", "locked": "correct horse"} {
		path := filepath.Join(dir, name)
		if err := k.WriteFile(path, []byte(pass), rand.Reader); err != nil {
			t.Fatal(err)
		}
		if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", name, st.Mode())
		}
		got, err := ReadFile(path, []byte(pass))
		if err != nil || !got.Public().Equal(k.Public()) {
			t.Errorf("%s: %v", name, err)
		}
		if err := k.WriteFile(path, nil, nil); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: overwritten: %v", name, err)
		}
		if pass != "" {
			for _, wrong := range []string{"", "wrong"} {
				if _, err := ReadFile(path, []byte(wrong)); err == nil {
					t.Errorf("%s opens with %q", name, wrong)
				}
			}
		}
		os.Chmod(path, 0o640)
		if _, err := ReadFile(path, []byte(pass)); err == nil || !strings.Contains(err.Error(), "0640") {
			t.Errorf("%s: a key that others can read: %v", name, err)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if s := fmt.Sprintf(verb, k); s != "private key "+k.Public().Fingerprint() {
			t.Errorf("%s shows %q", verb, s)
		}
	}
}

// TestPipeIsNoKey: a pipe is not waited for.
func TestPipeIsNoKey(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "key")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(pipe, nil); err == nil {
		t.Error("a pipe is a key")
	}
}

// TestOpenSSL shows that openssl makes the same signature, the same fingerprint input and reads our encrypted keys.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	dir, k := t.TempDir(), testKey()
	key, locked, file := filepath.Join(dir, "key"), filepath.Join(dir, "locked"), filepath.Join(dir, "file")
	if err := errors.Join(k.WriteFile(key, nil, nil), k.WriteFile(locked, []byte("pw"), rand.Reader), os.WriteFile(file, []byte("x"), 0o644)); err != nil {
		t.Fatal(err)
	}
	want, _ := k.Sign(sha256.Sum256([]byte("x")))
	for _, args := range [][]string{{"-sign", key}, {"-passin", "pass:pw", "-sign", locked}} {
		out, err := exec.Command("openssl", append(append([]string{"dgst", "-sha256"}, args...), file)...).Output()
		if err != nil || string(out) != string(want) {
			t.Errorf("openssl dgst %v: %v, %d bytes", args, err, len(out))
		}
	}
	theirs := filepath.Join(dir, "theirs")
	if out, err := exec.Command("openssl", "genpkey", "-algorithm", "RSA", "-aes256", "-pass", "pass:pw", "-out", theirs).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := ReadFile(theirs, []byte("pw")); err != nil {
		t.Error(err)
	}
}

func TestParsePublicKey(t *testing.T) {
	k := testKey().Public()
	text, err := k.KeyFile("Tester <t@example.test>")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"pem": k.PEM(), "plist": text} {
		got, err := ParsePublicKey(data)
		if err != nil || !got.Equal(k) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string]string{
		"empty": "", "other block": "-----BEGIN X-----\n-----END X-----\n", "no key": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"plist without key": `<plist version="1.0"><dict/></plist>`, "large": strings.Repeat("x", maxKeyFile+1),
		"weak": "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANDiE2+Xi/WnO+s120NiiJhNyIButVu6\nzxqlVzz0wy2j4kQVUC4ZRZD80IY+4wIiX2YxKBZKGnd2TtPkcJ/ljkUCAwEAAQ==\n-----END PUBLIC KEY-----\n",
	} {
		if _, err := ParsePublicKey([]byte(data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestFingerprint has a key of openssl's and the name that `ssh-keygen -l -E md5` gives it.
func TestFingerprint(t *testing.T) {
	k, err := ParsePublicKey([]byte(fingerprinted))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := k.Fingerprint(), "a3:f8:54:8f:d5:60:1b:ae:a7:30:47:eb:ed:cc:fc:01"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const fingerprinted = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwTc4ZcQXnufGvk+KpMr2
JeT0fkDcpG1C5zOOlggCp82+MMHyjHsPsLjMB4E9gtPJdwL0QtrokNnU6Bh5wX0t
EHNzcO6MCunff8EumX/sIUZOBZSaKTVzmSo5ynzlmM8HFSS9K9IqpqP2fkvaGsTc
HuAtaasxOkibSanMYHyMCBrB+xwNyc3r2mSY4KNMXCxA4r1tzJct1TkMPcRtsqVE
L1itj2x+lCwlRq6JxQDAokhP/uym3UFm66g/Kc40oWhwPeHzdohvQ7hNpQHTr/A8
Sk25TPdWF9+1bj5FEFV4ru+7hgV+LEVDhbII914rv+D43HDOGtvGnrQ53UbdCyhH
zQIDAQAB
-----END PUBLIC KEY-----
`

func FuzzParseKeys(f *testing.F) {
	f.Add(testKey().Public().PEM())
	locked, _ := testKey().pem([]byte("pw"), rand.Reader)
	f.Add(locked)
	f.Add([]byte(`<plist version="1.0"><dict><key>public-key</key><data>LS0=</data></dict></plist>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := ParsePublicKey(data); err == nil {
			k.Fingerprint()
		}
		ParsePrivateKey(data, nil)
	})
}
