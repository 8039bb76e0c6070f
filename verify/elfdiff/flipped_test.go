package elfdiff

import (
	"bytes"
	"debug/elf"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestFlippedBytes compares two plugins that differ in their build IDs and in nothing else, in files of another layout, and flips one bit of
// one of them at a time. Each is found, and called as grave as what it lies in: no table is taken for derived that is not.
func TestFlippedBytes(t *testing.T) {
	b := newBuilder(t)
	trim := []string{"-trimpath", "-buildvcs=false"}
	x, err := os.ReadFile(b.build(build{args: trim}))
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b.build(build{args: append(slices.Clone(trim), "-ldflags=-buildid=")}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Compare(input("x", x), input("y", y))
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != BuildIDOnly || r.Proof != ProofStructure {
		t.Fatalf("before any flip the verdict is %v by %v\n%s", r.Verdict, r.Proof, Text(r, true))
	}
	f, err := elf.NewFile(bytes.NewReader(y))
	if err != nil {
		t.Fatal(err)
	}
	var secs []*elf.Section
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NOTE && s.Size > 0 {
			secs = append(secs, s)
		}
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range 100 {
		s := secs[i%len(secs)]
		at := s.Offset + rng.Uint64N(s.FileSize)
		old := y[at]
		y[at] ^= 1 << rng.IntN(8)
		want := Data
		switch {
		case strings.HasSuffix(s.Name, ".gopclntab"): // file names, lines
			want = DebugOnly
		case s.Flags&elf.SHF_EXECINSTR != 0:
			want = Code
		}
		if r, err := Compare(input("x", x), input("y", y)); err == nil && r.Verdict < want {
			t.Errorf("flip %d, %s+%#x: verdict is %v", i, s.Name, at-s.Offset, r.Verdict)
		}
		y[at] = old
	}
}
