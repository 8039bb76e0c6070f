package vm

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestSilentAndStarvedToldApart(t *testing.T) {
	for _, c := range []struct {
		name     string
		ago      time.Duration // when the guest last said something
		waits    time.Duration // ran or waited for a processor since
		cpu      time.Duration // ran since
		unknown  bool          // the kernel keeps no such count
		standing bool
	}{
		{name: "halted, and QEMU wakes up now and then", ago: time.Minute, waits: 200 * time.Millisecond, cpu: 100 * time.Millisecond, standing: true},
		{name: "not long enough", ago: time.Second, waits: time.Millisecond},
		{name: "busy", ago: time.Minute, waits: 50 * time.Second, cpu: 50 * time.Second},
		{name: "kept from every processor", ago: time.Minute, waits: 50 * time.Second, cpu: 500 * time.Millisecond},
		{name: "halted, without a count", ago: time.Minute, cpu: 100 * time.Millisecond, unknown: true, standing: true},
		{name: "starved, without a count", ago: time.Minute, cpu: 2 * time.Second, unknown: true},
	} {
		w := &watchdog{heard: time.Now().Add(-c.ago), heardWaits: int64(time.Hour), waits: int64(time.Hour + c.waits), last: c.cpu}
		if c.unknown {
			w.heardWaits, w.waits = 0, 0
		}
		if got := w.silent(stall); got != c.standing {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestStoppedForAMoment has a process stand for QEMU.
func TestStoppedForAMoment(t *testing.T) {
	c := exec.Command("/bin/sleep", "600")
	if err := c.Start(); err != nil {
		t.Skip(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	w := newWatchdog(&qemu{pid: c.Process.Pid}, time.Hour)
	until := func(stopped bool) {
		t.Helper()
		for {
			if _, state, err := cpuTime(c.Process.Pid); err != nil {
				t.Fatal(err)
			} else if stopped == (state == 'T') {
				return
			}
		}
	}
	for range 2 {
		c.Process.Signal(syscall.SIGSTOP)
		until(true)
		for i := range stops - 1 {
			if err := w.check(false); err != nil {
				t.Fatalf("look %d: %v", i, err)
			}
		}
		c.Process.Signal(syscall.SIGCONT)
		until(false)
		if err := w.check(false); err != nil {
			t.Fatal(err)
		}
	}
	c.Process.Signal(syscall.SIGSTOP)
	until(true)
	var err error
	for i := 0; i < stops && err == nil; i++ {
		err = w.check(false)
	}
	if !errors.Is(err, errStopped) {
		t.Errorf("stopped for long: %v", err)
	}
}

// TestNobodyLooked is what a plugproof finds that was stopped itself.
func TestNobodyLooked(t *testing.T) {
	ago := time.Now().Add(-time.Hour)
	w := newWatchdog(&qemu{pid: -1}, time.Hour)
	w.progress, w.heard, w.looked = ago, ago, ago
	if err := w.check(false); err != nil {
		t.Error(err)
	}
	w.progress, w.heard = ago, ago
	if err := w.check(false); !errors.Is(err, errStopped) {
		t.Errorf("somebody looked, and nothing had happened for an hour: %v", err)
	}
}
