package vm

import (
	"io"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/images/rootfs"
)

// Job is what a machine is to do.
type Job struct {
	Files    []rootfs.File   // on the payload disk, which the guest mounts read-only at guest.PayloadDir
	Commands []guest.Command // one after another in the same machine, each a fresh process
	Plugins  [][]string      // for each command with a Report: the plugin paths it was given, to read its report by
	Budget   time.Duration   // QEMU's CPU time for the whole job, from the order on; 0 is DefaultBudget

	Stdout io.Writer // gets standard output as it comes, besides the Result; may be nil
	Stderr io.Writer
	Talk   io.Writer // gets the guest's console; may be nil
}

// DefaultBudget is how much CPU time QEMU may use for a job.
const DefaultBudget = 60 * time.Second

// BootBudget is how much CPU time QEMU may use until the guest is ready: 3 to 5 s are usual under emulation.
const BootBudget = 60 * time.Second

// Kind says how a command ended.
type Kind string

// The ways a command ends. The first five are the command's doing, the others are not.
const (
	Exited      Kind = "exit"        // by itself, with Exit
	Thrown      Kind = "throw"       // Go's runtime ended it: exit 2 after "fatal error:" or "panic:"
	Signalled   Kind = "signal"      // by Signal
	Hung        Kind = "hang"        // more CPU time than the budget, or idle and silent for too long
	OutOfMemory Kind = "oom"         // it was killed for want of memory, by the guest's kernel or, where that tries for ever, by its init
	NotStarted  Kind = "not-started" // the guest could not execute it; Error says why
	GuestPanic  Kind = "guest-panic" // the guest's kernel gave up
	HarnessErr  Kind = "harness"     // QEMU or the channel failed: nothing was learned
	NotReached  Kind = "not-reached" // an earlier command took the machine with it
)

// Outcome is what became of a Job.
type Outcome struct {
	Results []Result // one per command
	Kind    Kind     // Exited if every command was run to its end, else GuestPanic, Hung or HarnessErr
	Error   string   // for HarnessErr: what went wrong

	Release     string             // the guest's uname -r as it said itself
	Configured  []guest.Configured // INSTALL scripts that the image ran at its first boot
	QEMU        string             // version
	Accelerator string
	MemoryMiB   int
	Boots       int           // kernels booted for this job: 0 after a restore
	CPU         time.Duration // QEMU's, as far as it was seen
	ReadyCPU    time.Duration // the part of it until the guest had its order: boots and a restore
	Wall        time.Duration
	Console     string // the end of what the console said
	Notes       []string
}

// Result is how one command ended.
type Result struct {
	Kind           Kind
	Exit           int // -1 unless it exited
	Signal         int // 0 unless a signal ended it
	Error          string
	Stdout, Stderr []byte
	Report         []byte // what it wrote to descriptor 3
	Dropped        [3]int64
	Leftovers      int
	UserCPU        time.Duration
	SysCPU         time.Duration
	MaxRSS         int64 // bytes
	Plugins        []guest.Plugin
	Kept           []Kept
	Lost           bool // there was more to keep than is sent
}

// Kept is a file that a command left in a folder of its Command.Keep.
type Kept struct {
	Folder int    // index of the folder
	Name   string // below it, as the guest says: to be checked before it is used
	Data   []byte
}
