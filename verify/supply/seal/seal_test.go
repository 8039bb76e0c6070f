package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/plugproof/plugproof/verify/supply/seal"
)

func keys(t testing.TB) (minisign.PublicKey, minisign.PrivateKey) {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

var claim = seal.Claim{Name: "greet.so", Version: "v1.4.0", Arch: "amd64", Go: "go1.26.8", Host: "sha256:00ff"}

func TestMinisign(t *testing.T) {
	public, private := keys(t)
	file := []byte("the plugin's bytes")
	sig, err := seal.Minisign(bytes.NewReader(file), private, claim)
	if err != nil {
		t.Fatal(err)
	}
	comment, err := seal.CheckMinisign(bytes.NewReader(file), public, sig)
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal.ParseClaim(comment)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(claim, got); d != "" {
		t.Error(d)
	}
	other, _ := keys(t)
	if _, err := seal.CheckMinisign(bytes.NewReader(file), other, sig); err == nil || !strings.Contains(err.Error(), "the trusted key is") {
		t.Errorf("another key: %v", err)
	}
	if _, err := seal.CheckMinisign(bytes.NewReader(append(file, 0)), public, sig); !errors.Is(err, seal.ErrSignature) {
		t.Errorf("another file: %v", err)
	}
	// Every bit of what is signed counts: only the untrusted comment may change.
	signed := bytes.IndexByte(sig, '\n') + 1
	for i := signed; i < len(bytes.TrimRight(sig, "\n")); i++ {
		bad := bytes.Clone(sig)
		bad[i] ^= 1
		if c, err := seal.CheckMinisign(bytes.NewReader(file), public, bad); err == nil {
			t.Fatalf("byte %d of the signature changed, and it holds: %q", i, c)
		}
	}
}

func TestClaimDifferences(t *testing.T) {
	for _, tt := range []struct {
		name string
		want seal.Wish
		out  []string
	}{
		{"nothing asked", seal.Wish{}, nil},
		{"all as expected", seal.Wish{Claim: claim, AtLeast: "1.4.0"}, nil},
		{"the wrong file", seal.Wish{Claim: seal.Claim{Name: "audit.so"}}, []string{"the seal is for name greet.so; audit.so is expected"}},
		{"an old one", seal.Wish{AtLeast: "v1.10.0"}, []string{"the seal is for version v1.4.0, older than v1.10.0"}},
		{"another machine", seal.Wish{Claim: seal.Claim{Arch: "arm", Go: "go1.25.3"}}, []string{"the seal is for arch amd64; arm is expected", "the seal is for go go1.26.8; go1.25.3 is expected"}},
		{"no order", seal.Wish{AtLeast: "tuesday"}, []string{`version "v1.4.0" cannot be compared with "tuesday": both must be semantic versions`}},
	} {
		if d := cmp.Diff(tt.out, claim.Differences(tt.want)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	if d := cmp.Diff([]string{"the seal names no host; sha256:01 is expected"}, seal.Claim{}.Differences(seal.Wish{Claim: seal.Claim{Host: "sha256:01"}})); d != "" {
		t.Error(d)
	}
}

func TestParseClaimHasOneReading(t *testing.T) {
	good := claim.String()
	for _, bad := range []string{"", "plugproof-seal-v10", good + " ", good + " name=other.so", "plugproof-seal-v1  name=a", "plugproof-seal-v1 version=1 name=a",
		"plugproof-seal-v1 name=", "plugproof-seal-v1 color=red", "plugproof-seal-v1 name=a/b", "timestamp:1700000000\tfile:greet.so"} {
		if c, err := seal.ParseClaim(bad); err == nil {
			t.Errorf("%q reads as %+v", bad, c)
		}
	}
}

// TestMinisignTool: signatures made here hold for Debian's minisign, and the other way round.
func TestMinisignTool(t *testing.T) {
	tool, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("minisign is not installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "greet.so")
	data := bytes.Repeat([]byte("bytes "), 100_000)
	write(t, file, data)
	public, private := keys(t)
	pub, _ := public.MarshalText()
	write(t, dir+"/ours.pub", append(pub, '\n'))
	sig, err := seal.Minisign(bytes.NewReader(data), private, claim)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file+".minisig", sig)
	out := command(t, tool, "-V", "-p", dir+"/ours.pub", "-m", file)
	if !strings.Contains(out, "Trusted comment: "+claim.String()) {
		t.Errorf("minisign says %s", out)
	}
	command(t, tool, "-G", "-W", "-p", dir+"/theirs.pub", "-s", dir+"/theirs.key")
	for _, flags := range [][]string{nil, {"-l"}} {
		command(t, tool, append([]string{"-S", "-s", dir + "/theirs.key", "-m", file, "-x", dir + "/x.minisig", "-t", claim.String()}, flags...)...)
		key, err := seal.ParseMinisignKey(read(t, dir+"/theirs.pub"))
		if err != nil {
			t.Fatal(err)
		}
		comment, err := seal.CheckMinisign(bytes.NewReader(data), key, read(t, dir+"/x.minisig"))
		if err != nil || comment != claim.String() {
			t.Errorf("minisign -S %v: %q, %v", flags, comment, err)
		}
	}
}

// TestSSHTool: the same for OpenSSH.
func TestSSHTool(t *testing.T) {
	tool, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "greet.so")
	data := bytes.Repeat([]byte("bytes "), 1000)
	write(t, file, data)
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		key := filepath.Join(dir, kind)
		command(t, tool, "-q", "-t", kind, "-N", "", "-f", key)
		signer, err := ssh.ParsePrivateKey(read(t, key))
		if err != nil {
			t.Fatal(err)
		}
		trusted, err := seal.ParseSSHKeys(append([]byte("# a comment\nme@example.test "), read(t, key+".pub")...))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := seal.SSH(bytes.NewReader(data), signer)
		if err != nil {
			t.Fatal(err)
		}
		if err := seal.CheckSSH(bytes.NewReader(data), trusted, ours); err != nil {
			t.Error(err)
		}
		if err := seal.CheckSSH(bytes.NewReader(data[1:]), trusted, ours); !errors.Is(err, seal.ErrSignature) {
			t.Errorf("another file: %v", err)
		}
		write(t, dir+"/allowed", append([]byte("me@example.test "), read(t, key+".pub")...))
		write(t, dir+"/ours.sig", ours)
		cmd := exec.Command(tool, "-Y", "verify", "-f", dir+"/allowed", "-I", "me@example.test", "-n", seal.Namespace, "-s", dir+"/ours.sig")
		cmd.Stdin = bytes.NewReader(data)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("ssh-keygen: %v %s", err, out)
		}
		os.Remove(file + ".sig")
		command(t, tool, "-Y", "sign", "-f", key, "-n", seal.Namespace, file)
		if err := seal.CheckSSH(bytes.NewReader(data), trusted, read(t, file+".sig")); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		os.Remove(file + ".sig")
		command(t, tool, "-Y", "sign", "-f", key, "-n", "git", file)
		if err := seal.CheckSSH(bytes.NewReader(data), trusted, read(t, file+".sig")); err == nil || !strings.Contains(err.Error(), `made for "git"`) {
			t.Errorf("another namespace: %v", err)
		}
	}
}

