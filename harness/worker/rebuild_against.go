package worker

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/inquiry"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/results"
)

// Against is something that was shipped.
type Against struct {
	Subject string // "host", or a plugin's name in records; "" stands for every subject of which nothing else is said
	SHA256  results.Digest
	File    string // absolute; "" if only the digest is known
}

// notAsShipped is the verdict on twins that are equal, and not what was shipped.
const notAsShipped = "not-as-shipped"

// shippedOf is what is known to have been shipped of a job.
func (w *Worker) shippedOf(j plan.Job) (Against, bool) {
	for _, s := range w.Against {
		if s.Subject == j.Subject || s.Subject == "" {
			return s, true
		}
	}
	return Against{Subject: j.Subject, SHA256: j.Against}, j.Against != ""
}

// against compares twins with what was shipped, and looks for settings that give the shipped bytes.
func (w *Worker) against(ctx context.Context, c *cell, t *twins, job build.Job) {
	s, ok := w.shippedOf(t.job)
	if !ok || t.err != nil {
		return
	}
	if w.Plain {
		t.shipped = &inquiry.Shipped{SHA256: s.SHA256, Equal: t.result.A.SHA256 == s.SHA256}
		return
	}
	tell := func(text string) {
		w.tell(Event{Cell: c.Cell.Cell, Step: results.Rebuild, Doing: t.job.Subject + ": " + text})
	}
	ask := inquiry.Ask{SHA256: s.SHA256, File: s.File, Options: inquiry.Options{Seed: w.Seed, Say: tell}, Go: func(ctx context.Context, name string) (toolchain.Go, error) {
		return w.Store.Go(ctx, name)
	}}
	t.shipped, t.err = inquiry.Against(ctx, w.Builder, job, t.result, ask)
}

// unlike adds to a subject that it is not what was shipped.
func (t *twins) unlike(sub *results.Subject, rec *results.Record) {
	s := t.shipped
	if s == nil || s.Equal {
		return
	}
	sub.Status = results.Fail
	text := "side a is not what was shipped (" + s.SHA256.Short() + ")"
	if s.Verdict != "" {
		text += ": " + s.Verdict
	}
	switch {
	case len(s.Settles) > 0:
		text += "; the shipped bytes come out with " + strings.Join(s.Settles, ", ")
	case len(s.Tried) > 0:
		text += fmt.Sprintf("; tried without success: %s", strings.Join(s.Tried, ", "))
	}
	if sub.Verdict == identical {
		sub.Verdict = notAsShipped
	}
	if sub.Text != "" {
		sub.Text += "; "
	}
	sub.Text += text
	for _, k := range s.Causes {
		r := results.Cause{ID: k.ID, Subject: t.job.Subject, Evidence: k.Evidence, Guess: k.Guess, Proven: k.Proven}
		if s.Fix != nil && k.Proven {
			r.Fix = s.Fix.Text
		}
		rec.Causes = append(rec.Causes, r)
	}
}

// ReadShipped looks at a shipped file.
func ReadShipped(subject, file string) (Against, error) {
	f, err := shipped(filepath.Clean(file))
	return Against{Subject: subject, SHA256: f.sha256, File: file}, err
}
