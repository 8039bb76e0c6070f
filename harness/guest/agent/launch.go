//go:build linux

package agent

import (
	"encoding/binary"
	"os"
	"runtime"
	"syscall"

	"github.com/plugproof/plugproof/harness/guest"
)

// A command is not forked off init when it is ordered: a process of init's own program, the launcher, is made before the
// machine is saved, with all that needs no order (box, pipes, user, no_new_privs), and waits for the command on a pipe. A
// restored machine so has only to execute it.

// launcherName is the launcher's argv[0].
const launcherName = "plugproof-launcher"

// Descriptors of the launcher beyond the command's own four.
const (
	fdOrder   = 4
	fdTrouble = 5
)

func init() {
	runtime.LockOSThread() // no_new_privs belongs to the thread that executes the command
}

// launch waits for a command and becomes it. It comes back if it cannot.
func launch() {
	const setNoNewPrivs = 38 // PR_SET_NO_NEW_PRIVS, prctl(2)
	syscall.CloseOnExec(fdOrder)
	syscall.CloseOnExec(fdTrouble)
	if os.Getuid() != 0 {
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
			complain("no_new_privs: " + errno.Error())
			return
		}
	}
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, 0) // init's own is higher
	syscall.Write(fdTrouble, []byte{0})             // ready
	raw, ok := readOrder()
	if !ok {
		return // init has no use for it
	}
	c, err := guest.DecodeCommand(raw)
	if err != nil {
		complain(err.Error())
		return
	}
	if !c.Report {
		syscall.CloseOnExec(3)
	}
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	if err := syscall.Chdir(dir); err != nil {
		complain(err.Error())
		return
	}
	argv := c.Args
	if len(argv) == 0 {
		argv = []string{c.Path}
	}
	complain(syscall.Exec(c.Path, argv, c.Env).Error())
}

// readOrder reads a length of four bytes and so many more.
func readOrder() ([]byte, bool) {
	buf, have := make([]byte, 16<<10), 0
	for {
		n, err := syscall.Read(fdOrder, buf[have:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return nil, false
		}
		have += n
		if have < 4 {
			continue
		}
		need := 4 + int(binary.LittleEndian.Uint32(buf))
		if have >= need {
			return buf[4:need], true
		}
		if need > len(buf) {
			buf = append(make([]byte, 0, need), buf...)[:need]
		}
	}
}

func complain(text string) { syscall.Write(fdTrouble, []byte(text)) }
