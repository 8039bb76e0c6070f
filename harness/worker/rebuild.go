package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/inquiry"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/elfdiff"

	"golang.org/x/sync/errgroup"
)

// buildFailed is the verdict on source that does not compile.
const buildFailed = "build-failed"

// build makes everything that the cell needs and leaves the records of its rebuild and abi steps.
func (w *Worker) build(ctx context.Context, pc plan.Cell) (*cell, error) {
	begun := w.Now()
	w.tell(Event{Cell: pc.Cell, Doing: "preparing"})
	if tc, ok := w.goTests[pc.ID()]; ok {
		return w.buildGoTest(ctx, pc, tc)
	}
	c, err := w.begin(ctx, pc)
	if err != nil {
		c.fail(err)
	}
	if err := w.rebuild(ctx, c, begun); err != nil {
		return c, err
	}
	if err := w.policy(ctx, c); err != nil {
		return c, err
	}
	return c, w.predict(ctx, c)
}

// fail notes why nothing further can be learned of the cell.
func (c *cell) fail(err error) {
	if c.trouble == nil {
		c.trouble, c.reason = err, reasonOf(err)
	}
}

// reasonOf is an error in words, with what to do about it.
func reasonOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return err.Error() + " (" + h.Hint() + ")"
	}
	return err.Error()
}

// rebuild makes the twins of the host and of every plugin, and the probe.
func (w *Worker) rebuild(ctx context.Context, c *cell, begun time.Time) error {
	rec := results.Record{Cell: c.Cell.Cell, Step: results.Rebuild, Status: results.Pass, Inputs: c.inputs}
	if c.trouble == nil {
		made, err := w.make(ctx, c)
		if err != nil {
			return err
		}
		if err := w.unchanged(ctx, c); err != nil {
			c.fail(err)
			made = nil
		}
		for i, m := range made {
			m.into(c, &rec)
			m.detail(w, &rec)
			if i == 0 {
				c.host = m.file
			} else {
				c.plugins = append(c.plugins, m.file)
			}
		}
	}
	if !c.plans(results.Rebuild) {
		return nil
	}
	if c.trouble != nil && len(rec.Subjects) == 0 {
		rec.Status, rec.Reason = results.Error, c.reason
	} else {
		conclude(&rec, identical)
	}
	c.bad = c.bad || rec.State() != results.AsExpected
	return w.record(ctx, rec, begun)
}

// unchanged is an error if a Go that the cell was built with is not the one of which its records tell.
func (w *Worker) unchanged(ctx context.Context, c *cell) error {
	for _, j := range c.Jobs() {
		if err := w.Store.Unchanged(ctx, c.gos[j.Go]); err != nil {
			return err
		}
	}
	return nil
}

// identical is the harmless verdict on twins.
const identical = "identical"

