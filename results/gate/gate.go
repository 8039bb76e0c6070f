// Package gate decides whether a run passes. It is the only place that turns records into an exit code.
//
// The rules: a failed step is a finding, exit 1, and so are two records of one step that contradict each other, and
// records of one project that were made from different sources. A planned step without a record, an error, and a skip that
// nobody requested are exit 3: missing evidence is never green. So are a run without a plan or without planned cells, a record
// that the plan does not know, and a record whose cell id is not the id of its cell, that passes although it says what was not
// expected, or that another plugproof or a run that was not merged into this one made. 1 beats 3. Any record that says fail counts, planned or not.
package gate

import (
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// Schema of a Decision.
const Schema = "plugproof/gate/v1"

// The exit codes that a Decision can have (DESIGN section 4).
const (
	ExitPass       = 0
	ExitFinding    = 1
	ExitIncomplete = 3
)

// Verdict is the decision in a word.
type Verdict string

// The verdicts.
const (
	Pass       Verdict = "pass"
	Finding    Verdict = "finding"
	Incomplete Verdict = "incomplete"
)

// Kind says why something stands in the way of a pass.
type Kind string

// The kinds. Fail and Conflict are findings; the others leave the run incomplete.
const (
	Fail      Kind = "fail"       // not as expected
	Conflict  Kind = "conflict"   // two records of one step, or of two steps, contradict each other
	Error     Kind = "error"      // infrastructure: nothing was learned
	Skip      Kind = "skip"       // not done, and nobody asked for that
	Missing   Kind = "missing"    // planned, and no record
	Unplanned Kind = "unplanned"  // recorded, and not planned
	BadRecord Kind = "bad-record" // the cell id is not the id of the cell, or a pass contradicts its own content
	BadPlan   Kind = "bad-plan"   // no plan, no cells, or a plan that contradicts itself
)

// Obstacle is one thing that stands in the way of a pass.
type Obstacle struct {
	Kind     Kind           `json:"kind"`
	CellID   results.CellID `json:"cell_id"`
	Cell     string         `json:"cell"` // for people
	Step     results.Step   `json:"step"`
	Expected string         `json:"expected"`
	Got      string         `json:"got"`
	Text     string         `json:"text"`
}

// Decision is what the gate says of a run.
type Decision struct {
	Schema   string     `json:"schema"`
	Run      string     `json:"run"`
	Verdict  Verdict    `json:"verdict"`
	Exit     int        `json:"exit"`
	Planned  int        `json:"planned"` // steps
	Passed   int        `json:"passed"`  // steps that are as expected
	Findings []Obstacle `json:"findings"`
}

// Decide holds the records against the plan, which is nil if there is none. It depends on nothing else, not even on
// the order of the records, except that obstacles come in the order of the plan.
func Decide(plan *results.Plan, records []results.Record) Decision {
	l := results.NewLedger(plan, records)
	d := Decision{Schema: Schema, Planned: len(l.Outcomes), Findings: []Obstacle{}}
	names := map[results.CellID]string{}
	if plan != nil {
		d.Run = plan.Run
		for _, c := range plan.Cells {
			names[c.ID] = c.Cell.String()
		}
	}
	for _, p := range l.Problems {
		d.Findings = append(d.Findings, Obstacle{Kind: BadPlan, Text: p})
	}
	for _, o := range l.Outcomes {
		if o.State == results.AsExpected {
			d.Passed++
			continue
		}
		d.Findings = append(d.Findings, obstacle(o, names[o.Key.Cell]))
	}
	for _, r := range l.Stray {
		d.Findings = append(d.Findings, stray(r, Unplanned, "the plan does not know this step"))
	}
	for _, r := range l.Forged {
		d.Findings = append(d.Findings, stray(r.Record, BadRecord, r.Why))
	}
	d.Verdict, d.Exit = Pass, ExitPass
	for _, f := range d.Findings {
		if f.Kind == Fail || f.Kind == Conflict {
			d.Verdict, d.Exit = Finding, ExitFinding
			break
		}
		d.Verdict, d.Exit = Incomplete, ExitIncomplete
	}
	return d
}

func obstacle(o results.Outcome, name string) Obstacle {
	f := Obstacle{CellID: o.Key.Cell, Cell: name, Step: o.Key.Step}
	if o.State == results.Missing {
		f.Kind, f.Text = Missing, "planned, and there is no record of it"
		return f
	}
	r := o.Record
	f.Expected, f.Got, f.Text = r.Expected, r.Verdict, why(*r)
	switch {
	case r.State() == results.NotAsExpected:
		f.Kind = Fail
	case o.Conflict != "":
		f.Kind, f.Text = Conflict, o.Conflict
	case r.Status == results.Skip:
		f.Kind = Skip
	default:
		f.Kind = Error
	}
	return f
}

// stray is the obstacle of a record that belongs to no planned step. If it says fail, that is what counts.
func stray(r results.Record, k Kind, text string) Obstacle {
	if r.State() == results.NotAsExpected {
		k, text = Fail, strings.TrimSuffix(text+": "+why(r), ": ")
	}
	return Obstacle{Kind: k, CellID: r.CellID, Cell: r.Cell.String(), Step: r.Step, Expected: r.Expected, Got: r.Verdict, Text: text}
}

// why is the shortest true answer that the record has: its reason, or its first bad subject.
func why(r results.Record) string {
	for _, s := range r.Subjects {
		if s.Status == results.Fail || s.Status == results.Error {
			text := fmt.Sprintf("%s: expected %s, got %s", s.Name, orUnknown(s.Expected), orUnknown(s.Verdict))
			if s.Text != "" {
				text += ": " + s.Text
			}
			return text
		}
	}
	return r.Reason
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
