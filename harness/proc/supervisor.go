package proc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Main must be called first in main and in TestMain. In a process that was re-executed as a supervisor it never returns.
func Main() {
	if len(os.Args) != 1 || os.Args[0] != marker {
		mainCalled.Store(true)
		return
	}
	// Niceness, capabilities and Pdeathsig belong to threads: everything below happens on this one.
	runtime.LockOSThread()
	os.Exit(supervise())
}

// supervise is the supervisor's whole life. Its exit code means nothing: the news on newsFD do.
func supervise() int {
	// Nothing but what is passed on purpose reaches the child, also of what the owner inherited from its own parent.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		for fd := 3; fd < 256; fd++ {
			syscall.CloseOnExec(fd)
		}
	}
	orders := bufio.NewReader(os.NewFile(orderFD, "orders"))
	tell := json.NewEncoder(os.NewFile(newsFD, "news"))
	refuse := func(what string, exec bool, err error) int {
		n := news{Error: what, Exec: exec}
		var errno syscall.Errno
		if errors.As(err, &errno) {
			n.Errno = int(errno)
		} else if err != nil {
			n.Error += ": " + err.Error()
		}
		tell.Encode(n)
		return 1
	}
	line, err := orders.ReadBytes('\n')
	if err != nil {
		return 1 // the owner is gone
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return refuse("reading orders", false, err)
	}
	if what, err := enter(o); err != nil {
		return refuse(what, false, err)
	}
	if o.Probe {
		tell.Encode(news{Started: true})
		tell.Encode(news{Ended: true})
		return 0
	}
	pid, err := launch(o)
	if err != nil {
		return refuse("executing "+strconv.Quote(o.Path), true, err)
	}
	tell.Encode(news{Started: true})

	var ended atomic.Bool
	go func() { // ends with the process
		for {
			line, err := orders.ReadString('\n')
			if err != nil {
				killTree(o.Level)
				return
			}
			if sig, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && !ended.Load() {
				syscall.Kill(pid, syscall.Signal(sig))
			}
		}
	}()
	last := news{Ended: true}
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil { // ECHILD: all gone
			break
		}
		if got == pid {
			ended.Store(true)
			last.Status = uint32(ws)
			killTree(o.Level)
		} else if ended.Load() && o.Level == bySubreaper {
			killTree(o.Level) // an orphan may have come to us since
		}
	}
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &ru) == nil {
		last.User = ru.Utime.Nano() / 1000
		last.Sys = ru.Stime.Nano() / 1000
		last.MaxRSS = ru.Maxrss * 1024
	}
	tell.Encode(last)
	return 0
}

// launch starts the child and returns its process id.
func launch(o order) (int, error) {
	if o.Nice != 0 {
		now, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
		if err == nil { // the raw system call gives 20 minus the niceness
			syscall.Setpriority(syscall.PRIO_PROCESS, 0, 20-now+o.Nice)
		}
	}
	if o.Umask > 0 {
		syscall.Umask(o.Umask)
	}
	if o.Dir != "" {
		if st, err := os.Stat(o.Dir); err != nil {
			return 0, err
		} else if !st.IsDir() {
			return 0, fmt.Errorf("working directory %q: %w", o.Dir, syscall.ENOTDIR)
		}
	}
	files := []uintptr{0, 1, 2}
	for i := range o.Files {
		files = append(files, uintptr(firstExtraFD+i))
	}
	attr := &syscall.ProcAttr{Dir: o.Dir, Env: o.Env, Files: files, Sys: &syscall.SysProcAttr{}}
	if o.Level == bySubreaper {
		attr.Sys.Pdeathsig = syscall.SIGKILL // a help only; this thread lives as long as the supervisor
	}
	return syscall.ForkExec(o.Path, append([]string{o.Path}, o.Args...), attr)
}
