package vm

import (
	"context"
	"time"
)

// autopsyTime bounds each question that is asked about a guest that hangs, by the clock on the wall: on a busy host QEMU may
// get little of it. An answer usually takes a tenth of a second.
const autopsyTime = time.Minute

// quiet is how much CPU time QEMU uses without a byte of output when it has written all that it was asked for.
const quiet = 300 * time.Millisecond

// takeRegisters asks QEMU what the guest's processor is doing. A QEMU that does not answer leaves its reason.
func (s *session) takeRegisters(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, autopsyTime)
	defer cancel()
	mon, err := s.openMonitor(ctx)
	if err == nil {
		err = mon.do(ctx, "human-monitor-command", map[string]any{"command-line": "info registers"}, &s.registers)
	}
	if err != nil {
		s.registers = err.Error()
	}
}

// listTasks asks the guest's kernel for its tasks, by a break and a key on the serial console, and waits until it is done
// with the answer (Documentation/admin-guide/sysrq.rst: 9 shows all messages, t is tasks).
func (s *session) listTasks(ctx context.Context) {
	const pause = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, autopsyTime)
	defer cancel()
	mon, err := s.openMonitor(ctx)
	if err != nil {
		return
	}
	for _, key := range []string{"9", "t"} { // one after the other: the emulated port keeps no order of breaks and keys
		before := s.q.screen.count()
		if mon.do(ctx, "chardev-send-break", map[string]any{"id": "con"}, nil) != nil {
			return
		}
		s.q.console.SetWriteDeadline(time.Now().Add(autopsyTime))
		if _, err := s.q.console.Write([]byte(key)); err != nil {
			return
		}
		for last, since, still := before, s.watch.used(), 0; last == before || s.watch.used()-since < quiet && still < 20; still++ {
			select {
			case <-ctx.Done():
				return
			case <-s.q.ended:
				return
			case <-time.After(pause):
			}
			if now := s.q.screen.count(); now != last {
				last, since, still = now, s.watch.used(), 0
			}
		}
	}
}
