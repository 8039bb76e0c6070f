package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/verify/policy"
)

// policies holds cells against the [policy] of their projects, as the policy step of a run. What does not depend on built files is found
// out once for each project, of all its cells, so that shards of a run agree on what is unused.
func (s *workshop) policies(all []plan.Cell, w *worker.Worker) func(context.Context, plan.Cell, []worker.Built) ([]policy.Finding, error) {
	var mu sync.Mutex
	known := map[*plan.Project]*evidence{}
	of := func(ctx context.Context, p *plan.Project) (*evidence, error) {
		mu.Lock()
		defer mu.Unlock()
		if e := known[p]; e != nil {
			return e, nil
		}
		var own []plan.Cell
		for _, c := range all {
			if c.Project == p {
				own = append(own, c)
			}
		}
		e, err := s.app.sources(ctx, s, own, true, nil, []string{s.cache, w.Dir})
		if err != nil {
			return nil, err
		}
		e.Texts = remember(e.Texts)
		known[p] = e
		return e, nil
	}
	return func(ctx context.Context, c plan.Cell, built []worker.Built) ([]policy.Finding, error) {
		e, err := of(ctx, c.Project)
		if err != nil {
			return nil, err
		}
		return e.hold(built)
	}
}

// hold holds a project with these built files against its rules. It leaves e as it is.
func (e *evidence) hold(built []worker.Built) ([]policy.Finding, error) {
	own := *e
	own.Files, own.lost = nil, append([]policy.Finding(nil), e.lost...)
	for _, b := range built {
		if _, err := os.Stat(b.File); errors.Is(err, os.ErrNotExist) {
			own.lose(b.Subject, "the file is not there")
			continue
		}
		n := len(own.Files)
		if err := own.file(b.File); err != nil {
			own.lose(b.Subject, "it cannot be looked at: %v", err)
		} else if len(own.Files) > n {
			own.Files[n].Name, own.Files[n].Shipped = b.Subject, b.Shipped
		}
	}
	now, _, err := e.app.today("")
	if err != nil {
		return nil, err
	}
	own.Now = now
	r, err := policy.Check(e.project.Policy, own.Evidence)
	if err != nil {
		return nil, fmt.Errorf("holding %s against its [policy]: %w", e.project.Name, err)
	}
	return append(r.Findings, own.missing(true)...), nil
}

// texts finds licence files, as policy.Evidence asks for them.
type texts = func(m policy.Version, replace *policy.Version, roots, dirs []string) ([]policy.Texts, error)

// remember reads each module's once, whatever cells ask for it.
func remember(find texts) texts {
	type answer struct {
		texts []policy.Texts
		err   error
	}
	var mu sync.Mutex
	known := map[string]answer{}
	return func(m policy.Version, replace *policy.Version, roots, dirs []string) ([]policy.Texts, error) {
		mu.Lock()
		defer mu.Unlock()
		from := m
		if replace != nil {
			from = *replace
		}
		key := fmt.Sprintf("%q %q %q %q", m, from, roots, dirs)
		a, ok := known[key]
		if !ok {
			a.texts, a.err = find(m, replace, roots, dirs)
			known[key] = a
		}
		return a.texts, a.err
	}
}
