// Package report shows a run: pure functions from a plan and its records to text, JSON or JUnit. It never judges; what
// is as expected and what is missing comes from results.Ledger, as it does for the gate. Equal input gives equal bytes.
package report

import (
	"slices"

	"github.com/plugproof/plugproof/results"
)

// Schema of a Report.
const Schema = "plugproof/report/v1"

// Report is a run as people and scripts want to see it. Its JSON is the `report --format json` document.
type Report struct {
	Schema string `json:"schema"`
	Run    string `json:"run"`
	Tool   string `json:"tool"`
	Rows   []Row  `json:"rows"` // one per planned cell, in the order of the plan
	// Other holds the records that the plan does not know.
	Other    []results.Record `json:"other"`
	Problems []string         `json:"problems"` // with the plan itself
	Notes    []Note           `json:"notes"`    // on what is as expected
	// LeftOut and Changed are about Go's own plugin tests: which of those asked for are no cells, and what of them is not as Go has it.
	LeftOut []results.LeftOut `json:"left_out"`
	Changed string            `json:"changed"`
	Totals  Totals            `json:"totals"`

	flaws []string // why those of Other are not believed; "" where they only are not planned
}

// Row is one cell.
type Row struct {
	CellID results.CellID `json:"cell_id"`
	Cell   results.Cell   `json:"cell"`
	State  results.State  `json:"state"` // the worst of its steps
	Steps  []Step         `json:"steps"`
}

// Step is one planned step of a cell.
type Step struct {
	Step     results.Step    `json:"step"`
	State    results.State   `json:"state"`
	Attempts int             `json:"attempts"`
	Conflict string          `json:"conflict"`
	Record   *results.Record `json:"record"` // null if missing
}

// Totals are counts and sums over the rows.
type Totals struct {
	Cells         int       `json:"cells"`
	AsExpected    int       `json:"as_expected"`
	NotAsExpected int       `json:"not_as_expected"`
	Incomplete    int       `json:"incomplete"` // missing or inconclusive
	Steps         int       `json:"steps"`
	Seconds       float64   `json:"seconds"`     // wall, summed over the steps
	CPU           float64   `json:"cpu_seconds"` // summed over the steps
	CPUParts      Parts     `json:"cpu_parts"`   // of that, by phase
	Boots         int       `json:"boots"`
	Machines      []Machine `json:"machines"` // that plugins were loaded on
}

// Parts are CPU seconds by phase.
type Parts map[string]float64

// Machine is one kind of machine that plugins were loaded on.
type Machine struct {
	Arch        string `json:"arch"`
	Kernel      string `json:"kernel"`
	QEMU        string `json:"qemu"`
	Accelerator string `json:"accelerator"`
	Image       string `json:"image_origin"`
}

// New makes the report of a run; plan is nil if the run has none.
func New(plan *results.Plan, records []results.Record) Report {
	l := results.NewLedger(plan, records)
	r := Report{Schema: Schema, Rows: []Row{}, Other: []results.Record{}, Problems: []string{}, Notes: []Note{}, LeftOut: []results.LeftOut{}, Totals: Totals{Machines: []Machine{}, CPUParts: Parts{}}}
	r.Other, r.flaws = append(r.Other, l.Stray...), make([]string, len(l.Stray))
	for _, f := range l.Forged {
		r.Other, r.flaws = append(r.Other, f.Record), append(r.flaws, f.Why)
	}
	r.Problems = append(r.Problems, l.Problems...)
	if plan == nil {
		return r
	}
	r.Run, r.Tool, r.Changed = plan.Run, plan.Tool, plan.Changed
	r.LeftOut = append(r.LeftOut, plan.LeftOut...)
	outcomes := map[results.Key]results.Outcome{}
	for _, o := range l.Outcomes {
		outcomes[o.Key] = o
	}
	seen, noted := map[results.CellID]bool{}, map[noteKey]int{}
	for _, c := range plan.Cells {
		if seen[c.ID] {
			continue // a problem that the ledger names
		}
		seen[c.ID] = true
		row := Row{CellID: c.ID, Cell: c.Cell, State: results.AsExpected, Steps: []Step{}}
		for _, s := range c.Steps {
			o := outcomes[results.Key{Cell: c.ID, Step: s}]
			row.Steps = append(row.Steps, Step{s, o.State, o.Attempts, o.Conflict, o.Record})
			if rank(o.State) > rank(row.State) {
				row.State = o.State
			}
			r.Totals.add(o)
		}
		if len(c.Steps) == 0 {
			row.State = results.Missing
		}
		r.Rows = append(r.Rows, row)
		r.note(row, noted)
		r.Totals.count(row.State)
	}
	return r
}

func rank(s results.State) int {
	return slices.Index([]results.State{results.AsExpected, results.Inconclusive, results.Missing, results.NotAsExpected}, s)
}

func (t *Totals) count(s results.State) {
	t.Cells++
	switch s {
	case results.AsExpected:
		t.AsExpected++
	case results.NotAsExpected:
		t.NotAsExpected++
	default:
		t.Incomplete++
	}
}

func (t *Totals) add(o results.Outcome) {
	t.Steps++
	if o.Record == nil {
		return
	}
	t.Seconds += o.Record.Seconds
	t.CPU += o.Record.CPU
	for phase, seconds := range o.Record.CPUParts {
		t.CPUParts[phase] += seconds
	}
	t.Boots += o.Record.Boots
	in := o.Record.Inputs
	if in.KernelName == "" && in.QEMU == "" {
		return
	}
	m := Machine{o.Record.Cell.Arch, in.KernelName, in.QEMU, in.Accelerator, in.ImageOrigin}
	if !slices.Contains(t.Machines, m) {
		t.Machines = append(t.Machines, m)
	}
}

// JSON is the report as one line.
func (r Report) JSON() ([]byte, error) {
	b, err := results.Canonical(r)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
