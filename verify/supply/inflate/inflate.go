// Package inflate decompresses DEFLATE (RFC 1951). It takes what compress/flate takes and gives the same bytes, in half the time: a
// kit's toolchains are proved by what their zips hold, and decompressing them is most of that.
package inflate

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// ErrCorrupt says that the data are not DEFLATE's. Data that end early give io.ErrUnexpectedEOF.
var ErrCorrupt = errors.New("the compressed data are damaged")

const (
	window = 32 << 10 // bytes of history, RFC 1951 section 2
	inSize = 64 << 10
	// inSlack is how far the decoder may look beyond the input, in bytes: zeros, and an error once it uses them.
	inSlack = 32
	outSize = window + 128<<10
	// outSlack is what one turn of the decoder writes at most, in bytes: two literals, a match of 258, and 7 beyond it.
	outSlack = 288
)

// A reader decompresses one stream.
type reader struct {
	src  io.Reader
	in   [inSize + inSlack]byte
	ip   int // next byte of in
	iend int // end of the bytes in it
	eof  bool

	bits uint64 // the next nb bits of the stream; those above are either zero or the right ones already
	nb   uint

	out    [outSize]byte
	rp, op int // what is to be read of out, and where the next byte goes
	err    error

	block  func(*reader) error // decodes on in the block that was begun; nil between blocks
	final  bool
	stored int // bytes that are left of a stored block
	lit    litTable
	dist   distTable
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// NewReader decompresses what r gives; it fits zip.Decompressor. Close it, so that its memory is used again.
func NewReader(r io.Reader) io.ReadCloser {
	z := readers.Get().(*reader)
	z.src, z.ip, z.iend, z.eof = r, 0, 0, false
	z.bits, z.nb, z.rp, z.op, z.err = 0, 0, 0, 0, nil
	z.block, z.final, z.stored = nil, false, 0
	return &handle{z}
}

// handle keeps a reader that was given back from being read.
type handle struct{ z *reader }

func (h *handle) Read(p []byte) (int, error) {
	if h.z == nil {
		return 0, io.ErrClosedPipe
	}
	return h.z.read(p)
}

func (h *handle) Close() error {
	if h.z != nil {
		h.z.src = nil
		readers.Put(h.z)
		h.z = nil
	}
	return nil
}

func (z *reader) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for z.rp == z.op {
		if z.err != nil {
			return 0, z.err
		}
		if z.op > outSize-2*outSlack {
			copy(z.out[:window], z.out[z.op-window:z.op])
			z.rp, z.op = window, window
		}
		z.err = z.step()
	}
	n := copy(p, z.out[z.rp:z.op])
	z.rp += n
	return n, nil
}

// step decodes until the output is full or a block ends.
func (z *reader) step() error {
	if z.block == nil {
		if z.final {
			return io.EOF
		}
		return z.begin()
	}
	return z.block(z)
}

// more reads input. Bytes that wait in bits go back first.
func (z *reader) more() error {
	z.ip -= int(z.nb >> 3)
	z.nb &= 7
	z.bits &= 1<<z.nb - 1
	if z.eof {
		return io.ErrUnexpectedEOF
	}
	z.iend = copy(z.in[:], z.in[z.ip:z.iend])
	z.ip = 0
	for tries := 0; ; tries++ {
		n, err := z.src.Read(z.in[z.iend:inSize])
		z.iend += n
		switch {
		case err == io.EOF:
			z.eof = true
			clear(z.in[z.iend : z.iend+inSlack])
			return nil
		case err != nil:
			return err
		case n > 0:
			return nil
		case tries > 100:
			return io.ErrNoProgress
		}
	}
}

// need reads bytes until n bits wait, and not one byte more.
func (z *reader) need(n uint) error {
	for z.nb < n {
		if z.ip >= z.iend {
			if err := z.more(); err != nil {
				return err
			}
			if z.ip >= z.iend {
				return io.ErrUnexpectedEOF
			}
		}
		z.bits |= uint64(z.in[z.ip]) << z.nb
		z.ip++
		z.nb += 8
	}
	return nil
}

// take reads n bits, at most 16.
func (z *reader) take(n uint) (uint, error) {
	if err := z.need(n); err != nil {
		return 0, err
	}
	v := uint(z.bits & (1<<n - 1))
	z.bits >>= n
	z.nb -= n
	return v, nil
}

