package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/worker"
)

// everyGoTest stands for all of Go's own plugin tests.
const everyGoTest = "all"

// withGoTests adds the cells of Go's own plugin tests to the others, if the request asks for them, and puts their sources in place.
func (s *workshop) withGoTests(ctx context.Context, req request, w *worker.Worker, all []plan.Cell) ([]plan.Cell, error) {
	if len(req.TestPlugin) == 0 {
		return all, nil
	}
	if req.Pairs != "" && req.Pairs != "same" {
		return nil, usagef("leave --pairs out", "Go's own plugin tests are built by one Go each")
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
		return nil, usagef(choice.Hint(), "%w", err)
	}
	if err != nil {
		return nil, err
	}
	s.app.left, s.app.changed = left, worker.GoTestChange
	all = append(all, cells...)
	return all, plan.Distinct(all)
}

// leftOut says which of Go's own plugin tests are not among the cells, and what of them is not as Go has it.
func (a *app) leftOut() error {
	if a.changed != "" {
		if err := a.print("changed: " + a.changed + "\n"); err != nil {
			return err
		}
	}
	for _, l := range a.left {
		if err := a.print(fmt.Sprintf("%s\n", oneLine(l.String()))); err != nil {
			return err
		}
	}
	return nil
}
