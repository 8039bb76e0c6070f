package abi

import (
	"errors"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/results"
)

func TestBadLocks(t *testing.T) {
	l, err := Export(self(t))
	if err != nil {
		t.Fatal(err)
	}
	good := string(l.Text())
	if _, err := ParseLock([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":            "",
		"text":             "hello\n",
		"older":            strings.Replace(good, "lock 2", "lock 1", 1),
		"variables":        resign(strings.Replace(good, "\ntls ", "\npackage 0011223344556677 \"b\" AAAA\ntls ", 1)),
		"variables twice":  resign(strings.Replace(good, "\ntls ", "\npackage 0011223344556677 \"b\" AAAAAAAAAAA\ntls ", 1)),
		"no base64":        resign(strings.Replace(good, "\ntls ", "\npackage 0011223344556677 \"b\" AA_=\ntls ", 1)),
		"newer":            strings.Replace(good, "lock 2", "lock 3", 1),
		"cut":              good[:len(good)/2],
		"no end":           good[:strings.LastIndex(good, "end ")],
		"changed":          strings.Replace(good, "go1.", "go2.", 1),
		"more at end":      good + "x\n",
		"another layout":   resign(strings.Replace(good, "moduledata 0", "moduledata 24", 1)),
		"twice":            resign(strings.Replace(good, "tls ", "tls false\ntls ", 1)),
		"out of order":     resign(strings.Replace(good, "tls ", "package 0011223344556677 \"b\"\npackage 0011223344556677 \"a\"\ntls ", 1)),
		"a package twice":  resign(strings.Replace(good, "tls ", "package 0011223344556677 \"b\"\npackage 0011223344556677 \"b\"\ntls ", 1)),
		"no Go":            resign(strings.Replace(good, "\ngo \"go", "\ngo \"wurst", 1)),
		"unknown libc":     resign(strings.Replace(good, "\nlibc \"", "\nlibc \"x", 1)),
		"another spelling": resign(strings.Replace(good, "moduledata ", "moduledata 0", 1)),
		"another truth":    resign(strings.Replace(strings.Replace(good, "tls false", "tls F", 1), "tls true", "tls T", 1)),
		"left out":         resign(strings.Replace(good, "rpath \"\"\n", "", 1)),
		"unknown word":     resign(strings.Replace(good, "tls ", "sls ", 1)),
	} {
		if _, err := ParseLock([]byte(text)); !errors.Is(err, ErrLock) {
			t.Errorf("%s: ParseLock = %v", name, err)
		}
	}
}

// TestSenselessLocks changes facts and the digest with them: what is left cannot be a host's, and the error says which line.
func TestSenselessLocks(t *testing.T) {
	l, err := Export(self(t))
	if err != nil {
		t.Fatal(err)
	}
	good := string(l.Text())
	loads := regexp.MustCompile(`(?m)^load .*\n`)
	for _, tt := range []struct{ name, text, want string }{
		{"an old Go", regexp.MustCompile(`(?m)^go ".*"$`).ReplaceAllString(good, "go \"go1.2\""), "locks are made of hosts of Go 1.18 and later"},
		{"no segment", loads.ReplaceAllString(good, ""), `there is no line "load"`},
		{"backwards", strings.Replace(good, "\nload ", "\nload 0x2000 0x1000\nload ", 1), `line "load 0x2000 0x1000"`},
		{"two in one place", strings.Replace(good, "\nload ", "\nload 0x0 0xffffffff\nload ", 1), "the segment before ends at 0xffffffff"},
		{"no such place", regexp.MustCompile(`(?m)(^load .*\n)+`).ReplaceAllString(good, "load 0x0 0xffffffffffffffff\n"), "no place in the memory"},
		{"no runtime", strings.Replace(strings.Replace(good, "tls ", "package 0011223344556677 \"b\"\ntls ", 1), "moduledata 0", "moduledata 8", 1), `no line "package" of runtime`},
		{"no name", strings.Replace(strings.Replace(good, "tls ", "package 0011223344556677 \"\"\ntls ", 1), "moduledata 0", "moduledata 8", 1), "a package without a name"},
		{"no moduledata", strings.Replace(good, "tls ", "package 0011223344556677 \"b\"\ntls ", 1), `line "moduledata 0"`},
		{"no library", strings.Replace(good, "tls ", "needed \"\"\ntls ", 1), "a library without a name"},
		{"another machine", strings.Replace(good, "GOARCH="+runtime.GOARCH, "GOARCH=mips", 1), "GOARCH=mips"},
	} {
		if tt.text == good {
			t.Errorf("%s: nothing was changed", tt.name)
		}
		if _, err := ParseLock([]byte(resign(tt.text))); !errors.Is(err, ErrLock) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: ParseLock = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestLockByte changes each byte of a lock, one at a time: none is accepted.
func TestLockByte(t *testing.T) {
	l, err := Export(self(t))
	if err != nil {
		t.Fatal(err)
	}
	b := l.Text()
	for i := 0; i < len(b); i += 1 + len(b)/2000 {
		was := b[i]
		for _, c := range []byte{was ^ 1, was ^ 0x20, 0, '\n'} {
			if b[i] = c; c == was {
				continue
			}
			if _, err := ParseLock(b); !errors.Is(err, ErrLock) {
				t.Fatalf("byte %d: %q instead of %q is accepted: %v", i, c, was, err)
			}
		}
		b[i] = was
	}
}

// resign gives a changed lock a right last line.
func resign(text string) string {
	body := text[:strings.LastIndex(text, "end ")]
	return body + "end " + string(digestOf(body)) + "\n"
}

func FuzzParseLock(f *testing.F) {
	l, err := Export(self(f))
	if err != nil {
		f.Fatal(err)
	}
	body := string(l.Text())
	body = body[:strings.LastIndex(body, "end ")] // which the target adds
	f.Add(body)
	f.Add(lockHead + "\npackage 0011223344556677 \"b\" AAAAAAAAAAE\n")
	for _, seed := range []string{ // right lines that make no sense together
		"go \"go1.2\"\n", "load 0x2000 0x1000\n", "load 0x0 0xffffffffffffffff\n", "package 0011223344556677 \"a\"\npackage 0011223344556677 \"a\"\n",
		"package 0011223344556677 \"runtime\"\n", "moduledata 4294967295\n", "needed \"\"\n", "export STT_FUNC weak x\nexport STT_FUNC weak x\n", "hidden true\npacked true\n",
	} {
		f.Add(strings.Replace(body, "tls ", seed+"tls ", 1))
		f.Add(lockHead + "\nelf EM_ARM ELFCLASS32 ET_DYN\n" + seed)
	}
	f.Add(lockHead + "\nelf EM_X86_64 ELFCLASS64 ET_DYN\nload 1 2\npackage 00 \"x\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		l, err := ParseLock([]byte(text + "end " + string(digestOf(text)) + "\n"))
		if err == nil {
			Predict(l.Input("x.lock"), nil, Options{})
		}
	})
}

func digestOf(s string) results.Digest { return results.DigestOf([]byte(s)) }
