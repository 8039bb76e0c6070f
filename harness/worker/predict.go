package worker

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// predict says from the files what plugin.Open will do and leaves the record of the abi step.
func (w *Worker) predict(ctx context.Context, c *cell) error {
	begun := w.Now()
	rec := results.Record{Cell: c.Cell.Cell, Step: results.ABI, Status: results.Pass, Inputs: c.inputs}
	switch {
	case c.trouble != nil && c.reason == buildFailed:
		rec.Status, rec.Reason = results.Skip, buildFailed
	case c.trouble != nil:
		rec.Status, rec.Reason = results.Error, c.reason
	default:
		err := w.foretell(ctx, c, &rec)
		if err == nil {
			err = w.sourceEdits(ctx, c, &rec)
		}
		if err != nil {
			c.fail(err)
			rec.Status, rec.Reason = results.Error, c.reason
		}
	}
	if !c.plans(results.ABI) {
		return nil
	}
	if c.report != nil {
		if err := w.remember(c); err != nil {
			return err
		}
	}
	c.bad = c.bad || rec.State() != results.AsExpected
	return w.record(ctx, rec, begun)
}

// foretell predicts every open, in order, in one process of the guest.
func (w *Worker) foretell(ctx context.Context, c *cell, rec *results.Record) error {
	host, done, err := c.hostInput()
	if err != nil {
		return err
	}
	defer done()
	rec.Artifacts = append(rec.Artifacts, c.host.artifact("host"))
	var plugins []abi.Input
	for i, p := range c.plugins {
		in, done := abi.OpenInput(p.path)
		defer done()
		in.Path, in.SHA256, in.Symbols = guestPath(c, i), p.sha256, c.Plugins[i].Symbols
		in.Real = in.Path
		plugins = append(plugins, in)
		if p.sha256 != "" {
			rec.Artifacts = append(rec.Artifacts, p.artifact(fmt.Sprintf("plugin.%d", i)))
		}
	}
	model, err := vm.ModelOf(c.Arch)
	if err != nil {
		return err
	}
	opt := abi.Options{CPU: model.CPU["tcg"], SameSource: w.sameSource(ctx, c), OtherGo: func(plugin string) bool {
		return slices.ContainsFunc(c.pluginsAt(plugin), c.otherGo)
	}}
	if w.Root != nil {
		if opt.Root, opt.RootName, err = w.Root(c.Arch); err != nil {
			return err
		}
	}
	if opt.Root == nil {
		opt.Root, opt.RootName = abi.FileRoot(c.c.Loader, c.c.LoaderPath, "/lib/libc.so", "/usr/lib/libc.so"), "default image"
	}
	report, err := abi.Predict(host, plugins, opt)
	if given := cmp.Or(c.HostJob.File, c.HostJob.Lock); err != nil && given != "" {
		return fmt.Errorf("predicting with the host %q: %w", given, err)
	}
	if err != nil && len(c.Command) > 0 {
		return fmt.Errorf("predicting with the host that [build] command built, which is run for the host and for each plugin (PLUGPROOF_PACKAGE says for which): %w", err)
	}
	if err != nil {
		return fmt.Errorf("predicting: %w", err)
	}
	static := slices.ContainsFunc(report.Plugins, func(p abi.Plugin) bool { return p.Verdict == abi.HostCannotLoad })
	if err := c.runsHere(report.Host); err != nil && !static {
		return err
	}
	c.report = report
	for i, p := range report.Plugins {
		j := c.Plugins[i]
		sub := results.Subject{Name: j.Subject, Status: results.Pass, Verdict: string(p.Verdict), Expected: j.Expected, Text: said(p)}
		if j.Expected != plan.Predicted && j.Expected != sub.Verdict {
			sub.Status = results.Fail
		}
		if more := twoVersions(p); more != "" {
			sub.Text, sub.Note = more, otherSource(p)
			if len(p.Drift) > 0 {
				rec.Causes = append(rec.Causes, results.Cause{ID: "source-edit", Subject: j.Subject, Evidence: "the fingerprints agree, but " + more})
			}
		}
		if p.Cause != nil {
			rec.Causes = append(rec.Causes, results.Cause{ID: p.Cause.ID, Subject: j.Subject, Evidence: p.Cause.Evidence})
		}
		rec.Subjects = append(rec.Subjects, sub)
	}
	conclude(rec, string(abi.OK))
	return nil
}

// hostInput is the host as the guest will see it, or what its lock says of it.
func (c *cell) hostInput() (abi.Input, func() error, error) {
	in, done := abi.OpenInput(c.host.path)
	if c.HostJob.Lock == "" {
		in.Path, in.SHA256 = guest.PayloadDir+"/"+hostName, c.host.sha256
		in.Real = in.Path
		return in, done, nil
	}
	defer done()
	if in.R == nil {
		return in, nil, fmt.Errorf("reading the host's lock %q: %w", c.HostJob.Lock, in.Err)
	}
	data, err := io.ReadAll(io.LimitReader(io.NewSectionReader(in.R, 0, in.Size), abi.MaxLock+1))
	if err != nil {
		return in, nil, fmt.Errorf("reading the host's lock %q: %w", c.HostJob.Lock, err)
	}
	l, err := abi.ParseLock(data)
	if err != nil {
		return in, nil, fmt.Errorf("reading the host's lock %q: %w", c.HostJob.Lock, err)
	}
	return l.Input(guest.PayloadDir + "/" + hostName), func() error { return nil }, nil
}

// runsHere is an error if the host is of another kind of machine than the cell: what is predicted of a process that cannot
// start there would be no answer.
func (c *cell) runsHere(h abi.Host) error {
	switch {
	case h.Arch != c.Arch:
		return fmt.Errorf("the host is of architecture %s, this cell's is %s (choose it by [matrix] arch or --arch)", h.Arch, c.Arch)
	case h.Libc != nil && *h.Libc != c.Libc:
		return fmt.Errorf("the host uses %s, this cell's C library is %s: it cannot be started there", *h.Libc, c.Libc)
	}
	return nil
}
