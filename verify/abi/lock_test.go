package abi

import (
	"errors"
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
		"empty":           "",
		"text":            "hello\n",
		"newer":           strings.Replace(good, "lock 1", "lock 2", 1),
		"cut":             good[:len(good)/2],
		"no end":          good[:strings.LastIndex(good, "end ")],
		"changed":         strings.Replace(good, "go1.", "go2.", 1),
		"more at end":     good + "x\n",
		"another layout":  resign(strings.Replace(good, "moduledata 0", "moduledata 24", 1)),
		"twice":           resign(strings.Replace(good, "tls ", "tls false\ntls ", 1)),
		"out of order":    resign(strings.Replace(good, "tls ", "package 0011223344556677 \"b\"\npackage 0011223344556677 \"a\"\ntls ", 1)),
		"a package twice": resign(strings.Replace(good, "tls ", "package 0011223344556677 \"b\"\npackage 0011223344556677 \"b\"\ntls ", 1)),
		"unknown word":    resign(strings.Replace(good, "tls ", "sls ", 1)),
	} {
		if _, err := ParseLock([]byte(text)); !errors.Is(err, ErrLock) {
			t.Errorf("%s: ParseLock = %v", name, err)
		}
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
	f.Add(string(l.Text()))
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
