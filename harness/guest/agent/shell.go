//go:build linux

package agent

import (
	"fmt"
	"os"
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
	pid, err := syscall.ForkExec(ShellPath, []string{"sh"}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=/bin:/sbin:/usr/bin", "HOME=/root", "USER=root", "TERM=" + term, "PS1=plugproof# "},
		Files: []uintptr{tty.Fd(), tty.Fd(), tty.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	})
	if err != nil {
		end.Error = fmt.Sprintf("starting %q: %v", ShellPath, err)
		return m.enc.Send(guest.Ended, end.Encode())
	}
	status, _, err := reap(pid)
	if err != nil {
		return fmt.Errorf("waiting for the shell: %w", err)
	}
	if status.Signaled() {
		end.Signal = int(status.Signal())
	} else {
		end.Exit = status.ExitStatus()
	}
	return m.enc.Send(guest.Ended, end.Encode())
}
