//go:build linux

package agent

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

const (
	// slice is how often, in milliseconds, a command that says little is looked at.
	slice = 40
	// much is how many bytes at once make a command that says much: it is looked at whenever it has said something.
	much = 4 << 10
	// grace is how many seconds without work or output a command has after SIGQUIT, and busyGrace is how many at all: the host,
	// who knows how much processor time that really is, asks a second time.
	grace, busyGrace = 3, 120
	// patience is how many idle seconds are overlooked for each that counts while the console has something to say and nothing
	// of it goes: who writes to it may wait for a busy host, or, if he has stopped it (tcflow(3)), for ever.
	patience = 20
)

// run runs one command and reports its output and its end. An error is the agent's own; the command's are in the report.
func (m *machine) run(p *process, c guest.Command) error {
	m.enc.Send(guest.Started, guest.Start{Index: p.index}.Encode())
	end := guest.End{Index: p.index, Exit: -1}
	err := error(nil)
	if c.Writable {
		err = layer()
	}
	if err == nil {
		err = p.begin(c)
	}
	if err != nil {
		p.discard()
		end.Error = err.Error()
		return m.enc.Send(guest.Ended, end.Encode())
	}
	w := watch{m: m, p: p, c: c}
	if err := w.until(); err != nil {
		return err
	}
	end.Leftovers = p.sweep()
	for n := 1; n > 0; {
		if n, err = p.streams.drain(m.enc, c.OutputLimit); err != nil {
			return err
		}
	}
	if err := p.streams.finish(m.enc, &end); err != nil {
		return err
	}
	if err := m.keep(c); err != nil {
		return err
	}
	end.Hang = w.why
	if p.status.Signaled() {
		end.Signal = int(p.status.Signal())
	} else {
		end.Exit = p.status.ExitStatus()
	}
	if text := p.refusal(); text != "" {
		end.Exit, end.Signal, end.Error = -1, 0, fmt.Sprintf("starting %q: %s", c.Path, text)
	}
	end.OOM = end.Signal == int(syscall.SIGKILL) && (w.starved || p.box.oomKills() > p.ooms)
	end.UserMicros = p.usage.Utime.Nano() / 1000
	end.SysMicros = p.usage.Stime.Nano() / 1000
	end.MaxRSSKiB = int64(p.usage.Maxrss)
	return m.enc.Send(guest.Ended, end.Encode())
}

// watch attends to a running command.
type watch struct {
	m *machine
	p *process
	c guest.Command

	meter   meter
	seen    int64  // bytes of output at the last tick
	console int32  // bytes that the host had not taken from the console then
	idle    int    // ticks without work or output
	late    int    // ticks since the last of those in which the host left the console unread
	why     string // "idle" or "budget" once the command was told to end
	since   int    // ticks since then

	starved bool // it was killed for want of memory
}

// until passes output on, sends a pulse each second, and ends the command when it idles too long or the host says so.
func (w *watch) until() error {
	next := time.Now().Add(time.Second)
	fds := make([]pollFD, 0, 5)
	for busy := false; ; {
		fds = append(fds[:0], pollFD{fd: int32(w.m.in.fd), events: pollIn})
		if w.p.pidfd >= 0 {
			fds = append(fds, pollFD{fd: int32(w.p.pidfd), events: pollIn})
		}
		if busy {
			fds = w.p.streams.open(fds)
		}
		poll(fds, slice)
		if fds[0].revents&pollIn != 0 {
			f, err := w.m.orders.Next()
			if err != nil {
				return fmt.Errorf("hearing the host: %w", err)
			}
			if f.Kind == guest.Interrupt {
				w.tell("budget")
			}
		}
		ended := w.p.reap()
		n, err := w.p.streams.drain(w.m.enc, w.c.OutputLimit)
		if err != nil || ended {
			return err
		}
		busy = n >= much
		if !time.Now().Before(next) {
			next = time.Now().Add(time.Second)
			w.tick()
		}
		if len(w.m.out.waiting) > 0 {
			if err := w.m.out.flush(); err != nil {
				return err
			}
		}
	}
}

// tick is called once a second.
func (w *watch) tick() {
	console := unread()
	switch {
	case !w.meter.idle() || w.p.streams.seen != w.seen || console != w.console: // a busy host takes its time for each 16 bytes of it
		w.idle, w.late = 0, 0
	case w.late < patience && console > 0:
		w.late++
	default:
		w.idle, w.late = w.idle+1, 0
	}
	w.seen, w.console = w.p.streams.seen, console
	w.m.enc.Send(guest.Beat, guest.Pulse{IdleSeconds: w.idle}.Encode())
	limit := w.c.IdleLimit
	if limit <= 0 {
		limit = guest.DefaultIdleLimit
	}
	switch {
	case w.why == "" && w.p.box.starving():
		w.starved = true
		w.kill()
	case w.why == "" && w.idle >= limit:
		w.tell("idle")
	case w.why != "":
		if w.since++; w.idle >= grace || w.since >= busyGrace {
			w.kill()
		}
	}
}

// tell makes a command that hangs say where, and kills it when it was told before.
func (w *watch) tell(why string) {
	if w.why != "" {
		w.kill()
		return
	}
	w.why, w.idle = why, 0
	listTasks(w.p.box)
	w.p.streams.generous = true
	syscall.Kill(w.p.pid, syscall.SIGQUIT)
}

func (w *watch) kill() {
	w.p.box.killAll(w.c.Root)
	syscall.Kill(w.p.pid, syscall.SIGKILL)
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

// layered says that a writable layer is over the payload.
var layered bool

// layer puts a writable layer over the payload; a second call finds it there.
func layer() error {
	if layered {
		return nil
	}
	layered = true
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
