package results

import (
	"fmt"
	"slices"
	"time"
)

// Record is what one step of one cell left behind: one line of records.jsonl.
type Record struct {
	Schema    string     `json:"schema"`
	Run       string     `json:"run"`
	CellID    CellID     `json:"cell_id"`
	Cell      Cell       `json:"cell"`
	Step      Step       `json:"step"`
	Status    Status     `json:"status"`
	Reason    string     `json:"reason,omitempty"`   // why skipped or in error; "requested" is the reason that passes
	Verdict   string     `json:"verdict"`            // the gravest of the subjects'
	Expected  string     `json:"expected"`           // what that subject was expected to be; "predicted" where nobody said
	Subjects  []Subject  `json:"subjects,omitempty"` // host and plugins, one by one
	Causes    []Cause    `json:"causes"`             // of all subjects, each once
	Artifacts []Artifact `json:"artifacts"`
	Inputs    Inputs     `json:"inputs"`
	Started   time.Time  `json:"started"` // UTC, whole milliseconds
	Seconds   float64    `json:"seconds"` // wall
	CPU       float64    `json:"cpu_seconds"`
	// CPUParts says of what the CPU time consists, by Phase. What is in none of them is left out.
	CPUParts map[string]float64 `json:"cpu_parts,omitempty"`
	Boots    int                `json:"boots,omitempty"` // machines booted from cold for this step; a restore is none
	Log      string             `json:"log,omitempty"`   // relative to the run's directory

	Rebuild *RebuildDetail `json:"rebuild,omitempty"` // of a rebuild step
}

// Subject is one host or plugin inside a step.
type Subject struct {
	Name     string `json:"name"` // "host", or the plugin's package
	Status   Status `json:"status"`
	Verdict  string `json:"verdict"`
	Expected string `json:"expected"`
	Text     string `json:"text,omitempty"` // the error text, predicted or seen; a compiler's message; the evidence in one line
	Note     string `json:"note,omitempty"` // what is to be told of it in one line although it may be as expected
}

// Cause is a named reason with its evidence.
type Cause struct {
	ID       string `json:"id"`
	Subject  string `json:"subject,omitempty"`
	Evidence string `json:"evidence,omitempty"`
	Fix      string `json:"fix,omitempty"`
	Guess    bool   `json:"guess,omitempty"` // named by the shape of a value, not by what the files record
	Proven   bool   `json:"proven"`
}

// Artifact is a file that the step made or looked at.
type Artifact struct {
	Name   string `json:"name"` // "host.a", "host.b", "plugin.0.a", "probe", ...
	SHA256 Digest `json:"sha256"`
	Size   int64  `json:"size"` // bytes
}

// Inputs are the digests of everything that the step depended on. Empty strings are unknown and are written as null.
type Inputs struct {
	Sources     Digest            `json:"sources"`
	HostGo      Digest            `json:"host_go"`
	PluginGo    Digest            `json:"plugin_go"`
	CC          Digest            `json:"cc"`
	Libc        Digest            `json:"libc"`
	Kernel      Digest            `json:"kernel"`
	KernelName  string            `json:"kernel_name"` // the guest's uname -r as it said itself
	Image       Digest            `json:"image"`
	ImageOrigin string            `json:"image_origin"`        // "debian-musl", "void-rootfs:SHA256", "xbps:KEY"
	QEMU        string            `json:"qemu"`                // version
	Accelerator string            `json:"accelerator"`         // "tcg" or "kvm"
	Tool        string            `json:"tool"`                // plugproof's own version
	Isolation   map[string]string `json:"isolation,omitempty"` // how the sides were kept apart: path, network, processes
}

// PlannedCell is a cell with the steps that must leave a record.
type PlannedCell struct {
	ID    CellID `json:"id"`
	Cell  Cell   `json:"cell"`
	Steps []Step `json:"steps"`
}

// Plan lists every (cell, step) that must appear in a run.
type Plan struct {
	Schema string        `json:"schema"`
	Run    string        `json:"run"`
	Tool   string        `json:"tool"`
	Seed   uint64        `json:"seed"`
	Cells  []PlannedCell `json:"cells"`

	Merged []string `json:"merged,omitempty"` // of a merged run: the ids of the runs whose records it may hold, sorted; its own is among them

	LeftOut []LeftOut `json:"left_out,omitempty"` // what was asked for and is no cell
	Changed string    `json:"changed,omitempty"`  // what of Go's own plugin tests is not as Go has it
}

// Runs are the ids of the runs whose records belong to the plan's run, sorted: its own, and those that were merged into it.
func (p Plan) Runs() []string {
	out := append(slices.Clone(p.Merged), p.Run)
	slices.Sort(out)
	return slices.Compact(out)
}

// LeftOut is one of Go's own plugin tests that is not a cell.
type LeftOut struct {
	Test   string `json:"test"`
	Go     string `json:"go"`
	Arch   string `json:"arch"`
	Reason string `json:"reason"`
}

// String is one line for people.
func (l LeftOut) String() string {
	return fmt.Sprintf("left out: %s (%s, %s): %s", l.Test, l.Go, l.Arch, l.Reason)
}

// The phases of which a record's CPU time consists.
const (
	PhaseBuild   = "build"   // compiling and linking both sides
	PhaseProbe   = "probe"   // building the host that reports
	PhaseBoot    = "boot"    // a machine, until it waits for its order
	PhaseRestore = "restore" // the same from a saved machine
	PhaseLoad    = "load"    // from the order to the end
)

// Phases are all of them, in the order in which they come.
var Phases = []string{PhaseBuild, PhaseProbe, PhaseBoot, PhaseRestore, PhaseLoad}
