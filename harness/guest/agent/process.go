//go:build linux

package agent

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/plugproof/plugproof/harness/guest"
)

// process is a command from its launcher on.
type process struct {
	index   int
	root    bool
	box     *box
	pid     int
	pidfd   int // readable once it has ended; -1 where the kernel has none
	order   int // the launcher's
	trouble int
	streams *streams
	status  syscall.WaitStatus
	usage   syscall.Rusage
	ooms    int64 // kills for want of memory before
}

// prestart makes command index's launcher, as root or as the unprivileged user, and waits until it waits.
func prestart(index int, root bool) (*process, error) {
	p := &process{index: index, root: root, pidfd: -1}
	var err error
	if p.box, err = newBox(index); err != nil {
		return nil, err
	}
	p.ooms = p.box.oomKills()
	var theirs [3]int
	if p.streams, theirs, err = openStreams(); err != nil {
		return nil, err
	}
	null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var order, trouble [2]int
	if err := syscall.Pipe2(order[:], syscall.O_CLOEXEC); err != nil {
		return nil, err
	}
	if err := syscall.Pipe2(trouble[:], syscall.O_CLOEXEC); err != nil {
		return nil, err
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: []string{"GODEBUG=asyncpreemptoff=1"}, Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &p.pidfd}}
	for _, fd := range []int{null, theirs[0], theirs[1], theirs[2], order[0], trouble[1]} {
		attr.Files = append(attr.Files, uintptr(fd))
		defer syscall.Close(fd)
	}
	if p.box.dir != "" {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, p.box.fd
	}
	if !root {
		attr.Sys.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	if p.pid, err = syscall.ForkExec("/init", []string{launcherName}, attr); err != nil {
		return nil, fmt.Errorf("starting the launcher: %w", err)
	}
	os.WriteFile("/proc/"+strconv.Itoa(p.pid)+"/oom_score_adj", []byte("1000"), 0)
	p.order, p.trouble = order[1], trouble[0]
	var ready [1]byte
	if n, _ := syscall.Read(p.trouble, ready[:]); n != 1 {
		return nil, fmt.Errorf("the launcher ended early")
	}
	return p, nil
}

// begin lets the launcher become the command.
func (p *process) begin(c guest.Command) error {
	raw := c.Encode()
	message := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(raw)), uint32(len(raw)))
	message = append(message, raw...)
	for len(message) > 0 {
		n, err := syscall.Write(p.order, message)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("starting %q: %w", c.Path, err)
		}
		message = message[max(n, 0):]
	}
	return nil
}

// refusal is why the launcher could not become the command, or "". The process must have ended.
func (p *process) refusal() string {
	buf := make([]byte, 4096)
	n, _ := syscall.Read(p.trouble, buf)
	return string(buf[:max(n, 0)])
}

// discard ends a launcher that is not wanted.
func (p *process) discard() {
	syscall.Kill(p.pid, syscall.SIGKILL)
	for !p.reap() {
		pause(1)
	}
	p.close()
}

func (p *process) close() {
	p.streams.close()
	for _, fd := range []int{p.order, p.trouble, p.pidfd} {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
	p.box.close()
}

// reap collects what is dead, orphans too, and says whether the process itself is.
func (p *process) reap() bool {
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		got, err := syscall.Wait4(-1, &status, syscall.WNOHANG, &usage)
		switch {
		case err == syscall.EINTR:
		case err != nil || got == 0:
			return false
		case got == p.pid:
			p.status, p.usage = status, usage
			return true
		}
	}
}

// sweep kills what the process left behind and says how many processes that were. Init is the parent of every orphan, and
// kill(2) of all reaches everything but init itself.
func (p *process) sweep() int {
	if got, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err == syscall.ECHILD {
		return 0
	} else if got > 0 { // an orphan that was dead already
		return p.sweep()
	}
	syscall.Kill(-1, syscall.SIGKILL)
	n := 0
	for range 10_000 {
		got, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.ECHILD:
			return n
		case got > 0:
			n++
		default:
			syscall.Kill(-1, syscall.SIGKILL)
			pause(1)
		}
	}
	return n
}
