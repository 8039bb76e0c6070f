package abi

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/plugproof/plugproof/images/links"
)

// self is the running test binary as a host: a Go program, though one that cannot load plugins.
func self(t testing.TB) Input {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, done := OpenInput(path)
	t.Cleanup(func() { done() })
	if in.R == nil || runtime.GOOS != "linux" {
		t.Skip("the test binary cannot be read as an ELF file")
	}
	return in
}

func inputOf(name string, b []byte) Input {
	return Input{Path: name, Real: "/" + name, R: bytes.NewReader(b), Size: int64(len(b))}
}

// TestCorrupted changes bytes of a plugin and of a host, half of them in the headers and dynamic tables: an answer or an error in bounded memory.
func TestCorrupted(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	y.build("host", "base", "host", nil, "-ldflags=-s -w")
	y.build("p1.so", "base", "p1", nil, "-ldflags=-s -w")
	host, plugin := y.read("host"), y.read("p1.so")
	const limit = 128 << 20 // bytes allocated in all for one answer
	rng := rand.New(rand.NewPCG(3, 4))
	var before, after runtime.MemStats
	for i := range 250 {
		h, p := host, plugin
		target := &p
		if i%4 == 3 {
			target = &h
		}
		b := bytes.Clone(*target)
		for range 1 + rng.IntN(8) {
			at := rng.IntN(len(b))
			switch i % 3 {
			case 0:
				at = rng.IntN(1024) // headers
			case 1:
				at = rng.IntN(600 << 10) // the dynamic tables come first
			}
			b[at] = byte(rng.Uint32())
		}
		if i%10 == 0 {
			b = b[:rng.IntN(len(b))]
		}
		*target = b
		runtime.ReadMemStats(&before)
		r, err := Predict(inputOf("host", h), []Input{inputOf("p1.so", p), inputOf("p2.so", plugin)}, Options{Root: links.Dir("/"), NoDigest: true})
		if err == nil && len(r.Plugins) != 2 {
			t.Errorf("corruption %d: %d answers for 2 plugins", i, len(r.Plugins))
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > limit {
			t.Fatalf("corruption %d: %d bytes were allocated", i, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

func FuzzPredict(f *testing.F) {
	host := self(f)
	f.Add([]byte("text"))
	f.Add(append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		Predict(inputOf("host", b), nil, Options{NoDigest: true})
		Predict(host, []Input{inputOf("p.so", b)}, Options{NoDigest: true})
		mach := &machines[0]
		(&process{mach: mach}).muslMap("x", bytes.NewReader(b), int64(len(b)))
		glibcVerify(bytes.NewReader(b), int64(len(b)), mach)
	})
}
