package attest

import (
	"fmt"
	"slices"

	"github.com/plugproof/plugproof/results"
)

// A Note is what a rebuild does not hold against a statement, and its reader should know: equal bytes may come of other sources.
type Note struct {
	Cell string         `json:"cell"` // the first one of which it is true; null: the whole statement
	Text string         `json:"text"`
	Then results.Digest `json:"then"` // of what was put in, as stated; null: not known, or not about that
	Now  results.Digest `json:"now"`  // the same, here
}

// Notes compares what was put into the stated builds and into those that were made here, and says what a rebuild cannot confirm.
func (s Statement) Notes(fresh []results.Record) []Note {
	here := map[results.CellID]results.Record{}
	for _, r := range fresh {
		if r.Step == results.Rebuild {
			here[r.CellID] = r
		}
	}
	out, said, rules := []Note{}, map[string]bool{}, false
	for _, then := range s.Records {
		rules = rules || then.Step == results.Policy
		now, ok := here[then.CellID]
		if then.Step != results.Rebuild || !ok || now.Status == results.Error {
			continue
		}
		for _, x := range put(then.Inputs, now.Inputs) {
			key := fmt.Sprint(then.Cell.Project, x)
			if x.then == x.now || said[key] {
				continue
			}
			said[key] = true
			out = append(out, Note{then.Cell.String(), x.text(), x.then, x.now})
		}
	}
	if rules && !slices.ContainsFunc(fresh, func(r results.Record) bool { return r.Step == results.Policy }) {
		out = append(out, Note{Text: "a rebuild does not hold the project against its policy again: what is stated of that is of the sources and the day of the run"})
	}
	return out
}

// text says that an input is not the stated one.
func (x input) text() string {
	is, one := "is", "the one"
	if x.many {
		is, one = "are", "those"
	}
	short := func(d results.Digest) string {
		if d == "" {
			return "unknown"
		}
		return d.Short()
	}
	return fmt.Sprintf("%s %s not %s stated: %s there, %s here", x.name, is, one, short(x.then), short(x.now))
}
