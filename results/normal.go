package results

import (
	"cmp"
	"slices"
	"time"
)

// Normal returns r as it is written: the schema and the cell's id filled in where they are empty, lists present though
// empty, and the start in UTC with whole milliseconds.
func (r Record) Normal() Record {
	if r.Schema == "" {
		r.Schema = RecordSchema
	}
	if r.CellID == "" {
		r.CellID = r.Cell.ID()
	}
	if r.Causes == nil {
		r.Causes = []Cause{}
	}
	if r.Artifacts == nil {
		r.Artifacts = []Artifact{}
	}
	r.Started = r.Started.UTC().Truncate(time.Millisecond)
	return r
}

// Spend adds CPU seconds of a phase.
func (r *Record) Spend(phase string, seconds float64) {
	r.CPU += seconds
	if seconds == 0 {
		return
	}
	if r.CPUParts == nil {
		r.CPUParts = map[string]float64{}
	}
	r.CPUParts[phase] += seconds
}

// Line is the record's line in records.jsonl, without the newline.
func (r Record) Line() ([]byte, error) { return Canonical(r.Normal()) }

// Key names one planned step: the unit that must leave a record.
type Key struct {
	Cell CellID
	Step Step
}

// Key of the record.
func (r Record) Key() Key { return Key{r.CellID, r.Step} }

// order of the known steps; an unknown one comes after them.
func (s Step) order() int {
	if i := slices.Index([]Step{Rebuild, ABI, Load, Policy}, s); i >= 0 {
		return i
	}
	return 4
}

// CompareSteps orders steps as a run does them.
func CompareSteps(a, b Step) int {
	return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a, b))
}