// make builds everything of the cell, or takes what an earlier cell has built.
func (w *Worker) make(ctx context.Context, c *cell) ([]*twins, error) {
	made := make([]*twins, 1+len(c.Plugins))
	g, gctx := errgroup.WithContext(ctx)
	for i, j := range c.Jobs() {
		g.Go(func() error {
			made[i] = w.artifact(gctx, c, j, artifactName(i), i > 0)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return made, ctx.Err()
}

// artifactName is what the i-th of a cell's jobs is called among the artifacts of records.
func artifactName(i int) string {
	if i == 0 {
		return "host"
	}
	return fmt.Sprintf("plugin.%d", i-1)
}

// twins is one artifact, built twice or shipped.
type twins struct {
	job    plan.Job
	name   string
	file   file               // of side a
	result *build.TwinResult  // nil for a shipped file
	diff   *elfdiff.Report    // nil if identical
	asked  *build.ProbeResult // of a host
	err    error
	mute   error // why there is no probe: the load cannot be seen, and the rest stands

	why     *inquiry.Report  // what building again showed of a difference; nil if nobody asked
	unasked error            // why it could not be found out
	shipped *inquiry.Shipped // the comparison with what was shipped; nil if nothing was
}

// twins builds one artifact twice and compares, or takes the shipped file.
func (w *Worker) twins(ctx context.Context, c *cell, j plan.Job, name string, plugin bool) *twins {
	t := &twins{job: j, name: name}
	if given := cmp.Or(j.File, j.Lock); given != "" {
		path := filepath.Join(c.Project.Dir, filepath.FromSlash(given))
		if t.file, t.err = shipped(path); plugin && t.err != nil { // a plugin that is not there is a prediction
			t.file, t.err = file{path: path}, nil
		}
		return t
	}
	job := c.job(j, name, plugin)
	job.Vary = w.Vary
	if t.err = w.fetch(ctx, c, job); t.err != nil {
		return t
	}
	w.tell(Event{Cell: c.Cell.Cell, Step: results.Rebuild, Doing: "building " + j.Subject + " twice"})
	if t.result, t.err = w.Builder.Twins(ctx, job); t.err != nil {
		return t
	}
	if f := t.result.Failed; f != nil {
		if f.Side == "b" { // it builds in side a's surroundings
			w.inquire(ctx, c, t, job)
		}
		return t
	}
	t.file = file{t.result.A.File, t.result.A.SHA256, t.result.A.Size}
	if !t.result.Identical {
		if t.diff, t.err = diff(t.result.A.File, t.result.B.File); t.err == nil {
			w.inquire(ctx, c, t, job)
		}
	}
	w.against(ctx, c, t, job)
	return t
}

// probe builds the host's probe beside its twins.
func (t *twins) probe(ctx context.Context, w *Worker, c *cell) {
	w.tell(Event{Cell: c.Cell.Cell, Step: results.Load, Doing: "building the probe"})
	if t.asked, t.mute = w.Builder.Probe(ctx, c.job(t.job, "probe", false)); t.mute == nil && t.asked.Failed != nil {
		t.mute = fmt.Errorf("building the probe: %s: %s", t.asked.Failed.Op, t.asked.Failed.Text)
	}
}

// into adds what was found to the record and to the cell.
func (t *twins) into(c *cell, rec *results.Record) {
	sub := results.Subject{Name: t.job.Subject, Status: results.Pass, Verdict: identical, Expected: t.job.Rebuild}
	var causes []string
	switch r := t.result; {
	case t.err != nil:
		c.fail(t.err)
		sub.Status, sub.Verdict, sub.Text = results.Error, "", reasonOf(t.err)
	case r == nil:
		sub.Status, sub.Verdict, sub.Text = results.Skip, "", results.SkipRequested
		if t.file.sha256 != "" {
			rec.Artifacts = append(rec.Artifacts, t.file.artifact(t.name))
		}
	case r.Failed != nil:
		sub.Verdict, sub.Text = buildFailed, r.Failed.Op+": "+r.Failed.Text
		if r.Failed.Side != "" {
			sub.Text += "\non side " + r.Failed.Side + " alone" + t.guilty()
		}
		if c.trouble == nil {
			c.trouble, c.reason = errors.New(buildFailed), buildFailed
		}
	case t.diff != nil:
		sub.Verdict, sub.Text = t.diff.Verdict.String(), outline(t.diff)+t.guilty()
		for _, k := range t.reasons() {
			causes = append(causes, k.ID)
			rec.Causes = append(rec.Causes, k)
		}
	}
	if t.mute != nil {
		c.mute = t.mute
	}
	if p := t.asked; p != nil && t.err == nil && t.mute == nil {
		c.probe = file{p.File, p.SHA256, p.Size}
		rec.Spend(results.PhaseProbe, p.CPU.Seconds())
	}
	if r := t.result; r != nil {
		rec.Spend(results.PhaseBuild, r.CPU().Seconds())
		if sub.Status == results.Pass && !t.job.RebuildAsExpected(sub.Verdict, causes) {
			sub.Status = results.Fail
		}
		t.unlike(&sub, rec)
		if r.Failed == nil && t.err == nil {
			rec.Artifacts = append(rec.Artifacts, results.Artifact{Name: t.name + ".a", SHA256: r.A.SHA256, Size: r.A.Size},
				results.Artifact{Name: t.name + ".b", SHA256: r.B.SHA256, Size: r.B.Size})
		}
		if rec.Inputs.Isolation == nil {
			rec.Inputs.Isolation = map[string]string{}
		}
		maps.Copy(rec.Inputs.Isolation, r.Isolation)
		c.inputs.Isolation = rec.Inputs.Isolation
	}
	rec.Subjects = append(rec.Subjects, sub)
}

// gravity orders verdicts: twins' by what may differ, and what does not build above all. Of any others the first that is not harmless speaks.
func gravity(verdict, harmless string) int {
	switch verdict {
	case harmless:
		return 0
	case buildFailed:
		return 2 + int(elfdiff.Incomparable)
	}
	for v := elfdiff.Identical; v <= elfdiff.Incomparable; v++ {
		if v.String() == verdict {
			return 1 + int(v)
		}
	}
	return 1
}

func diff(a, b string) (*elfdiff.Report, error) {
	var in [2]elfdiff.Input
	for i, path := range []string{a, b} {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("comparing twins: %w", err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, fmt.Errorf("comparing twins: %w", err)
		}
		in[i] = elfdiff.Input{Path: path, R: f, Size: info.Size()}
	}
	return elfdiff.Compare(in[0], in[1])
}

// conclude fills a record's status, verdict and expectation from its subjects: the gravest one speaks for all, and among
// equals the one with the gravest verdict.
func conclude(rec *results.Record, harmless string) {
	if len(rec.Subjects) == 0 {
		rec.Status, rec.Reason = results.Error, "nothing was looked at"
		return
	}
	rec.Status = results.Skip
	skipped := !slices.ContainsFunc(rec.Subjects, func(s results.Subject) bool { return s.Status != results.Skip })
	if skipped {
		rec.Reason = results.SkipRequested
		return
	}
	rec.Status = results.Pass
	speaker := -1
	for i, s := range rec.Subjects {
		if s.Status == results.Skip {
			continue
		}
		rec.Status = results.Worse(rec.Status, s.Status)
		if speaker < 0 || s.Status.Gravity() > rec.Subjects[speaker].Status.Gravity() ||
			s.Status == rec.Subjects[speaker].Status && gravity(s.Verdict, harmless) > gravity(rec.Subjects[speaker].Verdict, harmless) {
			speaker = i
		}
	}
	rec.Verdict, rec.Expected = rec.Subjects[speaker].Verdict, rec.Subjects[speaker].Expected
	if rec.Status == results.Error {
		rec.Reason = rec.Subjects[speaker].Text
	}
}

// outline is a comparison in one line.
func outline(r *elfdiff.Report) string {
	var where []string
	for i, s := range r.Sections {
		if i == 4 {
			where = append(where, fmt.Sprintf("%d more", len(r.Sections)-i))
			break
		}
		where = append(where, s.Name)
	}
	text := fmt.Sprintf("%d bytes differ", r.Bytes.Differing)
	if len(where) > 0 {
		text += " in " + strings.Join(where, ", ")
	}
	if len(r.Symbols.Changed) > 0 {
		text += "; first changed symbol: " + r.Symbols.Changed[0]
	}
	return text
}
