package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
)

// Keep returns the records of a run that still hold: those of cells of which every planned step has a conclusive record,
// made from the same inputs as the cell has now. Cells skips these cells. A policy record is never kept, for what holds depends on the day:
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
		if len(own) == 0 {
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

// clean removes a cell's files, or keeps them beneath the run if something was not as expected.
func (w *Worker) clean(c *cell) {
	defer w.shelf.done(c)
	if w.Built != "" && !c.bad && c.trouble == nil {
		if err := c.handOut(filepath.Join(w.Built, c.ID().Short())); err != nil {
			w.tell(Event{Cell: c.Cell.Cell, Doing: "not keeping what was built (" + err.Error() + ")"})
		}
	}
	if c.bad && c.trouble == nil {
		kept := filepath.Join(w.Dir, "failures", string(c.ID()))
		if os.MkdirAll(filepath.Dir(kept), 0o777) == nil && os.RemoveAll(kept) == nil && os.Rename(c.dir, kept) == nil {
			w.shelf.lend(c, kept) // what is missing there is in the build cache
			return
		}
	}
	os.RemoveAll(c.dir)
}

// handOut puts what the cell built into dir: host, plugins under the names that the guest saw them by, and the probe where there is one.
func (c *cell) handOut(dir string) error {
	files := map[string]string{}
	if c.HostJob.Package != "" {
		files[hostName] = c.host.path
	}
	for i, p := range c.plugins {
		if c.Plugins[i].Package == "" {
			continue
		}
		name := filepath.Base(guestPath(c, i))
		if files[name] != "" {
			name = fmt.Sprintf("%d-%s", i, name)
		}
		files[name] = p.path
	}
	if c.probe.path != "" {
		files["probe"] = c.probe.path
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, build.Mark), []byte(c.Cell.Cell.String()+"\n"), 0o666); err != nil {
		return err
	}
	for name, from := range files {
		to := filepath.Join(dir, name)
		if err := os.Remove(to); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := place(from, to); err != nil {
			return err
		}
	}
	return nil
}
