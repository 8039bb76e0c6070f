//go:build linux

package agent

import (
	"syscall"
	"time"
)

// reap collects dead processes, orphans too, until pid is among them.
func reap(pid int) (syscall.WaitStatus, syscall.Rusage, error) {
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		got, err := syscall.Wait4(-1, &status, 0, &usage)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return status, usage, err
		case got == pid:
			return status, usage, nil
		}
	}
}

// reapRest collects what was killed after the command's end, for at most a second.
func reapRest() {
	for range 100 {
		got, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.ECHILD {
			return
		}
		if got == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
}
