// Package proc starts children that cannot outlive their owner.
//
// Every child runs beneath a supervisor: this same executable, re-executed with a marker as its name. Where the system allows
// it the supervisor is process 1 of a new PID namespace (with mount, UTS, IPC and, unless the network was asked for, network
// namespaces), so the kernel ends every descendant, however often it forked or changed its session, when the supervisor ends.
// Where it does not, the supervisor is a subreaper that finds and kills its descendants itself. Either way it holds a pipe
// from its owner and kills everything when that pipe closes, which also happens when the owner is ended by SIGKILL.
// Pdeathsig alone would not do: it fires when the creating thread ends (golang/go#27505) and spares grandchildren.
//
// Main must be called first in main and in TestMain of every program that uses this package.
package proc

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Cmd describes one child.
type Cmd struct {
	Path       string   // the program; a name without a slash is looked up in the PATH of Env
	Args       []string // without the program's own name
	Dir        string   // working directory; "" is the owner's
	Env        []string // exactly this; nil is the empty environment
	Stdin      io.Reader
	Stdout     io.Writer
	Stderr     io.Writer
	ExtraFiles []*os.File // descriptors 3, 4, ... of the child
	Network    bool       // false: an own network namespace with only lo, where Isolation says so
	Umask      int        // 0 and below: inherit
	Hostname   string     // host name in an own UTS namespace; "" or no such namespace: inherit
	Nice       int        // added to the owner's niceness
	Binds      []Bind     // made in order in the child's own mount namespace; an error where there is none
	Hide       []string   // directories over which an empty, read-only directory is mounted; an error where that is impossible
	Root       string     // the child's root; Binds and Hide are still paths of the owner; an error where there are no mounts
}

// Bind mounts the file or directory From over To, which must exist.
type Bind struct {
	From, To string
	ReadOnly bool
}

// Result says how a child ended and what it and all its descendants used.
type Result struct {
	ExitCode int            // 0 to 255; 128 plus the signal when Signal is set
	Signal   syscall.Signal // the signal that ended the child, 0 if none did
	UserCPU  time.Duration  // of the whole tree that was waited for
	SysCPU   time.Duration
	MaxRSS   int64 // bytes, the largest single process
}

// CPU is the time spent in user and system mode together.
func (r Result) CPU() time.Duration { return r.UserCPU + r.SysCPU }

// OK reports whether the child ended by itself with 0.
func (r Result) OK() bool { return r.ExitCode == 0 && r.Signal == 0 }

// String is "exit status 2" or "signal: killed".
func (r Result) String() string {
	if r.Signal != 0 {
		return "signal: " + r.Signal.String()
	}
	return fmt.Sprintf("exit status %d", r.ExitCode)
}

// Run starts c and waits for it. An exit code other than 0 is no error.
func Run(ctx context.Context, c Cmd) (Result, error) {
	p, err := Start(ctx, c)
	if err != nil {
		return Result{}, err
	}
	return p.Wait()
}
