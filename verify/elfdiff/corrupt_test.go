package elfdiff

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// corrupt changes up to 8 places: bits, bytes, words of tempting values; half of them in the first and last kilobyte.
func corrupt(rng *rand.Rand, b []byte) []byte {
	out := append([]byte{}, b...)
	for range 1 + rng.IntN(8) {
		at := rng.IntN(len(out))
		switch rng.IntN(4) {
		case 0:
			at = rng.IntN(min(len(out), 1024))
		case 1:
			at = len(out) - 1 - rng.IntN(min(len(out), 1024))
		}
		switch rng.IntN(4) {
		case 0:
			out[at] ^= 1 << rng.IntN(8)
		case 1:
			out[at] = byte(rng.Uint32())
		case 2:
			if at+8 <= len(out) {
				v := []uint64{0, 1, ^uint64(0), 1 << 63, 1<<63 - 1, uint64(len(out)), 1 << 32}[rng.IntN(7)]
				binary.LittleEndian.PutUint64(out[at:], v)
			}
		case 3:
			if at+4 <= len(out) {
				binary.LittleEndian.PutUint32(out[at:], []uint32{0, 1, ^uint32(0), 1 << 31, uint32(len(out))}[rng.IntN(5)])
			}
		}
	}
	return out
}

func TestCutAndCorruptFiles(t *testing.T) {
	base := newELF().bytes()
	for i := 0; i <= len(base); i += 7 {
		checkPair(t, base, base[:i])
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		checkPair(t, base, corrupt(rng, base))
		checkPair(t, corrupt(rng, base), corrupt(rng, base))
	}
}
