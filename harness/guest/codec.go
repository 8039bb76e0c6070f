package guest

import (
	"encoding/binary"
	"errors"
)

// Messages are written field by field: numbers as varints (encoding/binary), strings and lists with their length in front,
// truths as 0 or 1. JSON would do, but under emulation code that runs once costs most, and a JSON decoder is much code.

// ErrMessage says that bytes are not the message that they should be.
var ErrMessage = errors.New("bad message")

// writer appends fields.
type writer []byte

func (w *writer) num(n int64)   { *w = binary.AppendVarint(*w, n) }
func (w *writer) text(s string) { w.num(int64(len(s))); *w = append(*w, s...) }
func (w *writer) list(l []string) {
	w.num(int64(len(l)))
	for _, s := range l {
		w.text(s)
	}
}

func (w *writer) truth(b bool) {
	if b {
		w.num(1)
	} else {
		w.num(0)
	}
}

// fields takes them off the front. After the first that is not there all are empty, and done returns ErrMessage.
type fields struct {
	left []byte
	bad  bool
}

func (r *fields) num() int64 {
	n, size := binary.Varint(r.left)
	if size <= 0 {
		r.left, r.bad = nil, true
		return 0
	}
	r.left = r.left[size:]
	return n
}

func (r *fields) truth() bool { return r.num() != 0 }

// length is the number of things to come, of which each takes at least one byte.
func (r *fields) length() int {
	n := r.num()
	if n < 0 || n > int64(len(r.left)) {
		r.left, r.bad = nil, true
		return 0
	}
	return int(n)
}

func (r *fields) text() string {
	n := r.length()
	s := string(r.left[:n])
	r.left = r.left[n:]
	return s
}

func (r *fields) list() []string {
	n := r.length()
	if n == 0 {
		return nil
	}
	l := make([]string, 0, n)
	for range n {
		l = append(l, r.text())
	}
	return l
}

// done says whether all fields were there and nothing else.
func (r *fields) done() error {
	if r.bad || len(r.left) > 0 {
		return ErrMessage
	}
	return nil
}
