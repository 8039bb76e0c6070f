package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// xbpsRepo makes a key and a signed repository of one package with the command itself.
func xbpsRepo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "root/usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "root/usr/bin/tool"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "repo"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"xbps keygen --no-passphrase --bits 2048 key.pem",
		"xbps pack --pkgver tool-1.0_1 --arch x86_64-musl --desc tool -o repo root",
		"xbps index --key key.pem --signed-by Tester repo",
	} {
		if r := run(t, dir, strings.Fields(args)...); r.code != 0 {
			t.Fatalf("%s: exit %d, %s", args, r.code, r.stderr)
		}
	}
	return dir
}

func TestXbps(t *testing.T) {
	dir := xbpsRepo(t)
	table := "# a\tb\torder\n1.0_1\t1.1_1\t-1\n1.0_1\t1.0_1\t1\n"
	for name, text := range map[string]string{"t.tsv": table, "bad.tsv": "1\t2\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const pkg = "tool-1.0_1.x86_64-musl.xbps"
	for _, c := range []struct {
		name, args     string
		code           int
		stdout, stderr string
	}{
		{"verify", "xbps verify --key key.pub.pem repo", 0, "", ""},
		{"verify one file", "xbps verify --key key.pub.pem repo/" + pkg, 0, "", ""},
		{"verify, nothing trusted", "xbps verify repo", 1, "[no-trusted-key]\n", ""},
		{"verify, JSON", "--json xbps verify --key key.pub.pem repo", 0, `{"findings":[],"path":"repo","schema":"plugproof/xbps-verify/v1"}`, ""},
		{"verify, private key given", "xbps verify --key key.pem repo", 2, "", "want a PUBLIC KEY"},
		{"verify, no such directory", "xbps verify nowhere", 2, "", "no such file"},
		{"cmpver", "xbps cmpver 1.0_1 1.0rc1_1", 0, "1\n", ""},
		{"pkgmatch", "xbps pkgmatch foo-1.0_1 foo>=1", 0, "1\n", ""},
		{"pkgmatch, no", "xbps pkgmatch foo-1.0_1 foo>1.0_1", 0, "0\n", ""},
		{"table", "xbps cmpver --table t.tsv", 1, "1.0_1 1.0_1: 0, the table says 1\n1 right, 1 wrong\n", ""},
		{"bad table", "xbps cmpver --table bad.tsv", 2, "", "line 1"},
		{"too few", "xbps cmpver 1.0_1", 2, "", "two arguments"},
		{"key not overwritten", "xbps keygen --no-passphrase key.pem", 2, "", "is there already"},
		{"no terminal for a passphrase", "xbps keygen other.pem", 2, "", "a passphrase is needed"},
		{"index without a key", "xbps index repo", 2, "", "--key is needed"},
		{"pack without a name", "xbps pack root", 2, "", "--pkgver and --arch are needed"},
		{"pack of nothing", "xbps pack --pkgver a-1_1 --arch noarch", 2, "", "give a folder"},
		{"bare dependency", "xbps pack --pkgver a-1_1 --arch noarch --depends bare root", 2, "", "no version comparison"},
		{"unknown", "xbps frobnicate", 2, "", "unknown command"},
		{"nothing", "xbps", 2, "", "needs a command"},
	} {
		r := run(t, dir, strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.stdout, c.stdout) || c.stdout == "" && r.stdout != "" || !strings.Contains(r.stderr, c.stderr) {
			t.Errorf("%s: exit %d\nstdout: %s\nstderr: %s", c.name, r.code, r.stdout, r.stderr)
		}
	}
	if err := os.Remove(filepath.Join(dir, "repo", pkg+".sig2")); err != nil {
		t.Fatal(err)
	}
	if r := run(t, dir, "xbps", "verify", "--key", "key.pub.pem", "repo"); r.code != 1 || r.stdout != pkg+": has no signature (.sig2) [no-signature]\n" {
		t.Errorf("exit %d, %s", r.code, r.stdout)
	}
}
