//go:build linux

package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

// grace is how long a command may take to write its goroutines after SIGQUIT.
const grace = 3 * time.Second

// run runs one command and reports its output and its end. An error is the agent's own; the command's are in the report.
func run(enc *guest.Encoder, interrupts <-chan struct{}, index int, c guest.Command) error {
	if err := sendJSON(enc, guest.Started, guest.Start{Index: index}); err != nil {
		return err
	}
	end := guest.End{Index: index, Exit: -1}
	streams, files, err := openStreams(enc, c)
	if err != nil {
		return err
	}
	if c.Writable {
		err = layer()
	}
	b, boxErr := newBox(index)
	if boxErr != nil {
		return boxErr
	}
	defer b.close()
	before := b.oomKills()
	var pid int
	if err == nil {
		pid, err = start(b, c, files)
	}
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		end.Error = err.Error()
		streams.finish(&end)
		return sendJSON(enc, guest.Ended, end)
	}
	quit := make(chan string, 1) // why the watcher interrupts
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Add(1)
	go func() {
		defer watching.Done()
		watch(enc, streams, c, interrupts, stop, quit, pid, b)
	}()
	status, usage, err := reap(pid)
	close(stop)
	watching.Wait()
	if err != nil {
		return fmt.Errorf("waiting for command %d: %w", index, err)
	}
	end.Leftovers = b.killAll(c.Root)
	reapRest()
	streams.finish(&end)
	select {
	case end.Hang = <-quit:
	default:
	}
	if status.Signaled() {
		end.Signal = int(status.Signal())
	} else {
		end.Exit = status.ExitStatus()
	}
	end.OOM = b.oomKills() > before
	end.UserMicros = usage.Utime.Nano() / 1000
	end.SysMicros = usage.Stime.Nano() / 1000
	end.MaxRSSKiB = int64(usage.Maxrss)
	return sendJSON(enc, guest.Ended, end)
}

// start starts the command on a thread of its own, which ends with it: no_new_privs holds for a thread and what it forks
// and cannot be taken back.
func start(b *box, c guest.Command, files []*os.File) (int, error) {
	type started struct {
		pid int
		err error
	}
	done := make(chan started)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		pid, err := fork(b, c, files)
		done <- started{pid, err}
	}()
	s := <-done
	if s.err != nil {
		return 0, fmt.Errorf("starting %q: %w", c.Path, s.err)
	}
	os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", s.pid), []byte("1000"), 0)
	return s.pid, nil
}

// fork executes the command with its three or four files, in its own session and in the box, unable to gain privileges.
func fork(b *box, c guest.Command, files []*os.File) (int, error) {
	const setNoNewPrivs = 38 // PR_SET_NO_NEW_PRIVS, prctl(2)
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: &syscall.SysProcAttr{Setsid: true}}
	if attr.Dir == "" {
		attr.Dir = "/"
	}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	if b.dir != "" {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, b.fd
	}
	if !c.Root {
		attr.Sys.Credential = &syscall.Credential{Uid: user, Gid: user}
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
			return 0, fmt.Errorf("no_new_privs: %w", errno)
		}
	}
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, 0) // of this thread
	argv := c.Args
	if len(argv) == 0 {
		argv = []string{c.Path}
	}
	return syscall.ForkExec(c.Path, argv, attr)
}

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

// watch sends a pulse each second and ends the command when it idles too long or the host says so.
func watch(enc *guest.Encoder, s *streams, c guest.Command, interrupts <-chan struct{}, stop <-chan struct{}, quit chan<- string, pid int, b *box) {
	limit := c.IdleLimit
	if limit <= 0 {
		limit = guest.DefaultIdleLimit
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	meter, idle, seen := newMeter(), 0, s.seen.Load()
	for {
		why := ""
		select {
		case <-stop:
			return
		case <-interrupts:
			why = "budget"
		case <-tick.C:
			now := s.seen.Load()
			if meter.idle() && now == seen {
				idle++
			} else {
				idle = 0
			}
			seen = now
			sendJSON(enc, guest.Beat, guest.Pulse{IdleSeconds: idle})
			if idle >= limit {
				why = "idle"
			}
		}
		if why == "" {
			continue
		}
		quit <- why
		listTasks(b)
		s.generous.Store(true)
		syscall.Kill(pid, syscall.SIGQUIT)
		select {
		case <-stop:
			return
		case <-time.After(grace):
		}
		b.killAll(c.Root)
		syscall.Kill(pid, syscall.SIGKILL)
		<-stop
		return
	}
}

// manyTasks is how many processes are too many to list each: a line of the console costs the host 0.5 ms.
const manyTasks = 100

// listTasks has the kernel write all tasks and their stacks to the console, or only the blocked ones
// (Documentation/admin-guide/sysrq.rst: 9 shows all messages, t is tasks, w is blocked tasks).
func listTasks(b *box) {
	keys := "9t3"
	if b.count() > manyTasks {
		keys = "9w3"
	}
	for _, key := range keys {
		os.WriteFile("/proc/sysrq-trigger", []byte(string(key)), 0)
	}
}

// layer puts a writable layer over the payload; a second call finds it there.
var layered atomic.Bool

func layer() error {
	if layered.Swap(true) {
		return nil
	}
	for _, dir := range []string{"/run/upper", "/run/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chown("/run/upper", user, user); err != nil {
		return err
	}
	options := "lowerdir=" + guest.PayloadDir + ",upperdir=/run/upper,workdir=/run/work"
	if err := syscall.Mount("overlay", guest.PayloadDir, "overlay", syscall.MS_NOSUID|syscall.MS_NODEV, options); err != nil {
		return fmt.Errorf("making the payload writable: %w", err)
	}
	return nil
}

func sendJSON(enc *guest.Encoder, kind guest.Kind, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return enc.Send(kind, b)
}
