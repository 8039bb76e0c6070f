package vm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/plugproof/plugproof/harness/proc"
)

// qemu is a running QEMU with its sockets.
type qemu struct {
	name    string // in its command line
	process *proc.Process
	monitor net.Conn
	console net.Conn
	in      net.Conn // to the guest
	out     net.Conn // from the guest
	stderr  *tail
	screen  *tail // what the console said last
	pid     int   // 0 until known
	copying sync.WaitGroup
	ended   chan struct{}
	result  proc.Result
	err     error
}

// consoleTail is how much of the console's end is kept, in bytes.
const consoleTail = 64 << 10

// start starts QEMU on the machine. Console output goes to the tail and to talk, if that is not nil; extra are further
// files for QEMU, from descriptor fdFree on.
func (m *Machine) start(ctx context.Context, l launch, talk io.Writer, extra ...*os.File) (*qemu, error) {
	q := &qemu{stderr: newTail(16 << 10), screen: newTail(consoleTail), ended: make(chan struct{})}
	var id [8]byte
	rand.Read(id[:])
	q.name = "plugproof-" + hex.EncodeToString(id[:])
	l.name = q.name
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	for _, ours := range []*net.Conn{&q.monitor, &q.console, &q.in, &q.out} {
		conn, file, err := socketPair()
		if err != nil {
			q.closeSockets()
			return nil, fmt.Errorf("starting QEMU: %w", err)
		}
		*ours, theirs = conn, append(theirs, file)
	}
	p, err := proc.Start(ctx, proc.Cmd{
		Path: m.QEMU, Args: m.args(l),
		Stdout: q.stderr, Stderr: q.stderr, ExtraFiles: slices.Concat(theirs, []*os.File{l.disk}, extra), Umask: -1,
		Env: []string{"TMPDIR=" + os.TempDir()},
	})
	if err != nil {
		q.closeSockets()
		if errors.Is(err, os.ErrNotExist) {
			return nil, &MissingError{Program: m.Model.QEMU, Package: m.Model.Debian}
		}
		return nil, fmt.Errorf("starting QEMU: %w", err)
	}
	q.process = p
	q.copying.Add(1)
	go func() {
		defer q.copying.Done()
		var w io.Writer = q.screen
		if talk != nil {
			w = io.MultiWriter(q.screen, talk)
		}
		io.Copy(w, q.console)
	}()
	go func() {
		q.result, q.err = p.Wait()
		close(q.ended)
	}()
	return q, nil
}

// kill ends QEMU and waits until it is gone and all that its console said has been passed on: that outlives it in the
// socket, whose other end nobody else has.
func (q *qemu) kill() {
	q.process.Kill()
	<-q.ended
	q.copying.Wait()
	q.closeSockets()
}

func (q *qemu) closeSockets() {
	for _, c := range []net.Conn{q.monitor, q.console, q.in, q.out} {
		if c != nil {
			c.Close()
		}
	}
}

// socketPair is a connected pair of stream sockets: a connection for us and a file for QEMU. No path, no port, no race.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	mine, theirs := os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket")
	conn, err := net.FileConn(mine)
	mine.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	return conn, theirs, nil
}

// MissingError says that QEMU is not installed.
type MissingError struct {
	Program string
	Package string // Debian's
}

func (e *MissingError) Error() string { return fmt.Sprintf("%q is not installed", e.Program) }

// Hint is what to do about it.
func (e *MissingError) Hint() string {
	return fmt.Sprintf("run `make deps`, or install the package %s", e.Package)
}

// tail keeps the last bytes that were written to it.
type tail struct {
	mu    sync.Mutex
	buf   []byte
	limit int
	total int64
	panic bool // a kernel's panic went by
}

func newTail(limit int) *tail { return &tail{limit: limit} }

// panicText begins the kernel's last words (kernel/panic.c).
const panicText = "Kernel panic - not syncing"

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += int64(len(p))
	overlap := max(0, len(t.buf)-len(panicText))
	t.buf = append(t.buf, p...)
	if bytes.Contains(t.buf[overlap:], []byte(panicText)) {
		t.panic = true
	}
	if len(t.buf) > 2*t.limit {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-t.limit:]...)
	}
	return len(p), nil
}

// String is what is kept, at most limit bytes.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf[max(0, len(t.buf)-t.limit):])
}

func (t *tail) panicked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.panic
}

func (t *tail) count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}
