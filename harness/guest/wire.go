// Package guest is what the two ends of a virtual machine's result channel agree on: frames, jobs and reports. The
// folder agent holds the guest's own end, PID 1 of the virtual machine.
//
// The package and the agent import the standard library only: their sources are embedded here, and the agent is compiled
// from them on demand, for the guest's architecture.
//
// A frame is a header of 32 bytes (magic "ppf1", kind, 3 bytes of zero, sequence number, length, nonce of 16 bytes; numbers
// little-endian), the payload, and the CRC-32C of both. Numbers rise by one; the nonce is the run's, told to the guest
// after it was booted or restored and known to no process in it but PID 1, so that nothing else can speak for it.
package guest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// Kind says what a frame carries.
type Kind byte

// The kinds. Ready is sent once per boot with a zero nonce; Hello and Interrupt go to the guest; all others come from it.
const (
	Ready     Kind = 1 + iota // JSON of Greeting
	Hello                     // a byte that is 1 if no more of it follows, and a part of the Order
	Interrupt                 // empty: end the running command with SIGQUIT, then SIGKILL
	Started                   // Start
	Stdout                    // bytes of the command's standard output
	Stderr                    // of its standard error
	Report                    // of its file descriptor 3
	Beat                      // Pulse
	Ended                     // End
	Done                      // Seal: all was sent
	Failed                    // text: the agent cannot go on
	Kept                      // Piece
	kinds
)

// Nonce marks the frames of one run.
type Nonce [16]byte

const (
	magic      = "ppf1"
	headerSize = 32
	// MaxPayload is the longest payload of a frame in bytes.
	MaxPayload = 64 << 10
)

// ErrFrame is wrapped by every error about bytes that are not the next frame.
var ErrFrame = errors.New("bad frame")

// Frame is one message.
type Frame struct {
	Kind    Kind
	Payload []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encoder writes frames, each with one Write, and may be used by several goroutines.
type Encoder struct {
	mu    sync.Mutex
	w     io.Writer
	nonce Nonce
	next  uint32
	sum   uint32 // CRC-32C of all frames
	buf   []byte
}

// NewEncoder begins a stream of frames at number 0.
func NewEncoder(w io.Writer, nonce Nonce) *Encoder { return &Encoder{w: w, nonce: nonce} }

// Send writes one frame; a payload longer than MaxPayload is an error.
func (e *Encoder) Send(kind Kind, payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("sending frame: payload of %d bytes, at most %d", len(payload), MaxPayload)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b := append(e.buf[:0], magic...)
	b = append(b, byte(kind), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[8:], e.next)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(payload)))
	b = append(b, e.nonce[:]...)
	b = append(b, payload...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	e.buf = b
	if _, err := e.w.Write(b); err != nil {
		return fmt.Errorf("sending frame %d: %w", e.next, err)
	}
	e.next++
	e.sum = crc32.Update(e.sum, castagnoli, b)
	return nil
}

// Seal is what was sent so far.
func (e *Encoder) Seal() Seal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Seal{Frames: e.next, Sum: e.sum}
}

// Decoder reads what one Encoder wrote and accepts nothing else.
type Decoder struct {
	r     io.Reader
	nonce Nonce
	next  uint32
	seal  Seal
}

// NewDecoder expects frame 0 with the nonce.
func NewDecoder(r io.Reader, nonce Nonce) *Decoder { return &Decoder{r: r, nonce: nonce} }

// Next returns the next frame, io.EOF at an end between frames, or an error that wraps ErrFrame.
func (d *Decoder) Next() (Frame, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		if err == io.ErrUnexpectedEOF {
			return Frame{}, fmt.Errorf("%w: the stream ends within header %d", ErrFrame, d.next)
		}
		return Frame{}, err
	}
	number, length := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	switch {
	case string(head[:4]) != magic:
		return Frame{}, fmt.Errorf("%w: magic %q in place of frame %d", ErrFrame, head[:4], d.next)
	case head[4] == 0 || Kind(head[4]) >= kinds || head[5]|head[6]|head[7] != 0:
		return Frame{}, fmt.Errorf("%w: frame %d has the unknown kind %d", ErrFrame, d.next, head[4])
	case number != d.next:
		return Frame{}, fmt.Errorf("%w: number %d in place of %d", ErrFrame, number, d.next)
	case length > MaxPayload:
		return Frame{}, fmt.Errorf("%w: frame %d claims %d bytes, at most %d", ErrFrame, d.next, length, MaxPayload)
	case !bytes.Equal(head[16:], d.nonce[:]):
		return Frame{}, fmt.Errorf("%w: frame %d does not carry this run's nonce", ErrFrame, d.next)
	}
	body := make([]byte, length+4)
	if _, err := io.ReadFull(d.r, body); err != nil {
		return Frame{}, fmt.Errorf("%w: the stream ends within frame %d: %w", ErrFrame, d.next, err)
	}
	crc := crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, body[:length])
	if crc != binary.LittleEndian.Uint32(body[length:]) {
		return Frame{}, fmt.Errorf("%w: frame %d has a wrong checksum", ErrFrame, d.next)
	}
	if Kind(head[4]) != Done { // the seal covers what came before it
		d.seal.Frames++
		d.seal.Sum = crc32.Update(crc32.Update(d.seal.Sum, castagnoli, head[:]), castagnoli, body)
	}
	d.next++
	return Frame{Kind: Kind(head[4]), Payload: body[:length:length]}, nil
}

// Seal is Encoder.Seal of the frames read so far, without the seal itself.
func (d *Decoder) Seal() Seal { return d.seal }
