// Package merge unites the record sets of one plan: shards, workers, retries.
//
// Union is commutative, associative and idempotent, so that it does not matter who merged what first or how often.
// Every set carries the whole plan, not only its shard's part: a shard that never arrives leaves planned steps without
// records, which the gate sees. Sets of another plan or of another version of plugproof are refused.
package merge

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// Set is a plan with records of it.
type Set struct {
	Plan    results.Plan
	Records []results.Record
}

// Conflict is one step of which two records contradict each other: a finding, which the gate will find again in the
// merged run.
type Conflict struct {
	CellID results.CellID `json:"cell_id"`
	Cell   string         `json:"cell"`
	Step   results.Step   `json:"step"`
	Text   string         `json:"text"`
}

// Union unites sets. The result's records are sorted by the plan and then by their own bytes, equal records once; its
// plan is the one with the earliest run id, and names all runs that went into it. Each record keeps the id of the run that made it, and its log gets the name
// that LogName gives.
func Union(sets ...Set) (Set, []Conflict, error) {
	if len(sets) == 0 {
		return Set{}, nil, errors.New("merging: nothing to merge")
	}
	plan, err := samePlan(sets)
	if err != nil {
		return Set{}, nil, fmt.Errorf("merging: %w", err)
	}
	var all []results.Record
	for _, s := range sets {
		all = append(all, s.Records...)
	}
	recs, err := normalise(plan, all)
	if err != nil {
		return Set{}, nil, fmt.Errorf("merging: %w", err)
	}
	names := map[results.CellID]string{}
	for _, c := range plan.Cells {
		names[c.ID] = c.Cell.String()
	}
	var conflicts []Conflict
	ledger := results.NewLedger(&plan, recs)
	for _, o := range ledger.Outcomes {
		if o.Conflict != "" {
			conflicts = append(conflicts, Conflict{o.Key.Cell, names[o.Key.Cell], o.Key.Step, o.Conflict})
		}
	}
	for _, r := range ledger.Forged { // kept, for the gate to judge, but not in silence
		conflicts = append(conflicts, Conflict{r.CellID, r.Cell.String(), r.Step, r.Why})
	}
	return Set{Plan: plan, Records: recs}, conflicts, nil
}

// samePlan returns the least of the plans, after seeing that they are one plan.
func samePlan(sets []Set) (results.Plan, error) {
	first := sets[0].Plan
	least := first
	leastBytes, err := results.Canonical(first)
	if err != nil {
		return least, err
	}
	want, err := first.Digest()
	if err != nil {
		return least, err
	}
	for _, s := range sets[1:] {
		switch got, err := s.Plan.Digest(); {
		case err != nil:
			return least, err
		case s.Plan.Schema != first.Schema:
			return least, fmt.Errorf("run %q has plan schema %q, run %q has %q", s.Plan.Run, s.Plan.Schema, first.Run, first.Schema)
		case s.Plan.Tool != first.Tool:
			return least, fmt.Errorf("run %q was made by plugproof %q, run %q by %q", s.Plan.Run, s.Plan.Tool, first.Run, first.Tool)
		case s.Plan.Seed != first.Seed:
			return least, fmt.Errorf("run %q has seed %d, run %q has %d", s.Plan.Run, s.Plan.Seed, first.Run, first.Seed)
		case got != want:
			return least, fmt.Errorf("run %q has another plan than run %q", s.Plan.Run, first.Run)
		}
		b, err := results.Canonical(s.Plan)
		if err != nil {
			return least, err
		}
		if cmp.Or(cmp.Compare(s.Plan.Run, least.Run), bytes.Compare(b, leastBytes)) < 0 {
			least, leastBytes = s.Plan, b
		}
	}
	var runs []string
	for _, s := range sets {
		own := s.Plan.Runs()
		runs = append(runs, own...)
		for _, r := range s.Records {
			if r.Run != "" && !slices.Contains(own, r.Run) {
				return least, fmt.Errorf("a record of %q in run %q is of run %q, which was not merged into it", r.Cell, s.Plan.Run, r.Run)
			}
			if t := r.Inputs.Tool; t != "" && first.Tool != "" && t != first.Tool {
				return least, fmt.Errorf("a record of %q in run %q was made by plugproof %q, its plan by %q", r.Cell, s.Plan.Run, t, first.Tool)
			}
		}
	}
	slices.Sort(runs)
	if least.Merged = slices.Compact(runs); len(least.Merged) == 1 { // its own
		least.Merged = nil
	}
	return least, nil
}

// LogName is the name that a record's log has in a merged run: logs/RUN/NAME for a run's own logs/NAME, so that the logs
// of two runs do not meet. A name that has its run already stays as it is, and so does one of any other form.
func LogName(r results.Record) string {
	name, ok := strings.CutPrefix(r.Log, "logs/")
	if !ok || name == "" || strings.Contains(name, "/") || r.Run == "" || strings.ContainsAny(r.Run, "/\\") || strings.Trim(r.Run, ".") == "" {
		return r.Log
	}
	return "logs/" + r.Run + "/" + name
}

// normalise sorts records and drops repeated ones. Records outside the plan are kept, at the end: the gate judges them.
func normalise(plan results.Plan, recs []results.Record) ([]results.Record, error) {
	place := map[results.CellID]int{}
	for i, c := range plan.Cells {
		place[c.ID] = i
	}
	type item struct {
		rec  results.Record
		at   int
		line []byte
	}
	items := make([]item, len(recs))
	for i, r := range recs {
		r = r.Normal()
		r.Log = LogName(r)
		line, err := r.Line()
		if err != nil {
			return nil, fmt.Errorf("record of %q: %w", r.Cell, err)
		}
		at, ok := place[r.CellID]
		if !ok {
			at = len(plan.Cells)
		}
		items[i] = item{r, at, line}
	}
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rec.CellID, b.rec.CellID), results.CompareSteps(a.rec.Step, b.rec.Step), bytes.Compare(a.line, b.line))
	})
	items = slices.CompactFunc(items, func(a, b item) bool { return bytes.Equal(a.line, b.line) })
	out := make([]results.Record, len(items))
	for i, it := range items {
		out[i] = it.rec
	}
	return out, nil
}
