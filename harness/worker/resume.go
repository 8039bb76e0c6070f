package worker

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
)

// Keep returns the records of a run that still hold: those of cells of which every planned step has a conclusive record,
// made from the same inputs as the cell has now, and, where something is not as expected, with the cell's files beneath the run. Cells skips these cells. A policy record is never kept, for what holds depends on the day:
// Cells makes that step again where the rest is kept.
func (w *Worker) Keep(ctx context.Context, cells []plan.Cell, records []results.Record) ([]results.Record, error) {
	w.start()
	byKey := map[results.Key][]results.Record{}
	for _, r := range records {
		byKey[r.Key()] = append(byKey[r.Key()], r)
	}
	var kept []results.Record
	for _, pc := range cells {
		var own []results.Record
		rules := slices.Contains(pc.Steps, results.Policy)
		for _, s := range pc.Steps {
			if s == results.Policy {
				continue
			}
			list := byKey[results.Key{Cell: pc.ID(), Step: s}]
			if len(list) != 1 || list[0].State() == results.Inconclusive || list[0].Flaw() != "" || rules && !repeatable(list[0]) {
				own = nil
				break
			}
			own = append(own, list[0])
		}
		if len(own) == 0 || w.lacksFolder(pc.ID(), own) {
			continue
		}
		same, err := w.sameInputs(ctx, pc, own)
		if err != nil {
			return nil, err
		}
		if same {
			kept = append(kept, own...)
			w.kept[pc.ID()] = keptAll
			if rules {
				w.kept[pc.ID()] = keptButPolicy
			}
		}
	}
	return kept, nil
}

// lacksFolder reports whether a cell is not as expected and its files are not beneath the run: it was killed after the record was written and
// before they were moved there, or somebody removed them.
func (w *Worker) lacksFolder(id results.CellID, own []results.Record) bool {
	if !slices.ContainsFunc(own, func(r results.Record) bool { return r.State() == results.NotAsExpected }) {
		return false
	}
	_, err := os.Stat(filepath.Join(w.Dir, failuresDir, string(id)))
	return err != nil
}

// keeping says how much of a cell is taken over from the run that is resumed.
type keeping int

const (
	keptNone keeping = iota
	keptAll
	keptButPolicy
)

// repeatable reports whether a record can stay while the files that it is about are built again: they come out the same, and nothing that was
// kept of them is in the way.
func repeatable(r results.Record) bool {
	return r.State() == results.AsExpected && (r.Step != results.Rebuild || r.Status == results.Skip || r.Verdict == results.Identical)
}

// left are the cells that still have something to do, each with its steps that have.
func (w *Worker) left(cells []plan.Cell) []plan.Cell {
	var out []plan.Cell
	for _, c := range cells {
		switch w.kept[c.ID()] {
		case keptAll:
			continue
		case keptButPolicy:
			c.Steps = []results.Step{results.Policy}
		}
		out = append(out, c)
	}
	return out
}

// sameInputs reports whether the cell's inputs are now what the records say that they were.
func (w *Worker) sameInputs(ctx context.Context, pc plan.Cell, own []results.Record) (bool, error) {
	c, err := w.begin(ctx, pc)
	os.RemoveAll(c.dir)
	if err != nil {
		return false, ctx.Err()
	}
	for _, r := range own {
		was, now := r.Inputs, c.inputs
		if r.Step == results.Load && r.Status != results.Skip {
			g, err := w.ground(ctx, c)
			if err != nil {
				return false, ctx.Err()
			}
			now.Kernel, now.Image, now.ImageOrigin, now.QEMU, now.Accelerator = g.Kernel, g.Image, g.ImageOrigin, g.Machine.Version, g.Machine.Accel
			now.KernelName = was.KernelName // the same kernel says the same of itself
		}
		now.Tool, now.Isolation, was.Isolation = w.Tool, nil, nil
		a, errA := results.Canonical(was)
		b, errB := results.Canonical(now)
		if errA != nil || errB != nil || string(a) != string(b) {
			return false, nil
		}
	}
	return true, nil
}
