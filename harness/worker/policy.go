package worker

import (
	"context"
	"fmt"
	"strconv"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/policy"
)

// Built is a host or plugin of a cell, as it was built or shipped.
type Built struct {
	Subject string // "host", or the plugin's name in records
	File    string
	Shipped bool // it was not built
}

// maxFindings bounds the findings that one record names.
const maxFindings = 100

// policy holds a cell's sources and side a's files against the project's rules and leaves the record of the policy step.
func (w *Worker) policy(ctx context.Context, c *cell) error {
	if !c.plans(results.Policy) {
		return nil
	}
	begun := w.Now()
	rec := results.Record{Cell: c.Cell.Cell, Step: results.Policy, Status: results.Pass, Inputs: c.inputs}
	switch {
	case c.trouble != nil && c.reason == buildFailed:
		rec.Status, rec.Reason = results.Skip, buildFailed
	case c.trouble != nil:
		rec.Status, rec.Reason = results.Error, c.reason
	case w.Policy == nil:
		rec.Status, rec.Reason = results.Error, "nothing holds this run against rules"
	default:
		w.tell(Event{Cell: c.Cell.Cell, Step: results.Policy, Doing: "holding against [policy]"})
		found, err := w.Policy(ctx, c.Cell, w.built(c, &rec))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			rec.Status, rec.Reason = results.Error, reasonOf(err)
			break
		}
		judgePolicy(&rec, found)
	}
	c.bad = c.bad || rec.State() != results.AsExpected
	return w.record(ctx, rec, begun)
}

// built are the cell's files, which are noted among the record's artifacts.
func (w *Worker) built(c *cell, rec *results.Record) []Built {
	var out []Built
	for i, f := range append([]file{c.host}, c.plugins...) {
		j := c.Jobs()[i]
		if j.Lock != "" {
			continue
		}
		out = append(out, Built{j.Subject, f.path, j.File != ""})
		if f.sha256 != "" {
			rec.Artifacts = append(rec.Artifacts, f.artifact(artifactName(i)))
		}
	}
	return out
}

// judgePolicy makes a record's subjects of findings: each speaks for itself, by its place, and one that says that something was not looked at
// leaves the step open.
func judgePolicy(rec *results.Record, found []policy.Finding) {
	for i, f := range found {
		name := f.File
		if f.Line > 0 {
			name += ":" + strconv.Itoa(f.Line)
		}
		sub := results.Subject{Name: name, Status: results.Fail, Verdict: string(f.Kind), Expected: results.PolicyHolds, Text: f.Text}
		if f.Rule > 0 {
			sub.Text += fmt.Sprintf(" (%s:%d)", plan.FileName, f.Rule)
		}
		if f.Incomplete {
			sub.Status, sub.Verdict = results.Error, ""
		}
		if i >= maxFindings {
			last := &rec.Subjects[len(rec.Subjects)-1]
			if i == maxFindings {
				rec.Subjects = append(rec.Subjects, sub)
				last = &rec.Subjects[i]
			}
			last.Name, last.Status = "more", results.Worse(last.Status, sub.Status)
			last.Verdict, last.Text = sub.Verdict, fmt.Sprintf("%d more findings: plugproof policy lists them", len(found)-maxFindings)
			continue
		}
		rec.Subjects = append(rec.Subjects, sub)
	}
	if len(found) == 0 {
		rec.Subjects = []results.Subject{{Name: results.PolicySubject, Status: results.Pass, Verdict: results.PolicyHolds, Expected: results.PolicyHolds}}
	}
	conclude(rec, results.PolicyHolds)
}