// copyStored copies bytes of a stored block.
func (z *reader) copyStored() error {
	for z.stored > 0 && z.op <= outSize-outSlack {
		if z.ip >= z.iend {
			if err := z.more(); err != nil {
				return err
			}
			if z.ip >= z.iend {
				return io.ErrUnexpectedEOF
			}
		}
		n := copy(z.out[z.op:outSize-outSlack+1], z.in[z.ip:min(z.iend, z.ip+z.stored)])
		z.ip, z.op, z.stored = z.ip+n, z.op+n, z.stored-n
	}
	if z.stored == 0 {
		z.block = nil
	}
	return nil
}

// decode decodes symbols of a compressed block (RFC 1951, section 3.2.3).
func (z *reader) decode() error {
	in, out := &z.in, &z.out
	ip, op, bits, nb := z.ip, z.op, z.bits, z.nb
	err := error(nil)
	for op <= outSize-outSlack {
		if ip > z.iend-2*8 {
			if !z.eof {
				z.ip, z.op, z.bits, z.nb = ip, op, bits, nb
				if err = z.more(); err != nil {
					return err
				}
				ip, bits, nb = z.ip, z.bits, z.nb
				continue
			}
			if ip-int(nb>>3) > z.iend {
				err = io.ErrUnexpectedEOF
				break
			}
		}
		bits |= binary.LittleEndian.Uint64(in[ip:]) << (nb & 63)
		ip += int((63 - nb) >> 3)
		nb |= 56
		e := z.lit[bits&(1<<litBits-1)]
		if e&literal != 0 {
			out[op] = byte(e >> valueShift)
			op++
			bits >>= e & lengthMask
			nb -= uint(e & lengthMask)
			e = z.lit[bits&(1<<litBits-1)]
			if e&literal != 0 {
				out[op] = byte(e >> valueShift)
				op++
				bits >>= e & lengthMask
				nb -= uint(e & lengthMask)
				continue
			}
			bits |= binary.LittleEndian.Uint64(in[ip:]) << (nb & 63)
			ip += int((63 - nb) >> 3)
			nb |= 56
		}
		if e&special != 0 {
			if e&subTable != 0 {
				bits >>= litBits
				nb -= litBits
				e = z.lit[e>>valueShift+uint32(bits)&(1<<(e>>extraShift&extraMask)-1)]
			}
			if e&literal != 0 {
				out[op] = byte(e >> valueShift)
				op++
				bits >>= e & lengthMask
				nb -= uint(e & lengthMask)
				continue
			}
			if e&special != 0 {
				if e&endOfBlock == 0 {
					err = ErrCorrupt
					break
				}
				bits >>= e & lengthMask
				nb -= uint(e & lengthMask)
				z.block = nil
				break
			}
		}
		bits >>= e & lengthMask
		nb -= uint(e & lengthMask)
		extra := e >> extraShift & extraMask
		n := int(e>>valueShift) + int(bits&(1<<extra-1))
		bits >>= extra
		nb -= uint(extra)

		e = z.dist[bits&(1<<distBits-1)]
		if e&special != 0 {
			if e&subTable != 0 {
				bits >>= distBits
				nb -= distBits
				e = z.dist[e>>valueShift+uint32(bits)&(1<<(e>>extraShift&extraMask)-1)]
			}
			if e&special != 0 {
				err = ErrCorrupt
				break
			}
		}
		bits >>= e & lengthMask
		nb -= uint(e & lengthMask)
		extra = e >> extraShift & extraMask
		d := int(e>>valueShift) + int(bits&(1<<extra-1))
		bits >>= extra
		nb -= uint(extra)
		from := op - d
		if from < 0 {
			err = ErrCorrupt
			break
		}
		switch end := op + n; {
		case d >= 8:
			for ; op < end; op, from = op+8, from+8 {
				binary.LittleEndian.PutUint64(out[op:], binary.LittleEndian.Uint64(out[from:]))
			}
			op = end
		default:
			for ; op < end; op, from = op+1, from+1 {
				out[op] = out[from]
			}
		}
	}
	z.ip, z.op, z.bits, z.nb = ip, op, bits, nb
	if err == nil && z.eof && ip-int(nb>>3) > z.iend {
		err = io.ErrUnexpectedEOF
	}
	return err
}