func TestSSHOptionsAreRefused(t *testing.T) {
	_, raw, _ := ed25519.GenerateKey(rand.Reader)
	signer, err := ssh.NewSignerFromKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	line := string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	for _, before := range []string{"", "me@example.test ", "* "} {
		if _, err := seal.ParseSSHKeys([]byte(before + line)); err != nil {
			t.Errorf("%q: %v", before, err)
		}
	}
	for _, before := range []string{"cert-authority ", "@revoked ", `namespaces="git" `, `me@example.test valid-before="20200101" `, "me@example.test cert-authority ", "!me@example.test "} {
		if _, err := seal.ParseSSHKeys([]byte(before + line)); err == nil {
			t.Errorf("a key after %q is trusted", before)
		}
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func FuzzParseClaim(f *testing.F) {
	f.Add(claim.String())
	f.Add("plugproof-seal-v1")
	f.Add("plugproof-seal-v1 name=a=b host=")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := seal.ParseClaim(s); err == nil && c.String() != s {
			t.Errorf("%q reads as %+v, which is written %q", s, c, c.String())
		}
	})
}

func FuzzSignatures(f *testing.F) {
	public, private := keys(f)
	file := []byte("bytes")
	sig, err := seal.Minisign(bytes.NewReader(file), private, claim)
	if err != nil {
		f.Fatal(err)
	}
	_, raw, _ := ed25519.GenerateKey(rand.Reader)
	signer, _ := ssh.NewSignerFromKey(raw)
	sshSig, err := seal.SSH(bytes.NewReader(file), signer)
	if err != nil {
		f.Fatal(err)
	}
	trusted := []ssh.PublicKey{signer.PublicKey()}
	f.Add(sig)
	f.Add(sshSig)
	f.Add(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	text, _ := public.MarshalText()
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := seal.CheckMinisign(bytes.NewReader(file), public, data); err == nil && c != claim.String() {
			t.Errorf("%q holds with the comment %q", data, c)
		}
		_ = seal.CheckSSH(bytes.NewReader(file), trusted, data)
		_, _ = seal.ParseMinisignKey(data)
		_, _ = seal.ParseSSHKeys(data)
	})
}
