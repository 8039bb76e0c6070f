package proc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// stopGrace is how long the supervisor may take to kill and reap its tree before it is killed itself.
	stopGrace = 10 * time.Second
	// giveUp is how long after that Wait still waits: a process that sleeps in the kernel cannot be ended by anybody.
	giveUp = 10 * time.Second
	// pipeDelay bounds the copying of a Stdin that nobody reads any more.
	pipeDelay = 2 * time.Second
)

// Process is a running child.
type Process struct {
	name   string
	cmd    *exec.Cmd
	orders *os.File
	done   chan struct{}
	once   sync.Once // closes done
	stop   sync.Once // closes orders
	mu     sync.Mutex
	result Result
	err    error
	ended  bool
}

// ErrExec is what a program that cannot be executed gives, together with its errno; other errors are the machine's.
var ErrExec = errors.New("it cannot be executed")

// Start starts c beneath a supervisor. It returns once the program runs; a program that cannot be executed is an error that
// wraps its errno. When ctx ends, the child and all its descendants are killed and Wait returns ctx's error.
// Every started Process must be waited for.
func Start(ctx context.Context, c Cmd) (*Process, error) {
	path, err := lookup(c.Path, c.Env)
	if err != nil {
		return nil, fmt.Errorf("starting %q: %w", c.Path, err)
	}
	if !mainCalled.Load() {
		return nil, fmt.Errorf("starting %q: proc.Main was not called first in this program", c.Path)
	}
	iso := Isolation()
	if !iso.Mount && (len(c.Binds)+len(c.Hide) > 0 || c.Root != "") {
		return nil, fmt.Errorf("starting %q: mounts were asked for and there is no mount namespace here (%s)", c.Path, iso.Why)
	}
	c.Path = path
	return spawn(ctx, c, order{
		Level: level(iso.Level), Network: c.Network || !iso.Network,
		Path: path, Args: c.Args, Dir: c.Dir, Env: c.Env, Files: len(c.ExtraFiles),
		Umask: c.Umask, Hostname: c.Hostname, Nice: c.Nice, Binds: c.Binds, Hide: c.Hide, Root: c.Root,
	})
}

// mainCalled is set by Main: without it the re-executed program would be the whole program once more, and so on for ever.
var mainCalled atomic.Bool

func lookup(path string, env []string) (string, error) {
	if path == "" {
		return "", errors.New("no program named")
	}
	if strings.Contains(path, "/") {
		return path, nil
	}
	for _, e := range env {
		list, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			full := filepath.Join(dir, path)
			if st, err := os.Stat(full); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
				return full, nil
			}
		}
	}
	return "", fmt.Errorf("%w: %w", ErrExec, exec.ErrNotFound)
}

func spawn(ctx context.Context, c Cmd, o order) (*Process, error) {
	name := c.Path
	if name == "" {
		name = marker
	}
	fail := func(err error) (*Process, error) { return nil, fmt.Errorf("starting %q: %w", name, err) }
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	message, err := json.Marshal(o)
	if err != nil {
		return fail(err)
	}
	orderR, orderW, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	newsR, newsW, err := os.Pipe()
	if err != nil {
		orderR.Close()
		orderW.Close()
		return fail(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{marker}
	cmd.Env = []string{"GOMAXPROCS=2", "GOTRACEBACK=none"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.ExtraFiles = append([]*os.File{orderR, newsW}, c.ExtraFiles...)
	cmd.SysProcAttr = attributes(o.Level, o.Network)
	cmd.WaitDelay = pipeDelay
	err = cmd.Start()
	orderR.Close()
	newsW.Close()
	if err != nil {
		orderW.Close()
		newsR.Close()
		return fail(err)
	}
	p := &Process{name: name, cmd: cmd, orders: orderW, done: make(chan struct{})}
	go p.watch(ctx)
	_, err = orderW.Write(append(message, '\n'))
	lines := bufio.NewReader(newsR)
	first := hear(lines)
	go p.collect(lines, newsR)
	if !first.Started {
		p.end()
		<-p.done
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case first.Errno != 0:
			err = fmt.Errorf("%s: %w", first.Error, syscall.Errno(first.Errno))
			if first.Exec {
				err = fmt.Errorf("%w: %w", ErrExec, syscall.Errno(first.Errno))
			}
		case first.Error != "":
			err = errors.New(first.Error)
		case err == nil:
			err = fmt.Errorf("the supervisor ended early: %w", p.err)
		}
		return fail(err)
	}
	return p, nil
}

func hear(r *bufio.Reader) news {
	var n news
	line, err := r.ReadBytes('\n')
	if err == nil && json.Unmarshal(line, &n) != nil {
		return news{}
	}
	return n
}

// collect waits for the end of the child and of its supervisor. It ends with them.
func (p *Process) collect(r *bufio.Reader, f *os.File) {
	last := hear(r)
	f.Close()
	err := p.cmd.Wait()
	p.mu.Lock()
	if last.Ended {
		ws := syscall.WaitStatus(last.Status)
		p.result = Result{
			ExitCode: ws.ExitStatus(),
			UserCPU:  time.Duration(last.User) * time.Microsecond,
			SysCPU:   time.Duration(last.Sys) * time.Microsecond,
			MaxRSS:   last.MaxRSS,
		}
		if ws.Signaled() {
			p.result.Signal = ws.Signal()
			p.result.ExitCode = 128 + int(ws.Signal())
		}
		p.ended = true
		// The supervisor is done and so is its tree: a pipe that is still open is a Stdin that nobody reads.
		if errors.Is(err, exec.ErrWaitDelay) {
			err = nil
		}
	} else if err == nil {
		err = errors.New("the supervisor said nothing")
	}
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("waiting for %q: %w", p.name, err)
	}
	p.mu.Unlock()
	p.end()
	p.once.Do(func() { close(p.done) })
}

// watch ends the child when ctx ends. It ends with the child.
func (p *Process) watch(ctx context.Context) {
	select {
	case <-p.done:
		return
	case <-ctx.Done():
	}
	p.mu.Lock()
	if !p.ended {
		p.err = fmt.Errorf("running %q: %w", p.name, ctx.Err())
	}
	p.mu.Unlock()
	p.end()
	if p.doneWithin(stopGrace) {
		return
	}
	p.cmd.Process.Kill()
	if !p.doneWithin(giveUp) {
		p.once.Do(func() { close(p.done) })
	}
}

func (p *Process) doneWithin(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
		return true
	case <-t.C:
		return false
	}
}

func (p *Process) end() { p.stop.Do(func() { p.orders.Close() }) }

// Kill ends the child and all its descendants at once. Wait then reports SIGKILL.
func (p *Process) Kill() { p.end() }

// Signal sends sig to the child, not to its descendants. A child that has ended already is no error.
func (p *Process) Signal(sig syscall.Signal) error {
	if _, err := fmt.Fprintf(p.orders, "%d\n", int(sig)); err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("signalling %q: %w", p.name, err)
	}
	return nil
}

// Wait waits until the child and all its descendants are gone. After ctx has ended it returns ctx's error, with the Result as
// far as it is known. An exit code other than 0 is no error.
func (p *Process) Wait() (Result, error) {
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.result, p.err
}
