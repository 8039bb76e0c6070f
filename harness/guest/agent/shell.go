//go:build linux

package agent

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/harness/guest"
)

// ShellPath is the shell of the userland.
const ShellPath = "/bin/sh"

// shell runs the shell as root on the machine's console and reports how it ended.
func (m *machine) shell(order guest.Order) error {
	end := guest.End{Exit: -1}
	active, err := os.ReadFile("/sys/class/tty/console/active")
	if err != nil {
		return fmt.Errorf("finding the console: %w", err)
	}
	names := strings.Fields(string(active))
	if len(names) == 0 {
		return fmt.Errorf("finding the console: there is none")
	}
	tty, err := os.OpenFile("/dev/"+names[len(names)-1], os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("opening the console: %w", err)
	}
	defer tty.Close()
	m.enc.Send(guest.Started, guest.Start{}.Encode())
	if err := m.out.flush(); err != nil { // from now on nothing that is typed is lost
		return err
	}
	term := order.Term
	if term == "" {
		term = "dumb"
	}
	if err := lead(tty); err != nil {
		return fmt.Errorf("making the console's session: %w", err)
	}
	pid, err := syscall.ForkExec(ShellPath, []string{"sh"}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=/bin:/sbin:/usr/bin", "HOME=/root", "USER=root", "TERM=" + term, "PS1=plugproof# "},
		Files: []uintptr{tty.Fd(), tty.Fd(), tty.Fd()},
		Sys:   &syscall.SysProcAttr{Foreground: true, Ctty: int(tty.Fd())},
	})
	if err != nil {
		end.Error = fmt.Sprintf("starting %q: %v", ShellPath, err)
		return m.enc.Send(guest.Ended, end.Encode())
	}
	signal.Ignore(syscall.SIGTTOU, syscall.SIGHUP) // drain is done from the background; no child may inherit this
	status, _, err := reap(pid)
	if err != nil {
		return fmt.Errorf("waiting for the shell: %w", err)
	}
	drain(tty)
	if status.Signaled() {
		end.Signal = int(status.Signal())
	} else {
		end.Exit = status.ExitStatus()
	}
	return m.enc.Send(guest.Ended, end.Encode())
}

// lead makes init the leader of a session that has the console. The end of a session's leader hangs its terminal up, and
// the kernel drops what has not been sent by then (disassociate_ctty, drivers/tty/tty_jobctrl.c): the shell must not be it.
func lead(tty *os.File) error {
	if _, err := syscall.Setsid(); err != nil && err != syscall.EPERM { // EPERM: it is a leader
		return os.NewSyscallError("setsid", err)
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, tty.Fd(), syscall.TIOCSCTTY, 0); errno != 0 {
		return os.NewSyscallError("ioctl TIOCSCTTY", errno)
	}
	return nil
}

// drain waits until the console has sent all that was written to it: the host switches the machine off as soon as it
// hears of the shell's end, on another channel. It is tcdrain(3).
func drain(tty *os.File) {
	const tcsbrk = 0x5409 // TCSBRK, ioctl_tty(2); amd64 and arm have the same number
	for {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, tty.Fd(), tcsbrk, 1)
		if errno != syscall.EINTR {
			return
		}
	}
}
