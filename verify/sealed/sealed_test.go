package sealed

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestBLAKE2b: "abc" is RFC 7693's own example (appendix A); the others are what b2sum prints.
func TestBLAKE2b(t *testing.T) {
	for in, want := range map[string]string{
		"abc": "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
		"":    "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce",
	} {
		if got := blake2b512([]byte(in)); hex.EncodeToString(got[:]) != want {
			t.Errorf("%q: %x", in, got)
		}
	}
}

func TestVersions(t *testing.T) {
	ordered := strings.Fields("v0.9.9 v1.0.0-alpha 1.0.0-alpha.1 v1.0.0-alpha.beta v1.0.0-beta v1.0.0-beta.2 v1.0.0-beta.11 v1.0.0-rc.1 v1.0.0 v1.2.0 v1.10.0")
	for i, a := range ordered {
		for j, b := range ordered {
			x, ok1 := parseVersion(a)
			y, ok2 := parseVersion(b)
			if !ok1 || !ok2 {
				t.Fatalf("%s, %s: no versions", a, b)
			}
			if got := x.compare(y); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s against %s: %d", a, b, got)
			}
		}
	}
	for _, bad := range []string{"", "v1", "1.2", "v1.02.3", "v1.2.x", "tuesday"} {
		if _, ok := parseVersion(bad); ok {
			t.Errorf("%q is a version", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("untrusted comment: a\nRU\ntrusted comment: b\nAA\n"), "plugproof-seal-v1 name=a.so", "v1.2.3-rc.1+x")
	f.Fuzz(func(t *testing.T, sig []byte, claim, version string) {
		_, _ = parseSignature(sig)
		if c, err := parseClaim(claim); err == nil && strings.ContainsRune(c.Name, '/') {
			t.Errorf("%q names a directory", claim)
		}
		if v, ok := parseVersion(version); ok && v.compare(v) != 0 {
			t.Errorf("%q is not itself", version)
		}
		_, _ = parseKey(claim)
	})
}
