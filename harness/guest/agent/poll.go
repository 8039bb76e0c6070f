//go:build linux

package agent

import (
	"syscall"
	"unsafe"
)

// pollFD is struct pollfd of poll(2).
type pollFD struct {
	fd      int32
	events  int16
	revents int16
}

const pollIn = 1 // POLLIN

// poll waits until one of the descriptors can be read or has come to its end, at most ms milliseconds. Init waits for all
// it waits for here, in one thread: each further one would be woken in every restored machine.
func poll(fds []pollFD, ms int64) {
	wait := syscall.NsecToTimespec(ms * 1e6)
	var first unsafe.Pointer
	if len(fds) > 0 {
		first = unsafe.Pointer(&fds[0])
	}
	for i := range fds {
		fds[i].revents = 0
	}
	syscall.Syscall6(syscall.SYS_PPOLL, uintptr(first), uintptr(len(fds)), uintptr(unsafe.Pointer(&wait)), 0, 0, 0)
}

// pause waits ms milliseconds.
func pause(ms int64) { poll(nil, ms) }

// unread is how many bytes the console has taken and not handed to the host (TIOCOUTQ of ioctl_tty(2)); 0 if it does not say.
func unread() int32 {
	const outQueue = 0x5411
	var n int32
	if ioctl(2, outQueue, unsafe.Pointer(&n)) != nil {
		return 0
	}
	return n
}
