package elfdiff

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzCompare: no panic; equal bytes are identical and others are not; the verdict does not depend on the order.
func FuzzCompare(f *testing.F) {
	base := newELF().bytes()
	f.Add(base, base)
	for _, edit := range []func(*testELF){
		func(e *testELF) { e.sec(".text").data[20] ^= 1 },
		func(e *testELF) { e.grow(".rodata", 32) },
		func(e *testELF) { e.drop(".debug_line") },
		func(e *testELF) { e.rename("main.b", "main.c") },
		func(e *testELF) { e.machine = 40 },
	} {
		e := newELF()
		edit(e)
		f.Add(base, e.bytes())
	}
	f.Add(base[:100], base)
	f.Add([]byte("\x7fELF"), []byte{})
	f.Fuzz(func(t *testing.T, x, y []byte) { checkPair(t, x, y) })
}

func checkPair(t *testing.T, x, y []byte) {
	t.Helper()
	r, err := Compare(input("x", x), input("y", y))
	back, errBack := Compare(input("y", y), input("x", x))
	if (err == nil) != (errBack == nil) {
		t.Fatalf("errors %v and %v", err, errBack)
	}
	if err != nil {
		if in := (*InputError)(nil); !errors.As(err, &in) {
			t.Fatalf("error %v is no InputError", err)
		}
		return
	}
	if r.Identical != bytes.Equal(x, y) || (r.Verdict == Identical) != r.Identical {
		t.Fatalf("identical is %v, verdict %v", r.Identical, r.Verdict)
	}
	if r.Verdict != back.Verdict {
		t.Fatalf("verdict is %v one way and %v the other\n%s\n%s", r.Verdict, back.Verdict, Text(r, true), Text(back, true))
	}
	if r.Bytes.Explained > r.Bytes.Differing || r.Bytes.Moved > r.Bytes.Differing || r.Bytes.Differing < 0 {
		t.Fatalf("bytes are %+v", r.Bytes)
	}
	checkMask(t, x, y, r)
	if !r.Identical && len(r.Causes) == 0 {
		t.Fatal("no cause, not even unknown")
	}
	Text(r, true)
}

func FuzzAlign(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog"), []byte("the quick brown cat and fox jumps over the lazy dog"))
	f.Fuzz(func(t *testing.T, x, y []byte) {
		a, b := 0, 0
		for _, m := range align(x, y) {
			if m.a < a || m.b < b || m.n <= 0 || m.a+m.n > len(x) || m.b+m.n > len(y) {
				t.Fatalf("match %+v after %d, %d", m, a, b)
			}
			a, b = m.a+m.n, m.b+m.n
		}
		if n := unmatched(x, y, align(x, y)); (n == 0) != bytes.Equal(x, y) {
			t.Fatalf("%d bytes differ", n)
		}
	})
}
