package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

// clockTick is the unit of /proc/PID/stat's times: USER_HZ is 100 on every architecture that Go knows (proc(5)).
const clockTick = 10 * time.Millisecond

const (
	// look is how often QEMU is looked at.
	look = 250 * time.Millisecond
	// stops is how many looks in a row must find QEMU stopped: who stops and continues a whole tree does not do so at once.
	stops = 8
	// absent is how long nobody looked when plugproof was itself stopped, by Ctrl-Z for one: what was not said meanwhile counts
	// for nothing.
	absent = 5 * time.Second
	// stall is how long QEMU may use no CPU time at all and send nothing. A guest that waits still uses some for its heartbeat.
	stall = 30 * time.Second
	// afterInterrupt is how much more CPU time a guest has that was told to end its command; after the first part of it, it is
	// told again: a command that has not heeded SIGQUIT by then gets SIGKILL.
	afterInterrupt  = 15 * time.Second
	secondInterrupt = 3 * time.Second
	// bootStall is how long a machine that boots may be silent and nearly idle: an INSTALL script may sleep for two minutes.
	bootStall = 10 * time.Minute
)

// watchdog looks at QEMU's own CPU time.
type watchdog struct {
	q     *qemu
	nonce guest.Nonce
	enc   *guest.Encoder // to the guest, once it has its order

	mu       sync.Mutex
	base     time.Duration // CPU used when the budget began
	last     time.Duration // CPU used when last looked at
	waits    int64         // ns that QEMU ran or waited for a processor, when last looked at
	budget   time.Duration
	full     time.Duration
	told     int  // how often the guest was interrupted
	patient  bool // somebody works in the guest: nothing is too long
	progress time.Time

	looked  time.Time // when QEMU was last looked at
	stopped int       // how many looks in a row found it stopped

	heard      time.Time     // when the guest last said something
	heardCPU   time.Duration // CPU used by then
	heardWaits int64         // and waits
}

func newWatchdog(q *qemu, budget time.Duration) *watchdog {
	return &watchdog{q: q, budget: budget, full: budget, progress: time.Now(), looked: time.Now(), heard: time.Now()}
}

// restart begins a new budget now.
func (w *watchdog) restart(budget time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sample()
	w.base, w.budget, w.full, w.told, w.progress, w.looked = w.last, budget, budget, 0, time.Now(), time.Now()
	w.hear()
}

// hear notes that the guest said something just now.
func (w *watchdog) hear() { w.heard, w.heardCPU, w.heardWaits = time.Now(), w.last, w.waits }

// silent says that the guest has said nothing for so long and that QEMU hardly wanted to run meanwhile: a guest that lives
// and waits sends a pulse each second, and one that a busy host keeps from it waits for a processor most of the time. The
// processor of one that was halted stands still, and QEMU itself wakes up now and then.
func (w *watchdog) silent(limit time.Duration) bool {
	since := time.Since(w.heard)
	wanted, least := time.Duration(w.waits-w.heardWaits), since/10
	if w.waits == 0 { // the kernel does not say
		wanted, least = w.last-w.heardCPU, since/100
	}
	return since > limit && wanted < least
}

// rearm takes back an interrupt when the command that it was meant for has ended.
func (w *watchdog) rearm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told > 0 {
		w.base, w.budget, w.told = w.last, w.full, 0
	}
}

// used is QEMU's CPU time so far.
func (w *watchdog) used() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sample()
	return w.last
}

// sample reads the time and returns QEMU's state letter.
func (w *watchdog) sample() byte {
	if w.q.pid == 0 {
		w.q.pid = findProcess(w.q.name)
	}
	used, state, err := cpuTime(w.q.pid)
	if err == nil && used > w.last {
		w.last, w.progress = used, time.Now()
	}
	if waits := scheduled(w.q.pid); waits != w.waits {
		w.waits, w.progress = waits, time.Now()
	}
	return state
}

