//go:build linux

package agent

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// port is a virtio-serial port in blocking mode, kept out of Go's poller (lmb/vimto#29, fixed there the same way). What is
// written waits for flush: each write is an interrupt.
type port struct {
	fd      int
	waiting []byte // written and not flushed
	read    []byte // read from the port and not from here
	buf     []byte
}

// portBuffer is how many bytes wait at most.
const portBuffer = 128 << 10

// tries is how often init looks every 10 ms for a device that appears some time after its driver was loaded. It is long: on a
// busy host the guest's clock runs and the guest does not; the host bounds the boot by CPU time.
const tries = 60_000

// openPort finds a port by its name and opens it.
func openPort(name string, mode int) (*port, error) {
	for range tries {
		files, err := filepath.Glob("/sys/class/virtio-ports/*/name")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			got, err := os.ReadFile(file)
			if err != nil || strings.TrimSpace(string(got)) != name {
				continue
			}
			dev := "/dev/" + filepath.Base(filepath.Dir(file))
			fd, err := syscall.Open(dev, mode|syscall.O_CLOEXEC, 0)
			if err != nil {
				return nil, fmt.Errorf("opening port %q: %w", name, err)
			}
			return &port{fd: fd, buf: make([]byte, 32<<10)}, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, fmt.Errorf("opening port %q: there is none", name)
}

// Read blocks until the host has written. The driver returns 0 while the host's end is closed.
func (p *port) Read(b []byte) (int, error) {
	for len(p.read) == 0 {
		n, err := syscall.Read(p.fd, p.buf)
		switch {
		case n > 0:
			p.read = p.buf[:n]
		case err == syscall.EINTR || err == nil:
			pause(5)
		default:
			return 0, err
		}
	}
	n := copy(b, p.read)
	p.read = p.read[n:]
	return n, nil
}

// Write keeps b until flush.
func (p *port) Write(b []byte) (int, error) {
	if len(p.waiting)+len(b) > portBuffer {
		if err := p.flush(); err != nil {
			return 0, err
		}
	}
	p.waiting = append(p.waiting, b...)
	return len(b), nil
}

// flush hands all that was written to the host.
func (p *port) flush() error {
	left := p.waiting
	p.waiting = p.waiting[:0]
	for len(left) > 0 {
		n, err := syscall.Write(p.fd, left)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
		left = left[n:]
	}
	return nil
}
