package results

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// State says what is known of one planned step.
type State string

// The states of a planned step.
const (
	AsExpected    State = "as expected"
	NotAsExpected State = "not as expected" // a finding
	Missing       State = "missing"         // planned, and no record of it
	Inconclusive  State = "inconclusive"    // error, or skipped for a reason that nobody asked for
)

// Outcome is one planned step with what was recorded of it.
type Outcome struct {
	Key      Key
	State    State
	Record   *Record // the one that counts; nil if missing
	Attempts int     // how many records there are, equal ones counted once
	Conflict string  // how two conclusive records of this step, or this step's and another's, contradict each other; empty if they do not
}

// Ledger holds a plan against its records.
type Ledger struct {
	Outcomes []Outcome // in the order of the plan
	Stray    []Record  // not in the plan, sorted
	Forged   []Forged  // they count for nothing else
	Problems []string  // what is wrong with the plan itself
}

// Forged is a record that is not believed.
type Forged struct {
	Record
	Why string // Plan.Flaw
}

// NewLedger sorts records under the plan's steps. A step that has several records is judged by the gravest conclusive
// one (fail, then pass); an error or a skip counts only where nothing conclusive is there, so that a repeated attempt
// can complete a run but never turn a finding green.
func NewLedger(plan *Plan, records []Record) Ledger {
	var l Ledger
	byKey := map[Key][]Record{}
	for _, r := range records {
		if why := plan.Flaw(r); why != "" {
			l.Forged = append(l.Forged, Forged{r, why})
			continue
		}
		byKey[r.Key()] = append(byKey[r.Key()], r)
	}
	for k := range byKey {
		byKey[k] = distinct(byKey[k])
	}
	differing := map[CellID]bool{} // cells whose twins are known to differ: two runs of them have different digests by nature
	for k, recs := range byKey {
		for _, r := range recs {
			if k.Step == Rebuild && r.Verdict != "" && r.Verdict != Identical {
				differing[k.Cell] = true
			}
		}
	}
	planned := map[Key]bool{}
	switch {
	case plan == nil:
		l.Problems = append(l.Problems, "the run has no plan")
	case len(plan.Cells) == 0:
		l.Problems = append(l.Problems, "the plan has no cells")
	default:
		for _, c := range plan.Cells {
			if c.ID != c.Cell.ID() {
				l.Problems = append(l.Problems, fmt.Sprintf("the plan gives cell %q the id %q, which is not its own", c.Cell, c.ID.Short()))
			}
			if len(c.Steps) == 0 {
				l.Problems = append(l.Problems, fmt.Sprintf("the plan gives cell %q no steps", c.Cell))
			}
			first := len(l.Outcomes)
			for _, s := range c.Steps {
				k := Key{c.ID, s}
				if planned[k] {
					l.Problems = append(l.Problems, fmt.Sprintf("the plan names step %q of cell %q twice", s, c.Cell))
					continue
				}
				planned[k] = true
				l.Outcomes = append(l.Outcomes, judge(k, byKey[k], !differing[c.ID]))
			}
			hold(l.Outcomes[first:], !differing[c.ID])
		}
		oneSource(l.Outcomes, byKey)
	}
	for _, r := range records {
		if plan.Flaw(r) == "" && !planned[r.Key()] {
			l.Stray = append(l.Stray, r)
		}
	}
	slices.SortFunc(l.Stray, compareRecords)
	slices.SortFunc(l.Forged, func(a, b Forged) int { return compareRecords(a.Record, b.Record) })
	return l
}

