package proc

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"
)

// level is how children are held.
type level string

const (
	byRoot      level = "root"      // namespaces, made directly
	byUser      level = "userns"    // namespaces inside a user namespace
	bySubreaper level = "subreaper" // no PID namespace
)

// Report says what is really possible on this machine.
type Report struct {
	Level   string // "root", "userns" or "subreaper"
	PID     bool   // children live in their own PID namespace
	Mount   bool   // and their own mount namespace, so Binds and Hide work
	UTS     bool   // and their own host name
	Network bool   // children can be cut off from the network
	Why     string // why the better levels were refused, "" if the best one works
}

// Map gives the report as short words for a record.
func (r Report) Map() map[string]string {
	word := func(ok bool, yes, no string) string {
		if ok {
			return yes
		}
		return no
	}
	return map[string]string{
		"processes": word(r.PID, "pid-namespace", "subreaper"),
		"network":   word(r.Network, "net-namespace", "shared"),
		"mounts":    word(r.Mount, "mount-namespace", "shared"),
	}
}

// probeTimeout bounds one probe, which is one start of this executable and a few system calls.
const probeTimeout = 20 * time.Second

// Isolation says what is possible here. It is probed once per process, with real namespaces; Main must have been called.
func Isolation() Report { return probe() }

var probe = sync.OnceValue(func() Report {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	why := ""
	for _, try := range []Report{
		{Level: string(byRoot), PID: true, Mount: true, UTS: true, Network: true},
		{Level: string(byRoot), PID: true, Mount: true, UTS: true},
		{Level: string(byUser), PID: true, Mount: true, UTS: true, Network: true},
		{Level: string(byUser), PID: true, Mount: true, UTS: true},
	} {
		p, err := spawn(ctx, Cmd{}, order{Probe: true, Level: level(try.Level), Network: !try.Network})
		if err == nil {
			_, err = p.Wait()
		}
		if err == nil {
			try.Why = why
			return try
		}
		if why == "" {
			why = err.Error()
		}
	}
	return Report{Level: string(bySubreaper), Why: why}
})

// attributes are the clone flags of a supervisor at level l.
func attributes(l level, network bool) *syscall.SysProcAttr {
	// A session of its own: a Ctrl-C on the terminal reaches the owner alone, which then ends its children in its own order.
	a := &syscall.SysProcAttr{Setsid: true}
	if l == bySubreaper {
		return a
	}
	a.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	if !network {
		a.Cloneflags |= syscall.CLONE_NEWNET
	}
	if l == byUser {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		uid, gid := os.Getuid(), os.Getgid()
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		// Without ambient capabilities execve drops all of them for a user other than 0.
		a.AmbientCaps = []uintptr{capNetAdmin, capSysAdmin}
	}
	return a
}

// Capabilities, from linux/capability.h.
const (
	capNetAdmin = 12
	capSysAdmin = 21
)