// check says why the wait should end, or nil.
func (w *watchdog) check(heard bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := w.sample()
	if now := time.Now(); heard || now.Sub(w.looked) > absent {
		w.progress = now
		w.hear()
	}
	w.looked = time.Now()
	if state == 'T' || state == 't' {
		w.stopped++
	} else {
		w.stopped = 0
	}
	switch {
	case w.patient:
		return nil
	case w.stopped >= stops:
		return fmt.Errorf("%w: it is in state %c", errStopped, state)
	case time.Since(w.progress) > stall:
		return fmt.Errorf("%w for %v", errStopped, stall)
	case w.enc != nil && w.silent(stall):
		return errSilent
	case w.silent(bootStall):
		return fmt.Errorf("%w: it was silent and idle for %v", errStopped, bootStall)
	case w.last-w.base <= w.budget:
		return nil
	case w.told == 2 || w.enc == nil:
		return errHung
	case w.told == 1:
		w.budget += afterInterrupt - secondInterrupt
	default:
		w.budget += secondInterrupt
	}
	w.told++
	if err := w.enc.Send(guest.Interrupt, nil); err != nil {
		return errHung
	}
	return nil
}

// next waits for a frame, for the end of QEMU, of ctx or of the watchdog's patience.
func (s *session) next(ctx context.Context, dec *guest.Decoder) (guest.Frame, error) {
	type answer struct {
		frame guest.Frame
		err   error
	}
	heard := make(chan answer, 1)
	go func() { // ends with the frame or with the socket
		f, err := dec.Next()
		heard <- answer{f, err}
	}()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case a := <-heard:
			if a.err != nil {
				return a.frame, s.gone(a.err)
			}
			s.watch.check(true)
			return a.frame, nil
		case <-ctx.Done():
			return guest.Frame{}, ctx.Err()
		case <-tick.C:
			if err := s.watch.check(false); err != nil {
				return guest.Frame{}, err
			}
			if s.watch.told > 0 && s.registers == "" {
				s.takeRegisters(ctx)
			}
		}
	}
}

// gone says what a failed read of the channel means: usually that QEMU has ended.
func (s *session) gone(err error) error {
	if errors.Is(err, guest.ErrFrame) && !strings.Contains(err.Error(), "ends within") {
		return err
	}
	select {
	case <-s.q.ended:
	case <-time.After(stall):
		return fmt.Errorf("the guest's channel was closed: %w", err)
	}
	text := strings.TrimSpace(s.q.stderr.String())
	if s.q.err != nil {
		return fmt.Errorf("QEMU ended: %w: %s", s.q.err, text)
	}
	if s.q.result.OK() && text == "" {
		return errOff
	}
	return fmt.Errorf("QEMU ended (%v) before the guest was done: %s", s.q.result, text)
}

// findProcess finds QEMU by the unique name in its command line: in a PID namespace its own idea of its number is another.
func findProcess(name string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(raw, []byte("\x00"+name+"\x00")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			return pid
		}
	}
	return 0
}

// scheduled is how long in ns the process's threads ran or waited for a processor: what a busy host withholds is progress,
// too (Documentation/scheduler/sched-stats.rst). 0 where the kernel does not say.
func scheduled(pid int) int64 {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/schedstat", pid))
	sum := int64(0)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var ran, waited int64
		if _, err := fmt.Sscan(string(raw), &ran, &waited); err == nil {
			sum += ran + waited
		}
	}
	return sum
}

// cpuTime reads utime + stime and the state from /proc/PID/stat (proc(5), fields 3, 14 and 15).
func cpuTime(pid int) (time.Duration, byte, error) {
	if pid == 0 {
		return 0, 0, os.ErrNotExist
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, ok := strings.Cut(string(raw[bytes.LastIndexByte(raw, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, 0, fmt.Errorf("reading /proc/%d/stat: too few fields", pid)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, fmt.Errorf("reading /proc/%d/stat: %w", pid, err)
	}
	return time.Duration(user+system) * clockTick, fields[0][0], nil
}
