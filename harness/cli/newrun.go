package cli

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// newRun makes the run's directory with its plan and its request.
func (a *app) newRun(out string, req request, all []plan.Cell, left leftOut) (*store.Run, error) {
	var random [10]byte
	rand.Read(random[:])
	id := store.NewID(a.env.Now(), [2]byte(random[:2]))
	dir := filepath.Join(store.Dir(a.dir), id)
	if out != "" {
		dir = a.path(out)
	}
	p := plan.ToPlan(id, tool(), binary.LittleEndian.Uint64(random[2:]), all)
	p.LeftOut, p.Changed = left.tests, left.changed
	if req.Shard != "" { // shards of one plan must not differ by chance
		seed, err := p.Digest()
		if err != nil {
			return nil, err
		}
		if p.Seed, err = strconv.ParseUint(seed.Hex()[:16], 16, 64); err != nil {
			return nil, err
		}
	}
	if req.Seed != 0 {
		p.Seed = req.Seed
	}
	request, err := req.file()
	if err != nil {
		return nil, err
	}
	run, err := store.Create(dir, p, request)
	if errors.Is(err, store.ErrExists) {
		return nil, usagef("name another directory, or go on with --resume", "%w", err)
	}
	return run, err
}

// resume takes up a run: records of cells that are complete and whose inputs are all equal stay, the others are dropped.
func (a *app) resume(ctx context.Context, dir string, all, own []plan.Cell, w *worker.Worker) (_ *store.Run, err error) {
	run, c, err := store.Open(dir) // nobody else writes it from here on
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, incompletef("wait for it, or end it", "%w", err)
	case errors.Is(err, store.ErrNoPlan):
		return nil, usagef("start a new run", "%w", err)
	case err != nil:
		return nil, incompletef("a damaged run cannot be resumed; start a new one", "%w", err)
	}
	defer func() {
		if err != nil {
			run.Close()
		}
	}()
	if c.Plan.Tool != tool() {
		return nil, usagef("start a new run", "run %q was made by %s, this is %s", dir, c.Plan.Tool, tool())
	}
	if err := samePlan(c.Plan, all); err != nil {
		return nil, err
	}
	w.RunID, w.Dir = c.Plan.Run, dir
	sound := slices.DeleteFunc(slices.Clone(c.Records), func(r results.Record) bool { return c.Plan.Flaw(r) != "" })
	kept, err := w.Keep(ctx, own, sound)
	if err != nil {
		return nil, err
	}
	a.note("%d of %d records kept", len(kept), len(c.Records))
	return run, run.Rewrite(kept)
}

func samePlan(p *results.Plan, all []plan.Cell) error {
	ids := map[results.CellID]bool{}
	for _, c := range p.Cells {
		ids[c.ID] = true
	}
	for _, c := range all {
		if !ids[c.ID()] {
			return usagef("start a new run", "the project's cells are not the run's any more: %s is new", c.Cell)
		}
		delete(ids, c.ID())
	}
	if len(ids) > 0 {
		return usagef("start a new run", "the project's cells are not the run's any more: %d are gone", len(ids))
	}
	return nil
}
