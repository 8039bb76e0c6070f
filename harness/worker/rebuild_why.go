package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/inquiry"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/cause"
)

// inquire builds again to find out why twins differ. It is dear, so twins that differ as they are expected to are left alone unless the caller
// asks for more. What could not be found out for the machine's sake is said beside the verdict, which stands.
func (w *Worker) inquire(ctx context.Context, c *cell, t *twins, job build.Job) {
	if t.diff != nil {
		var ids []string
		for _, k := range t.diff.Causes {
			ids = append(ids, k.ID)
		}
		if !w.Inquire && t.job.RebuildAsExpected(t.diff.Verdict.String(), ids) {
			return
		}
	}
	tell := func(text string) {
		w.tell(Event{Cell: c.Cell.Cell, Step: results.Rebuild, Doing: t.job.Subject + ": " + text})
	}
	if t.why, t.unasked = inquiry.Twins(ctx, w.Builder, job, t.result, inquiry.Options{Seed: w.Seed, Say: tell}); t.unasked != nil && ctx.Err() != nil {
		t.err = ctx.Err()
	}
}

// reasons are the causes of a difference for the record: what further builds showed, else what the two files show. A fix is one with which
// a pair of builds came out equal, and nothing else is called so.
func (t *twins) reasons() (list []results.Cause) {
	if t.why == nil {
		for _, k := range t.diff.Causes {
			list = append(list, results.Cause{ID: k.ID, Subject: t.job.Subject, Evidence: k.Evidence, Guess: k.Guess, Proven: k.Proven})
		}
		return list
	}
	for _, g := range t.why.Groups {
		for _, k := range g.Causes {
			r := results.Cause{ID: k.ID, Subject: t.job.Subject, Evidence: k.Evidence, Guess: k.Guess, Proven: k.Proven}
			if k.Fix != nil {
				r.Fix = k.Fix.Text
			} else {
				r.Evidence += "; " + noFix(k)
			}
			list = append(list, r)
		}
	}
	return list
}

// noFix says that there is none, and where it is spoken of.
func noFix(k inquiry.Cause) string {
	text := "no known fix"
	if len(k.Tried) > 0 {
		text += " (tried without success: " + strings.Join(k.Tried, "; ") + ")"
	}
	if len(k.Upstream) > 0 {
		text += ", see " + strings.Join(k.Upstream, ", ")
	}
	if len(k.InPlace) > 0 {
		text += " (it is built like that already: " + strings.Join(k.InPlace, "; ") + ")"
	}
	if known, ok := cause.Lookup(k.ID); ok && k.ID != "unknown" && len(k.Tried)+len(k.InPlace) == 0 {
		text += "; what helps: " + known.Fix
	}
	return text
}

// detail adds to the record what the sides differed in and what was found by building again.
func (t *twins) detail(w *Worker, rec *results.Record) {
	r := t.result
	if r == nil {
		return
	}
	if rec.Rebuild == nil {
		rec.Rebuild = &results.RebuildDetail{Vary: w.Vary.OrDefault().String(), Seed: w.Seed, Varied: []results.Varied{}, NotVaried: []string{}, Inquiries: []results.Inquiry{}}
	}
	d := rec.Rebuild
	first := len(d.Varied) == 0
	for _, v := range r.Varied {
		if slices.ContainsFunc(d.Varied, func(x results.Varied) bool { return x.Name == v.Name }) {
			continue
		}
		d.Varied = append(d.Varied, results.Varied{Name: v.Name, A: v.A, B: v.B})
		if !first { // what varied for one of the subjects was varied
			d.NotVaried = slices.DeleteFunc(d.NotVaried, func(s string) bool { return s == v.Name || strings.HasPrefix(s, v.Name+": ") })
		}
	}
	if first {
		d.NotVaried = append(d.NotVaried, r.NotVaried...)
	}
	if t.why == nil && t.shipped == nil {
		return
	}
	q := results.Inquiry{Subject: t.job.Subject, Groups: []results.Guilty{}}
	if why := t.why; why != nil {
		q.Steady, q.Met, q.Fix, q.Builds, q.Short = &why.Steady, why.Met, fixOf(why.Fix), why.Builds, why.Short
		rec.Spend(results.PhaseBuild, why.CPU)
		for _, g := range why.Groups {
			group := results.Guilty{Variations: append([]string{}, g.Variations...), Minimal: g.Minimal, Causes: []results.Reason{}}
			for _, k := range g.Causes {
				group.Causes = append(group.Causes, results.Reason{ID: k.ID, Action: k.Action, Input: k.Input, Cascade: k.Cascade, Proven: k.Proven,
					Fix: fixOf(k.Fix), Tried: append([]string{}, k.Tried...), Upstream: append([]string{}, k.Upstream...)})
			}
			q.Groups = append(q.Groups, group)
		}
	}
	if s := t.shipped; s != nil {
		q.Against = &results.Against{SHA256: s.SHA256, Equal: s.Equal, Verdict: s.Verdict, Tried: append([]string{}, s.Tried...), Settles: append([]string{}, s.Settles...)}
		q.Builds += s.Builds
		if q.Fix == nil { // what makes the twins equal comes first
			q.Fix = fixOf(s.Fix)
		}
		rec.Spend(results.PhaseBuild, s.CPU)
	}
	d.Inquiries = append(d.Inquiries, q)
}

func fixOf(f *inquiry.Fix) *results.Fix {
	if f == nil {
		return nil
	}
	env := f.Env
	if env == nil {
		env = map[string]string{}
	}
	return &results.Fix{Text: f.Text, Flags: append([]string{}, f.Flags...), Env: env}
}

// guilty says in a few words what further builds showed, for the line of the subject.
func (t *twins) guilty() string {
	why := t.why
	switch {
	case t.unasked != nil:
		return fmt.Sprintf("; why could not be found out by building again: %v", t.unasked)
	case why == nil:
		return ""
	case !why.Steady:
		return fmt.Sprintf("; two builds in the same surroundings differ, too (%d builds)", why.Builds)
	}
	var sets []string
	for _, g := range why.Groups {
		if len(g.Variations) > 0 {
			sets = append(sets, strings.Join(g.Variations, " and "))
		}
	}
	if len(sets) == 0 {
		return ""
	}
	text := "; it depends on " + strings.Join(sets, ", and apart from that on ")
	if why.Met {
		text += ", and on nothing else that was varied"
	}
	text += fmt.Sprintf(" (%d builds)", why.Builds)
	if why.Short != "" {
		text += "; " + why.Short
	}
	return text
}
