package cli

import (
	"fmt"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/results"
)

// usage is what a run cost, as the operating system counts it: this process, and all children that it waited for.
type usage struct {
	Wall     float64  `json:"wall_seconds"`
	Own      float64  `json:"own_cpu_seconds"`
	Children float64  `json:"children_cpu_seconds"` // builds, machines and their supervisors
	Loads    int      `json:"loads"`                // that were made in a machine
	PerLoad  *float64 `json:"cpu_seconds_per_load"` // all CPU time over the loads; null if none was made
}

// usageSince is what this process and its children used since begun, at which they had used before.
func usageSince(begun, now time.Time, before usage, records []results.Record) usage {
	u := cpuUsed()
	u.Wall, u.Own, u.Children = now.Sub(begun).Seconds(), u.Own-before.Own, u.Children-before.Children
	for _, r := range records {
		if r.Step == results.Load && r.Status != results.Skip && r.Inputs.QEMU != "" {
			u.Loads++
		}
	}
	if u.Loads > 0 {
		each := (u.Own + u.Children) / float64(u.Loads)
		u.PerLoad = &each
	}
	return u
}

// cpuUsed is the CPU time so far.
func cpuUsed() (u usage) {
	for who, seconds := range map[int]*float64{syscall.RUSAGE_SELF: &u.Own, syscall.RUSAGE_CHILDREN: &u.Children} {
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) == nil {
			*seconds = time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
		}
	}
	return u
}

// String is one line for people.
func (u usage) String() string {
	text := fmt.Sprintf("%.1f s, %.1f s CPU: %.1f own, %.1f builds and machines", u.Wall, u.Own+u.Children, u.Own, u.Children)
	if u.PerLoad != nil {
		text += fmt.Sprintf("; %d loads, %.2f s CPU for each in all", u.Loads, *u.PerLoad)
	}
	return text
}