// distinct sorts the records of one step as compareRecords does and drops repeated ones: a record that is there twice says no more.
func distinct(recs []Record) []Record {
	if len(recs) < 2 {
		return recs
	}
	type lined struct {
		rec  Record
		line []byte // nil if it cannot be written
	}
	all := make([]lined, len(recs))
	for i, r := range recs {
		line, _ := r.Line()
		all[i] = lined{r, line}
	}
	slices.SortFunc(all, func(a, b lined) int {
		return cmp.Or(a.rec.Started.Compare(b.rec.Started), bytes.Compare(a.line, b.line))
	})
	all = slices.CompactFunc(all, func(a, b lined) bool { return bytes.Equal(a.line, b.line) })
	out := make([]Record, len(all))
	for i, l := range all {
		out[i] = l.rec
	}
	return out
}

// judge judges a step by its distinct records.
func judge(k Key, recs []Record, sameBytes bool) Outcome {
	o := Outcome{Key: k, State: Missing, Attempts: len(recs)}
	for i := range recs {
		if o.Record == nil || weight(recs[i]) >= weight(*o.Record) {
			o.Record = &recs[i]
		}
	}
	if o.Record != nil {
		o.State = o.Record.State()
	}
	if o.Conflict = conflict(recs, sameBytes); o.Conflict != "" {
		o.State = NotAsExpected
	}
	return o
}

// hold holds the steps of one cell against each other. Where a step was repeated, other bytes can be right unless all have the same.
func hold(steps []Outcome, sameBytes bool) {
	var recs []Record
	for i, o := range steps {
		if o.Attempts != 1 && !sameBytes || o.State != AsExpected {
			continue
		}
		recs = append(recs, *o.Record)
		if text := disagreement(recs); text != "" {
			steps[i].State, steps[i].Conflict = NotAsExpected, text
			return
		}
	}
}

// weight orders the records of one step by which of them counts.
func weight(r Record) int {
	switch r.State() {
	case NotAsExpected:
		return 3
	case AsExpected:
		if r.Status == Pass {
			return 2
		}
		return 0 // a requested skip
	}
	return 1
}

// State of a record by itself. A subject that failed makes the record fail whatever the record says of itself.
func (r Record) State() State {
	status := r.Status
	for _, s := range r.Subjects {
		if s.Status != Skip {
			status = Worse(status, s.Status)
		}
	}
	switch {
	case status == Fail:
		return NotAsExpected
	case status == Pass, status == Skip && r.Reason == SkipRequested:
		return AsExpected
	}
	return Inconclusive
}

// compareRecords orders records by cell, step, time and at last by their bytes, so that no result depends on the order
// in which records arrived.
func compareRecords(a, b Record) int {
	by := cmp.Or(cmp.Compare(a.CellID, b.CellID), CompareSteps(a.Step, b.Step), a.Started.Compare(b.Started))
	if by != 0 {
		return by
	}
	x, _ := a.Line() // a record that cannot be written sorts first
	y, _ := b.Line()
	return bytes.Compare(x, y)
}

// conflict says how the conclusive ones among the records of one step contradict each other; sameBytes asks that their
// artifacts be equal too.
func conflict(recs []Record, sameBytes bool) string {
	var says []string
	verdicts, digests := map[string]bool{}, map[string]map[Digest]bool{}
	for _, r := range recs {
		if r.Status != Pass && r.Status != Fail {
			continue
		}
		verdicts[string(r.Status)+" "+r.Verdict] = true
		for _, a := range r.Artifacts {
			if a.SHA256 == "" || !sameBytes {
				continue
			}
			if digests[a.Name] == nil {
				digests[a.Name] = map[Digest]bool{}
			}
			digests[a.Name][a.SHA256] = true
		}
	}
	if len(verdicts) > 1 {
		says = append(says, "verdicts "+strings.Join(sorted(verdicts), " and "))
	}
	for _, name := range sorted(digests) {
		if len(digests[name]) > 1 {
			var short []string
			for _, d := range sorted(digests[name]) {
				short = append(short, d.Short())
			}
			says = append(says, fmt.Sprintf("artifact %q is %s", name, strings.Join(short, " and ")))
		}
	}
	return strings.Join(says, "; ")
}

func sorted[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
