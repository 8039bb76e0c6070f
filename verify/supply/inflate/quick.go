package inflate

import "encoding/binary"

// How far from the ends of source and destination quick stops, in bytes: it reads eight bytes up to three times in a turn, and writes two
// literals and a match of 258 bytes in words of eight.
const (
	quickSource = 32
	quickRoom   = 288
)

// quick decodes symbols while neither end is near. Bits above the first n of b are those that follow, so reading them again changes nothing.
func (s *stream) quick() (ended bool, err error) {
	src, dst, lit, dist := s.src, s.dst, &s.t.lit, &s.t.dist
	p, o, b, n := s.p, s.o, s.b, s.n
	for p <= len(src)-quickSource && o <= len(dst)-quickRoom {
		b |= binary.LittleEndian.Uint64(src[p:]) << (n & 63)
		p += int((63 - n) >> 3)
		n |= 56
		e := lit[b&(1<<litBits-1)]
		if int32(e) < 0 { // three literals have at most 33 of the 56 bits
			b >>= e & 63
			n -= uint(e & 63)
			dst[o] = byte(e >> 16)
			o++
			if e = lit[b&(1<<litBits-1)]; int32(e) < 0 {
				b >>= e & 63
				n -= uint(e & 63)
				dst[o] = byte(e >> 16)
				o++
				if e = lit[b&(1<<litBits-1)]; int32(e) < 0 {
					b >>= e & 63
					n -= uint(e & 63)
					dst[o] = byte(e >> 16)
					o++
					continue
				}
			}
			b |= binary.LittleEndian.Uint64(src[p:]) << (n & 63)
			p += int((63 - n) >> 3)
			n |= 56
		}
		if e&flagOther != 0 {
			if e&flagSub != 0 {
				e = lit[e>>16+uint32(b>>litBits)&(1<<(e>>8&15)-1)]
			}
			if int32(e) < 0 {
				b >>= e & 63
				n -= uint(e & 63)
				dst[o] = byte(e >> 16)
				o++
				continue
			}
			if e&flagEnd != 0 {
				b >>= e & 63
				n -= uint(e & 63)
				ended = true
				break
			}
			if e&flagOther != 0 {
				err = errCorrupt
				break
			}
		}
		length := int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15)) // code and more: 20 bits, and a distance's 28
		b >>= e & 63
		n -= uint(e & 63)
		if e = dist[b&(1<<distBits-1)]; e&flagOther != 0 {
			if e&flagSub != 0 {
				e = dist[e>>16+uint32(b>>distBits)&(1<<(e>>8&15)-1)]
			}
			if e&flagOther != 0 {
				err = errCorrupt
				break
			}
		}
		distance := int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15))
		b >>= e & 63
		n -= uint(e & 63)
		if distance > o {
			err = errCorrupt
			break
		}
		from, end := o-distance, o+length
		switch {
		case distance >= 8:
			for ; o < end; o, from = o+8, from+8 {
				binary.LittleEndian.PutUint64(dst[o:], binary.LittleEndian.Uint64(dst[from:]))
			}
		case distance == 1:
			for v := uint64(dst[from]) * 0x0101010101010101; o < end; o += 8 {
				binary.LittleEndian.PutUint64(dst[o:], v)
			}
		default:
			for ; o < end; o, from = o+1, from+1 {
				dst[o] = dst[from]
			}
		}
		o = end
	}
	s.p, s.o, s.b, s.n = p, o, b&(1<<(n&63)-1), n
	return ended, err
}
