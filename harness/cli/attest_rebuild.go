package cli

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
	"github.com/plugproof/plugproof/verify/attest"
)

// rebuilt are the records of a rebuild of a project, of the architectures that the statement names.
func (a *app) rebuilt(ctx context.Context, w attestWishes, s attest.Statement) ([]results.Record, error) {
	cache, err := a.openCache()
	if err != nil {
		return nil, err
	}
	scratch, done, err := a.kitScratch(cache)
	if err != nil {
		return nil, err
	}
	defer done()
	if len(w.arch) == 0 {
		for _, c := range s.Plan.Cells {
			if !slices.Contains(w.arch, c.Cell.Arch) {
				w.arch = append(w.arch, c.Cell.Arch)
			}
		}
	}
	dir := filepath.Join(scratch, "rebuilt")
	quiet := *a
	quiet.json, quiet.env.Stdout = false, io.Discard
	err = quiet.verify(ctx, verifyFlags{axes: w.axes, out: dir, noBoot: true, steps: []results.Step{results.Rebuild}}, []string{w.rebuild})
	if code := exitCode(0); err != nil && !errors.As(err, &code) {
		return nil, err
	}
	c, err := store.Read(dir)
	if err != nil {
		return nil, incompletef("", "%w", err)
	}
	return c.Records, nil
}
