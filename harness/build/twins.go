package build

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// Twins builds the job on both sides and compares the results. Source that does not build is data in the result; an error means that nothing was learned.
func (b *Builder) Twins(ctx context.Context, j Job) (*TwinResult, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	sources, err := j.Tree.Sources()
	if err != nil {
		return nil, &Error{Op: "building " + j.Subject, Err: err}
	}
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return nil, &Error{Op: "building " + j.Subject, Err: err}
	}
	defer done()

	r := &TwinResult{Sources: sources, Isolation: b.isolation().Map()}
	looked := make(chan time.Time, 1) // when side a had looked at the clock
	var failed [2]*Failure
	var stamps [2]string
	g, gctx := errgroup.WithContext(ctx)
	for i, name := range sideNames {
		out := [...]*Side{&r.A, &r.B}[i]
		g.Go(func() error {
			s, err := b.open(gctx, j, name, scratch)
			if err != nil {
				return err
			}
			defer s.shut()
			stamps[i] = s.stamp
			if name == "b" {
				if err := b.later(gctx, looked); err != nil {
					return err
				}
			}
			f, err := s.work(gctx, out, looked)
			failed[i] = f
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if stamps[0] != stamps[1] {
		return nil, &Error{Op: "building " + j.Subject, Text: "the sources were edited while they were copied", Kind: Usage, hint: "run it again when nothing writes to the tree"}
	}
	r.Varied, r.NotVaried = b.varied(j, scratch)
	r.Isolation["path"] = "copy"
	if b.isolation().Mount {
		r.Isolation["path"] = "copy, mounted"
	}
	r.Failed = together(failed[0], failed[1])
	r.Identical = r.Failed == nil && r.A.SHA256 == r.B.SHA256
	return r, nil
}

// work does everything of one side once it is its turn.
func (s *side) work(ctx context.Context, out *Side, looked chan<- time.Time) (*Failure, error) {
	if s.b.Slots != nil {
		if err := s.b.Slots.Acquire(ctx, 1); err != nil {
			return nil, &Error{Op: "building " + s.what(), Err: err}
		}
		defer s.b.Slots.Release(1)
	}
	*out = Side{Name: s.name, Started: s.b.Now(), Cache: filepath.Base(s.cache), Warm: s.warm}
	failed, err := s.prepare(ctx)
	if s.name == "a" {
		looked <- s.b.Now()
	}
	if failed == nil && err == nil {
		failed, err = s.make(ctx)
	}
	out.Log, out.CPU, out.Wall = s.plain(s.log.String()), s.cpu, s.wall
	if failed != nil || err != nil {
		return failed, err
	}
	out.Artifact, err = artifact(s.out, filepath.Join(s.job.Out, s.job.Name+"."+s.name))
	if err != nil {
		return nil, s.fail("keeping "+s.what(), err)
	}
	return nil, nil
}

// later waits until side a has looked at the clock and the clock shows another second, so that what shows seconds shows different ones.
func (b *Builder) later(ctx context.Context, looked <-chan time.Time) error {
	var at time.Time
	select {
	case <-ctx.Done():
		return ctx.Err()
	case at = <-looked:
	}
	wait := at.Truncate(time.Second).Add(time.Second).Sub(b.Now())
	if wait <= 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// together makes one failure of two: what both sides say is said once.
func together(a, b *Failure) *Failure {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.Op == b.Op && a.Text == b.Text:
		return &Failure{Op: a.Op, Text: a.Text}
	}
	return &Failure{Op: a.Op, Text: fmt.Sprintf("%s\n(side b says otherwise: %s)", a.Text, b.Text)}
}

func (j Job) check() error {
	fail := func(text string) error {
		return &Error{Op: "building " + j.Subject, Text: text, Kind: Usage}
	}
	switch {
	case j.Tree == nil, j.Package == "", j.Arch == "", j.Go.GOROOT == "", j.Out == "", j.Name == "":
		return fail("the job lacks a tree, a package, an architecture, a Go, or a place for its artifacts")
	case j.Plugin && j.Version != "":
		return fail("a plugin is built in a checkout and not at a version")
	}
	return nil
}
