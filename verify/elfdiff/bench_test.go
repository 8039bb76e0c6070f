package elfdiff

import (
	"os"
	"testing"
)

// Peers, measured with diffoscope on two 5 MB plugins that differ by their build path: 30 CPU seconds and 34 MB of text.

// BenchmarkCompare compares the pair of files that PLUGPROOF_BENCH_A and PLUGPROOF_BENCH_B name.
func BenchmarkCompare(b *testing.B) {
	nameA, nameB := os.Getenv("PLUGPROOF_BENCH_A"), os.Getenv("PLUGPROOF_BENCH_B")
	if nameA == "" || nameB == "" {
		b.Skip("PLUGPROOF_BENCH_A and PLUGPROOF_BENCH_B name no files")
	}
	open := func(name string) Input {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		if err != nil {
			b.Fatal(err)
		}
		return Input{Path: name, R: f, Size: info.Size()}
	}
	inA, inB := open(nameA), open(nameB)
	b.SetBytes(inA.Size + inB.Size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compare(inA, inB); err != nil {
			b.Fatal(err)
		}
	}
}
