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

// port is a virtio-serial port in blocking mode, kept out of Go's poller (lmb/vimto#29, fixed there the same way).
type port struct{ fd int }

// openPort finds a port by its name and opens it. Ports appear some time after their driver was loaded.
func openPort(name string, mode int) (*port, error) {
	for range 1000 {
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
			return &port{fd}, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, fmt.Errorf("opening port %q: there is none", name)
}

// Read blocks until the host has written. The driver returns 0 while the host's end is closed.
func (p *port) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(p.fd, b)
		switch {
		case n > 0:
			return n, nil
		case err == syscall.EINTR || err == nil:
			time.Sleep(5 * time.Millisecond)
		default:
			return 0, err
		}
	}
}

// Write writes all of b.
func (p *port) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := syscall.Write(p.fd, b[done:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		if n == 0 {
			return done, io.ErrShortWrite
		}
		done += n
	}
	return done, nil
}
