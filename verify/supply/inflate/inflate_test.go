package inflate_test

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/plugproof/plugproof/verify/supply/inflate"
)

func compress(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// texts are data of several kinds; the longest are longer than the window and the buffers.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise, words, runs := make([]byte, 400_000), []byte{}, []byte{}
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for len(words) < 1_000_000 {
		words = append(words, []string{"func ", "return ", "x", "\t", "if err != nil {\n", "example.test/module"}[r.IntN(6)]...)
	}
	for len(runs) < 500_000 {
		runs = append(runs, bytes.Repeat([]byte{byte(r.IntN(3))}, 1+r.IntN(3000))...)
	}
	skewed := make([]byte, 300_000)
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 9) // long codes
	}
	return map[string][]byte{"nothing": nil, "one": {7}, "noise": noise, "words": words, "runs": runs, "skewed": skewed, "mixed": append(append(bytes.Clone(words), noise...), runs...)}
}

func TestAsFlate(t *testing.T) {
	for name, data := range texts() {
		for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.DefaultCompression, flate.BestCompression, flate.HuffmanOnly} {
			packed := compress(t, data, level)
			for _, in := range []io.Reader{bytes.NewReader(packed), iotest.HalfReader(bytes.NewReader(packed)), iotest.DataErrReader(bytes.NewReader(packed)),
				io.MultiReader(bytes.NewReader(packed), bytes.NewReader([]byte("more")))} {
				z := inflate.NewReader(in)
				got, err := io.ReadAll(z)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s, level %d: %d bytes of %d: %v", name, level, len(got), len(data), err)
				}
				z.Close()
			}
			z := inflate.NewReader(iotest.OneByteReader(bytes.NewReader(packed)))
			if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s, level %d, byte by byte: %d bytes of %d: %v", name, level, len(got), len(data), err)
			}
			z.Close()
		}
	}
}

// same decompresses with both, and fails where one takes what the other refuses or gives other bytes.
func same(t *testing.T, data []byte) {
	t.Helper()
	const limit = 1 << 22
	want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), limit))
	z := inflate.NewReader(bytes.NewReader(data))
	defer z.Close()
	got, err := io.ReadAll(io.LimitReader(z, limit))
	if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v; compress/flate: %d bytes, %v; of %x", len(got), err, len(want), wantErr, data)
	}
}

func TestCutAndFlipped(t *testing.T) {
	for _, level := range []int{flate.NoCompression, flate.DefaultCompression, flate.HuffmanOnly} {
		packed := compress(t, texts()["words"][:2000], level)
		for i := range packed {
			same(t, packed[:i])
			for bit := range 8 {
				packed[i] ^= 1 << bit
				same(t, packed)
				packed[i] ^= 1 << bit
			}
		}
	}
}

func FuzzAsFlate(f *testing.F) {
	for name, data := range texts() {
		f.Add(compress(f, data[:min(len(data), 3000)], len(name)%9))
	}
	f.Add([]byte{0x04, 0xc0, 0x81, 0x08, 0, 0, 0, 0, 0x20, 0x7f, 0xeb, 0x0b, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) { same(t, data) })
}

func BenchmarkWords(b *testing.B) {
	data := texts()["mixed"]
	packed := compress(b, data, 6)
	for name, open := range map[string]func(io.Reader) io.ReadCloser{"here": inflate.NewReader, "flate": flate.NewReader} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				z := open(bytes.NewReader(packed))
				if _, err := io.Copy(io.Discard, z); err != nil {
					b.Fatal(err)
				}
				z.Close()
			}
		})
	}
}
