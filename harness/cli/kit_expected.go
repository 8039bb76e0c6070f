package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// kitExpected is the part that says what the projects come out as: by the records of the run that --run names, else by
// building them now.
func (a *app) kitExpected(ctx context.Context, scratch string, args []string, w kitWishes) (supply.File, error) {
	dir := filepath.Join(scratch, "expected")
	var err error
	if w.run != "" {
		if dir, err = a.runDir(w.run); err != nil {
			return supply.File{}, err
		}
	} else {
		a.note("building the projects, to say what the site should get")
		quiet := *a
		quiet.json, quiet.env.Stdout = false, io.Discard
		err = quiet.verify(ctx, verifyFlags{axes: w.axes, out: dir, noBoot: true, steps: []results.Step{results.Rebuild}}, args)
		if code := exitCode(0); err != nil && (!errors.As(err, &code) || code != ExitFinding) { // what does not build is expected not to
			return supply.File{}, err
		}
	}
	c, err := store.Read(dir)
	if err != nil {
		return supply.File{}, incompletef("name a run that is whole", "%w", err)
	}
	list, uneven := supply.Expect(c.Records)
	for _, name := range uneven {
		a.note("%s does not come out the same twice, and nothing is expected of it", name)
	}
	if len(list) == 0 {
		a.note("no artifact is expected: no host or plugin was built twice to the same bytes")
	}
	return supply.ExpectedFile(w.name, list)
}

// expect has what is built of each cell compared with what an unpacked kit says that it comes out as. A project that lies in
// the cache, where a kit was unpacked to, must have the sources of one.
func (s *workshop) expect(ctx context.Context, w *worker.Worker, all []plan.Cell, args []string) error {
	x, err := supply.ReadExpectations(s.cache)
	if err != nil {
		return incompletef("unpack the kit again", "%w", err)
	}
	if x.Len() == 0 {
		return nil
	}
	own := slices.ContainsFunc(args, func(arg string) bool {
		return strings.HasPrefix(s.app.path(arg), filepath.Join(s.cache, "projects")+"/")
	})
	trees := map[*plan.Project]results.Digest{}
	compared := 0
	for i, c := range all {
		sources, ok := trees[c.Project]
		if !ok {
			tree, err := build.TreeOf(c, s.scratch, s.cache)
			if err != nil {
				return err
			}
			if sources, err = tree.Sources(); err != nil {
				return err
			}
			trees[c.Project] = sources
			switch {
			case x.Knows(sources):
			case own:
				return &Error{Code: ExitFinding, Err: fmt.Errorf("project %q is not what a kit brought: its files were changed", c.Cell.Project), Hint: "unpack the kit again"}
			default:
				s.app.note("no kit says what %s comes out as: its sources are others", c.Cell.Project)
			}
		}
		plugins := slices.Clone(c.Plugins)
		for n, job := range c.Jobs() {
			e, ok := x.Of(sources, c.Cell, artifactName(n))
			if !ok || job.Against != "" {
				continue
			}
			compared++
			if n == 0 {
				all[i].HostJob.Against = e.SHA256
				s.sameTools(ctx, c, e)
			} else {
				plugins[n-1].Against = e.SHA256
			}
		}
		all[i].Plugins = plugins
	}
	w.Plain = compared > 0 // sources and settings are the kit's: there is nothing to try
	s.app.note("%d of the artifacts are compared with what the kit expects", compared)
	return nil
}

// artifactName is what the i-th of a cell's jobs is called among the artifacts of records.
func artifactName(i int) string {
	if i == 0 {
		return "host"
	}
	return fmt.Sprintf("plugin.%d", i-1)
}

// sameTools says which tools are not those of the expectation: where bytes differ, that is why.
func (s *workshop) sameTools(ctx context.Context, c plan.Cell, e supply.Expectation) {
	if cc, err := s.store.C(ctx, c.Arch, c.Libc, toolchain.Elsewhere(c.CC, s.app.programPath())); err == nil && cc.Digest != e.CC {
		s.app.note("%s: the C compiler is not the one that the kit's digests were made with", c.Cell)
	}
	if g, err := s.store.Go(ctx, goName(c, c.HostJob.Go)); err == nil && g.Digest != e.HostGo {
		s.app.note("%s: %s is not the one that the kit's digests were made with", c.Cell, c.HostJob.Go)
	}
}
