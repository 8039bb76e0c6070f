package cli

import (
	"context"
	"errors"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/results"
)

// everyGoTest stands for all of Go's own plugin tests.
const everyGoTest = "all"

// leftOut is what of Go's own plugin tests is not in a plan as Go has it.
type leftOut struct {
	tests   []results.LeftOut
	changed string
}

// withGoTests adds the cells of Go's own plugin tests to the others, if the request asks for them, and puts their sources in place.
func (s *workshop) withGoTests(ctx context.Context, req request, w *worker.Worker, all []plan.Cell) ([]plan.Cell, leftOut, error) {
	if len(req.TestPlugin) == 0 {
		return all, leftOut{}, nil
	}
	if req.Pairs != "" && req.Pairs != "same" {
		return nil, leftOut{}, usagef("leave --pairs out", "Go's own plugin tests are built by one Go each")
	}
	x := axes{goSpecs: req.Go, arch: req.Arch, libc: req.Libc, pairs: req.Pairs}
	sel := x.selection()
	sel.Steps = req.Steps
	tests := req.TestPlugin
	if len(tests) == 1 && tests[0] == everyGoTest {
		tests = nil
	}
	cells, left, err := w.PlanGoTests(ctx, s.app.dir, sel, tests)
	var choice *worker.GoTestError
	if errors.As(err, &choice) {
		return nil, leftOut{}, usagef(choice.Hint(), "%w", err)
	}
	if err != nil {
		return nil, leftOut{}, err
	}
	all = append(all, cells...)
	return all, leftOut{left, worker.GoTestChange}, plan.Distinct(all)
}
