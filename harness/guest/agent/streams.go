//go:build linux

package agent

import (
	"fmt"
	"syscall"

	"github.com/plugproof/plugproof/harness/guest"
)

// streams are the pipes of a running command: stdout, stderr and the report. Each is drained to its end whatever is kept.
type streams struct {
	each     [3]stream
	seen     int64 // bytes read
	generous bool  // after SIGQUIT, extra bytes are kept for the goroutine dump
	buf      []byte
}

// stream is one of them. Of what is beyond the limit the end is kept: why a program died is what it says last.
type stream struct {
	fd      int // -1 after its end
	kind    guest.Kind
	head    int64  // bytes sent
	tail    []byte // the last bytes that were not, at most 2*keepTail
	skipped int64  // bytes that were not sent, with those in tail
}

const (
	// extra is what is kept beyond the limit once the command was told to dump its goroutines, in bytes.
	extra = 128 << 10
	// keepTail is how much of a stream's end is kept beyond the limit, in bytes, but no more than the limit.
	keepTail = 32 << 10
)

// openStreams makes the pipes and returns the descriptors that the command gets, too.
func openStreams() (*streams, [3]int, error) {
	s := &streams{buf: make([]byte, guest.MaxPayload)}
	var theirs [3]int
	for i, kind := range []guest.Kind{guest.Stdout, guest.Stderr, guest.Report} {
		var ends [2]int
		if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
			return nil, theirs, fmt.Errorf("making a pipe: %w", err)
		}
		if err := syscall.SetNonblock(ends[0], true); err != nil {
			return nil, theirs, fmt.Errorf("making a pipe: %w", err)
		}
		s.each[i], theirs[i] = stream{fd: ends[0], kind: kind}, ends[1]
	}
	return s, theirs, nil
}

// drain takes what is in the pipes, at most about a megabyte, and says how much it was.
func (s *streams) drain(enc *guest.Encoder, limit int64) (int, error) {
	if limit <= 0 {
		limit = guest.DefaultOutputLimit
	}
	if s.generous {
		limit += extra
	}
	total := 0
	for i := range s.each {
		st := &s.each[i]
		for range 16 {
			if st.fd < 0 {
				break
			}
			n, err := syscall.Read(st.fd, s.buf)
			if err == syscall.EINTR {
				continue
			}
			if err != nil && err != syscall.EAGAIN || err == nil && n == 0 {
				syscall.Close(st.fd)
				st.fd = -1
			}
			if n <= 0 {
				break
			}
			total += n
			if err := st.keep(enc, s.buf[:n], limit); err != nil {
				return total, err
			}
		}
	}
	s.seen += int64(total)
	return total, nil
}

// keep sends what is within the limit and remembers the end of the rest.
func (st *stream) keep(enc *guest.Encoder, b []byte, limit int64) error {
	if n := min(int64(len(b)), max(0, limit-st.head)); n > 0 && st.skipped == 0 {
		if err := enc.Send(st.kind, b[:n]); err != nil {
			return err
		}
		st.head += n
		b = b[n:]
	}
	if len(b) == 0 {
		return nil
	}
	st.skipped += int64(len(b))
	st.tail = append(st.tail, b...)
	if most := int(min(keepTail, limit)); len(st.tail) > most {
		st.tail = append(st.tail[:0], st.tail[len(st.tail)-most:]...)
	}
	return nil
}

// finish sends the ends that were kept, and says of each stream what was dropped.
func (s *streams) finish(enc *guest.Encoder, end *guest.End) error {
	for i := range s.each {
		st := &s.each[i]
		end.Tail[i], end.Dropped[i] = int64(len(st.tail)), st.skipped-int64(len(st.tail))
		if len(st.tail) == 0 {
			continue
		}
		if err := enc.Send(st.kind, st.tail); err != nil {
			return err
		}
	}
	return nil
}

// open appends the descriptors that are not at their end.
func (s *streams) open(fds []pollFD) []pollFD {
	for _, st := range s.each {
		if st.fd >= 0 {
			fds = append(fds, pollFD{fd: int32(st.fd), events: pollIn})
		}
	}
	return fds
}

func (s *streams) close() {
	for i := range s.each {
		if s.each[i].fd >= 0 {
			syscall.Close(s.each[i].fd)
		}
	}
}
