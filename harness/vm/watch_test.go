package vm

import (
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
