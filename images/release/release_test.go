package release

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSums(t *testing.T) {
	a, b := strings.Repeat("0a", 32), strings.Repeat("FF", 32)
	got, err := Sums([]byte("# x\nSHA256 (void (1).tar.xz) = " + a + "\n\n" + b + "  ./b\n" + b + " *b\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][32]byte{"void (1).tar.xz": [32]byte(bytesOf(0x0a)), "b": [32]byte(bytesOf(0xff))}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"hello\n", a + "  ../x\n", a + "  x\n" + b + "  x\n", "SHA256 (x) = 12\n", a + "  \n"} {
		if _, err := Sums([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func bytesOf(b byte) []byte { return []byte(strings.Repeat(string([]byte{b}), 32)) }

// signify writes a key and a signature as signify(1) does.
func signify(t testing.TB, seed byte, message string, embed bool) (key Key, public, signature []byte) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytesOf(seed))
	number := binary.LittleEndian.AppendUint64(nil, uint64(seed))
	line := func(parts ...[]byte) string {
		var raw []byte
		for _, p := range parts {
			raw = append(raw, p...)
		}
		return "untrusted comment: test\n" + base64.StdEncoding.EncodeToString(raw) + "\n"
	}
	public = []byte(line([]byte("Ed"), number, private.Public().(ed25519.PublicKey)))
	text := line([]byte("Ed"), number, ed25519.Sign(private, []byte(message)))
	if embed {
		text += message
	}
	key, err := ParseKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, public, []byte(text)
}

func TestSignify(t *testing.T) {
	key, _, plain := signify(t, 1, "list\n", false)
	_, _, embedded := signify(t, 1, "list\n", true)
	stranger, _, _ := signify(t, 2, "list\n", false)
	for _, sig := range [][]byte{plain, embedded} {
		if got, _, err := Verify([]byte("list\n"), sig, []Key{stranger, key}); err != nil || got.ID() != key.ID() {
			t.Errorf("%v %v", got, err)
		}
		if _, _, err := Verify([]byte("other\n"), sig, []Key{key}); !errors.Is(err, ErrBadSignature) {
			t.Errorf("another list: %v", err)
		}
		var unknown *UnknownKeyError
		if _, _, err := Verify([]byte("list\n"), sig, []Key{stranger}); !errors.As(err, &unknown) {
			t.Errorf("a stranger's key: %v", err)
		}
	}
	if _, _, err := Verify([]byte("list\n"), append(plain, "another list\n"...), []Key{key}); err == nil {
		t.Error("a signature that carries another list")
	}
}

// TestMinisign lets the real program make keys and signatures, of the hashed and of the legacy kind.
func TestMinisign(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("minisign is not installed: the form it writes is not checked against it")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := os.WriteFile(filepath.Join(dir, "sums"), []byte("list\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run("-G", "-W", "-p", "k.pub", "-s", "k.sec")
	key, err := ParseKey(read("k.pub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"-H", "-l"} {
		run("-S", kind, "-s", "k.sec", "-m", "sums", "-x", "sums"+kind, "-t", "said")
		sig := read("sums" + kind)
		if _, said, err := Verify([]byte("list\n"), sig, []Key{key}); err != nil || said != "said" {
			t.Errorf("%s: %q %v", kind, said, err)
		}
		if _, _, err := Verify([]byte("list\n"), []byte(strings.Replace(string(sig), ": said", ": lied", 1)), []Key{key}); err == nil {
			t.Errorf("%s: a changed comment", kind)
		}
		if _, _, err := Verify([]byte("lisp\n"), sig, []Key{key}); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	key, public, sig := signify(f, 1, "list\n", true)
	f.Add([]byte("list\n"), sig, public)
	f.Add([]byte("SHA256 (a) = "+strings.Repeat("00", 32)+"\n"), []byte("untrusted comment: x\nRWQ=\ntrusted comment: \n\n"), []byte("RWQ="))
	f.Fuzz(func(t *testing.T, message, signature, public []byte) {
		keys := []Key{key}
		if k, err := ParseKey(public); err == nil {
			keys = append(keys, k)
		}
		if _, _, err := Verify(message, signature, keys[:1]); err == nil && string(message) != "list\n" {
			t.Errorf("%q is signed by a key that never signed it", message)
		}
		Verify(message, signature, keys)
		Sums(message)
	})
}
