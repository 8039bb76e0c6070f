package build

import (
	"context"
	"slices"
	"time"
)

// One builds the job on one side alone, "a" or "b". Source that does not build is a Failure; an error means that nothing was learned.
func (b *Builder) One(ctx context.Context, j Job, side string) (*Side, *Failure, error) {
	if !slices.Contains(sideNames, side) {
		return nil, nil, &Error{Op: "building " + j.Subject, Text: "there is no side " + side, Kind: Usage}
	}
	if err := j.check(); err != nil {
		return nil, nil, err
	}
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return nil, nil, &Error{Op: "building " + j.Subject, Err: err}
	}
	defer done()
	s, err := b.open(ctx, j, j.usual(side), scratch)
	if err != nil {
		return nil, nil, err
	}
	defer s.shut()
	out := new(Side)
	failed, err := s.work(ctx, out, make(chan time.Time, 1))
	if failed != nil || err != nil {
		return nil, failed, err
	}
	return out, nil, nil
}
