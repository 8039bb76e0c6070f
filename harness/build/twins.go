package build

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/harness/vary"
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
	sets, spent, err := b.settings(ctx, j, scratch)
	if err != nil {
		return nil, err
	}
	var sides [2]*side
	defer func() {
		for _, s := range sides {
			if s != nil {
				s.shut()
			}
		}
	}()
	looked := make(chan time.Time, 1) // when side a had looked at the clock
	opened := make(chan struct{})     // closed when both are open; without mounts b opens when a is done, and the channel is not used
	together := b.isolation().Mount
	var pending atomic.Int32
	pending.Store(int32(len(sideNames)))
	var failed [2]*Failure
	var after bool // side b waits for another second
	g, gctx := errgroup.WithContext(ctx)
	for i, name := range sideNames {
		out := [...]*Side{&r.A, &r.B}[i]
		g.Go(func() error {
			s, err := b.open(gctx, j, sets[i], scratch)
			if err != nil {
				return err
			}
			sides[i] = s
			if together {
				if pending.Add(-1) == 0 {
					after = sides[1].w.later && !timeless(j, sides[:])
					close(opened)
				}
				select {
				case <-opened:
				case <-gctx.Done():
					return gctx.Err()
				}
			} else {
				defer s.shut()
			}
			if wait := after || !together && s.w.later; name == "b" && wait {
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
	if sides[0].stamp != sides[1].stamp {
		return nil, &Error{Op: "building " + j.Subject, Text: "the sources were edited while they were copied", Kind: Usage, hint: "run it again when nothing writes to the tree"}
	}
	r.Varied, r.NotVaried = b.varied(j, sides[0].w, sides[1].w, scratch)
	if together && sides[1].w.later && !after {
		r.Varied = slices.DeleteFunc(r.Varied, func(v Variation) bool { return v.Name == vary.Time })
		r.NotVaried = append([]string{"time: nothing that this build does looks at the clock, so both sides worked at once"}, r.NotVaried...)
	}
	r.Isolation["path"] = "copy"
	if b.isolation().Mount {
		r.Isolation["path"] = "copy, mounted"
	}
	r.B.CPU += spent
	r.Failed = one(failed[0], failed[1])
	r.Identical = r.Failed == nil && r.A.SHA256 == r.B.SHA256
	if r.Failed == nil {
		remember(j, sides[:])
	}
	return r, nil
}

// settings are those of both sides. Side b has its lasting build cache in its usual surroundings only. In others it begins with the standard
// library that it compiled there, and compiles everything else anew; with the variation cold, the standard library too. spent is the time
// that this took.
func (b *Builder) settings(ctx context.Context, j Job, scratch string) (sets [2]setting, spent time.Duration, err error) {
	sets = [2]setting{j.usual("a"), j.usual("b")}
	if on := sets[1].on; on.Equal(vary.Default()) || on.Has(vary.Cold) {
		return sets, 0, nil
	}
	l := &Lab{b: b, job: j, scratch: scratch, seeds: map[string]string{}}
	sets[1].cache, err = l.anew(ctx, j, Order{Side: "b", On: sets[1].on})
	return sets, l.cpu, err
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
	out.Artifact, err = artifact(s.got, filepath.Join(s.job.Out, s.job.Name+"."+s.name))
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

// one makes one failure of two: what both sides say is said once.
func one(a, b *Failure) *Failure {
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
