package sealed

import (
	"encoding/binary"
	"math/bits"
)

// blakeIV are the first 64 bits of the fractional parts of the square roots of the first eight primes (RFC 7693, 2.6).
var blakeIV = [8]uint64{
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
}

// blakeSigma orders the message words of each round (RFC 7693, 2.7); rounds 10 and 11 use rows 0 and 1 again.
var blakeSigma = [10][16]byte{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}

// blake2b512 is the unkeyed BLAKE2b hash of 64 bytes (RFC 7693). The standard library has none.
func blake2b512(data []byte) [64]byte {
	h := blakeIV
	h[0] ^= 0x01010000 ^ 64
	var n uint64
	for len(data) > 128 {
		n += 128
		blakeBlock(&h, data[:128], n, false)
		data = data[128:]
	}
	var last [128]byte
	copy(last[:], data)
	blakeBlock(&h, last[:], n+uint64(len(data)), true)
	var out [64]byte
	for i, x := range h {
		binary.LittleEndian.PutUint64(out[8*i:], x)
	}
	return out
}

func blakeBlock(h *[8]uint64, block []byte, n uint64, last bool) {
	var m, v [16]uint64
	for i := range m {
		m[i] = binary.LittleEndian.Uint64(block[8*i:])
	}
	copy(v[:8], h[:])
	copy(v[8:], blakeIV[:])
	v[12] ^= n
	if last {
		v[14] = ^v[14]
	}
	for r := 0; r < 12; r++ {
		s := &blakeSigma[r%10]
		for i := 0; i < 4; i++ {
			blakeMix(&v, i, 4+i, 8+i, 12+i, m[s[2*i]], m[s[2*i+1]])
		}
		for i := 0; i < 4; i++ {
			blakeMix(&v, i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4, m[s[8+2*i]], m[s[8+2*i+1]])
		}
	}
	for i := range h {
		h[i] ^= v[i] ^ v[i+8]
	}
}

func blakeMix(v *[16]uint64, a, b, c, d int, x, y uint64) {
	v[a] += v[b] + x
	v[d] = bits.RotateLeft64(v[d]^v[a], -32)
	v[c] += v[d]
	v[b] = bits.RotateLeft64(v[b]^v[c], -24)
	v[a] += v[b] + y
	v[d] = bits.RotateLeft64(v[d]^v[a], -16)
	v[c] += v[d]
	v[b] = bits.RotateLeft64(v[b]^v[c], -63)
}
