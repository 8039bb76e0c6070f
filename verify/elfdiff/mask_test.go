package elfdiff

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// checkMask zeroes exactly what the report claims to differ, in both files, and takes the digests itself. The ranges of the gravest
// class are needed, and none of them is graver than the verdict.
func checkMask(t testing.TB, x, y []byte, r *Report) {
	t.Helper()
	if r.Mask == nil {
		if r.Proof == ProofMask {
			t.Fatalf("verdict %v is said to be proved by a mask, and there is none", r.Verdict)
		}
		return
	}
	if len(x) != len(y) {
		t.Fatalf("a mask for files of %d and %d bytes", len(x), len(y))
	}
	zeroed := func(b []byte, all bool) []byte {
		b = bytes.Clone(b)
		for _, m := range r.Mask.Ranges {
			if all || m.Verdict != r.Verdict {
				clear(b[m.Offset : m.Offset+m.Bytes])
			}
		}
		return b
	}
	p, q := zeroed(x, true), zeroed(y, true)
	if sum := sha256.Sum256(p); !bytes.Equal(p, q) || hex.EncodeToString(sum[:]) != r.Mask.SHA256 {
		t.Fatalf("verdict %v: the masked files are equal: %v; the digest is %s, claimed %x", r.Verdict, bytes.Equal(p, q), r.Mask.SHA256, sum)
	}
	if bytes.Equal(zeroed(x, false), zeroed(y, false)) {
		t.Errorf("verdict %v: the files are equal without what is of that class\n%s", r.Verdict, Text(r, true))
	}
	end := int64(0)
	for _, m := range r.Mask.Ranges {
		if m.Verdict > r.Verdict || m.Offset < end || m.Bytes <= 0 {
			t.Fatalf("verdict %v, range %+v after %d", r.Verdict, m, end)
		}
		end = m.Offset + m.Bytes
		if bytes.Equal(x[m.Offset:end], y[m.Offset:end]) {
			t.Errorf("range %+v does not differ", m)
		}
	}
}

func checkMaskOf(t testing.TB, a, b Input, r *Report) {
	t.Helper()
	read := func(in Input) []byte {
		x, err := io.ReadAll(io.NewSectionReader(in.R, 0, in.Size))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	checkMask(t, read(a), read(b), r)
}

// TestMasks changes bytes of every class, without moving anything, and lets each verdict be confirmed by its mask.
func TestMasks(t *testing.T) {
	base := newELF()
	x := base.bytes()
	rng := rand.New(rand.NewPCG(5, 6))
	seen := map[Verdict]int{}
	for i := range 2000 {
		y := bytes.Clone(x)
		for range 1 + rng.IntN(3) {
			at, n := 64+rng.IntN(len(y)-64), 1+rng.IntN(12)
			for j := at; j < min(at+n, len(y)); j++ {
				y[j] ^= byte(1 + rng.IntN(255))
			}
		}
		r, err := Compare(input("x", x), input("y", y))
		if err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
		checkMask(t, x, y, r)
		if r.Mask != nil {
			seen[r.Verdict]++
		}
	}
	for _, v := range []Verdict{BuildIDOnly, DebugOnly, SymbolTable, Data, Code, ABI} {
		if seen[v] == 0 {
			t.Errorf("no mask for verdict %v: %v", v, fmt.Sprint(seen))
		}
	}
}
