package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/gate"
	"github.com/plugproof/plugproof/results/report"
	"github.com/plugproof/plugproof/results/store"
)

// verifyFlags are verify's own flags and arguments: what a resumed run needs to be asked the same again.
type verifyFlags struct {
	axes
	out       string
	resume    string
	noBoot    bool
	freshBoot bool
	cold      bool
	junit     string
	steps     []results.Step // nil: all

	testplugin []string // Go's own plugin tests: names, or "all"
}

func newVerifyCmd(a *app) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [PROJECT...]",
		Short: "Rebuild twice, predict, load for real: the main job",
		Long: `For every cell of every project: build the host and each plugin twice in deliberately different surroundings
and compare, predict from the files what plugin.Open will do, load for real in a virtual machine, and hold each
against the other and against what the project expects. PROJECT is a directory with a plugproof.toml, a .txtar
file, fixture:NAME or fixture:all; the current directory when omitted. Every call is a new run, kept under
results/runs of -C; --resume goes on with one that was cut short. --testplugin runs the tests that Go itself has of
plugins, for musl and in virtual machines, instead of the current directory or besides the projects.`,
		Example: "  plugproof verify\n  plugproof verify --arch amd64 fixture:matching\n  plugproof verify --go go1.25.3,go1.26.8 --pairs all DIR",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), f, args)
		},
	}
	f.axes.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the run's `DIR`; default results/runs/ID")
	fl.StringVar(&f.resume, "resume", "", "go on with `RUN`: records whose inputs are all equal are kept, the rest is done again")
	fl.BoolVar(&f.noBoot, "no-boot", false, "do not load in a virtual machine (skip, requested)")
	fl.BoolVar(&f.freshBoot, "fresh-boot", false, "boot a machine for each load instead of restoring a saved one")
	fl.BoolVar(&f.cold, "cold", false, "throw both sides' build caches away first")
	fl.StringVar(&f.junit, "junit", "", "also write the report as JUnit to `FILE`")
	fl.StringSliceVar(&f.testplugin, "testplugin", nil, "Go's own plugin tests, read from each GOROOT: all, or those `NAMED` as in --testplugin=TestRunHost,TestMethod")
	fl.Lookup("testplugin").NoOptDefVal = everyGoTest
	return cmd
}

// verify makes or resumes a run and reports it.
func (a *app) verify(ctx context.Context, f verifyFlags, args []string) error {
	req := request{Projects: args, Go: f.goSpecs, Arch: f.arch, Libc: f.libc, Pairs: f.pairs, NoBoot: f.noBoot, FreshBoot: f.freshBoot, Cold: f.cold, Steps: f.steps, TestPlugin: f.testplugin}
	dir := ""
	if f.out != "" && f.resume != "" {
		return usagef("a resumed run stays where it is", "--out and --resume exclude each other")
	}
	if f.resume != "" {
		if len(args) > 0 || len(f.goSpecs)+len(f.arch)+len(f.libc)+len(f.testplugin) > 0 {
			return usagef("a resumed run keeps its own projects and axes", "--resume takes no projects and no axes")
		}
		var err error
		if dir, err = a.runDir(f.resume); err != nil {
			return err
		}
		if req, err = readRequest(dir); err != nil {
			return err
		}
	}
	all, err := a.cellsOf(req)
	if err != nil {
		return err
	}
	shop, done, err := a.openWorkshop()
	if err != nil {
		return err
	}
	defer done()
	shop.freshBoot = req.FreshBoot
	shop.builder.Cold = req.Cold && f.resume == ""
	if err := shop.place(all); err != nil {
		return err
	}
	if err := shop.check(ctx, all); err != nil {
		return err
	}
	w := shop.worker(req)
	if all, err = shop.withGoTests(ctx, req, w, all); err != nil {
		return err
	}
	var run *store.Run
	if f.resume != "" {
		run, err = a.resume(ctx, dir, all, w)
	} else {
		run, err = a.newRun(f.out, req, all)
	}
	if err != nil {
		return err
	}
	defer run.Close()
	return a.work(ctx, shop, w, run, all, f.junit)
}

// check looks for what the projects name and fetches the toolchains before anything is built. One that does not exist is the user's mistake and ends the run
// before it begins; one that cannot be had just now is for the records of its cells.
func (s *workshop) check(ctx context.Context, all []plan.Cell) error {
	for _, c := range all {
		if err := named(c); err != nil {
			return err
		}
	}
	_, err := s.toolchains(ctx, all)
	var e *toolchain.Error
	if errors.As(err, &e) && e.Usage {
		return err
	}
	return ctx.Err()
}

// named looks for the directories and the host file that a project names. A plugin's file that is not there is a prediction.
func named(c plan.Cell) error {
	for i, j := range c.Jobs() {
		what, name := "directory", j.Dir
		switch {
		case i == 0 && j.File != "":
			what, name = "host file", j.File
		case j.Lock != "":
			what, name = "host lock", j.Lock
		}
		if name == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(c.Project.Dir, filepath.FromSlash(name)))
		switch {
		case err != nil:
			return usagef("look at "+plan.FileName, "project %s: no %s %q", c.Cell.Project, what, name)
		case info.IsDir() != (what == "directory"):
			return usagef("look at "+plan.FileName, "project %s: %q is no %s", c.Cell.Project, name, what)
		}
	}
	return nil
}

// work fetches what the cells need, runs them and reports.
func (a *app) work(ctx context.Context, shop *workshop, w *worker.Worker, run *store.Run, all []plan.Cell, junit string) error {
	w.Run, w.RunID, w.Dir = run, run.Plan.Run, run.Dir
	watch := newWatch(a, len(all), w.Ahead(all))
	defer watch.stop()
	w.Event = watch.event
	fmt.Fprintf(a.env.Stderr, "plugproof: run %s: %s, kept in %s\n", run.Plan.Run, plural(len(all), "cell"), a.short(run.Dir))
	err := w.Cells(ctx, all)
	watch.stop()
	if err != nil {
		if ctx.Err() != nil {
			fmt.Fprintf(a.env.Stderr, "plugproof: interrupted; go on with: plugproof verify --resume %s\n", a.short(run.Dir))
		}
		return err
	}
	c, err := store.Read(run.Dir)
	if err != nil {
		return err
	}
	return a.conclude(run.Dir, c, junit)
}

// conclude shows a finished run and returns the gate's verdict.
func (a *app) conclude(dir string, c store.Contents, junit string) error {
	r := report.New(c.Plan, c.Records)
	if junit != "" {
		text, err := r.JUnit()
		if err == nil {
			err = os.WriteFile(a.path(junit), text, 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing JUnit: %w", err)
		}
	}
	d := gate.Decide(c.Plan, c.Records)
	if kept := filepath.Join(dir, "failures"); d.Exit != ExitOK {
		if _, err := os.Stat(kept); err == nil {
			fmt.Fprintf(a.env.Stderr, "plugproof: the files of cells that are not as expected are in %s\n", a.short(kept))
		}
	}
	var err error
	if a.json {
		err = a.printJSON(verifyDoc{Schema: "plugproof/verify/v1", Dir: dir, Exit: d.Exit, Gate: d, Report: r, LeftOut: append([]worker.LeftOut{}, a.left...), Changed: a.changed})
	} else if err = r.Text(a.env.Stdout, a.style()); err == nil {
		err = a.leftOut()
	}
	if err != nil {
		return err
	}
	return verdict(d.Exit)
}

// verifyDoc is the `verify --json` document.
type verifyDoc struct {
	Schema string        `json:"schema"`
	Dir    string        `json:"dir"` // the run's directory
	Exit   int           `json:"exit"`
	Gate   gate.Decision `json:"gate"`
	Report report.Report `json:"report"`

	LeftOut []worker.LeftOut `json:"left_out"` // Go's own plugin tests that --testplugin asked for and that are no cells
	Changed string           `json:"changed"`  // what of those tests is not as Go has it
}

// worker is a worker on the workshop's tools.
func (s *workshop) worker(req request) *worker.Worker {
	return &worker.Worker{Tool: tool(), Path: s.app.programPath(), Scratch: s.scratch, Store: s.store, Builder: s.builder, Ground: s.ground, Now: s.app.env.Now, NoBoot: req.NoBoot,
		Slots: s.builder.Slots, Jobs: max(2, runtime.NumCPU())}
}

// newRun makes the run's directory with its plan and its request.
func (a *app) newRun(out string, req request, all []plan.Cell) (*store.Run, error) {
	var random [10]byte
	rand.Read(random[:])
	id := store.NewID(a.env.Now(), [2]byte(random[:2]))
	dir := filepath.Join(store.Dir(a.dir), id)
	if out != "" {
		dir = a.path(out)
	}
	run, err := store.Create(dir, plan.ToPlan(id, tool(), binary.LittleEndian.Uint64(random[2:]), all))
	if errors.Is(err, store.ErrExists) {
		return nil, usagef("name another directory, or go on with --resume", "%w", err)
	}
	if err != nil {
		return nil, err
	}
	if err := writeRequest(dir, req); err != nil {
		run.Close()
		return nil, err
	}
	return run, nil
}

// resume takes up a run: records of cells that are complete and whose inputs are all equal stay, the others are dropped.
func (a *app) resume(ctx context.Context, dir string, all []plan.Cell, w *worker.Worker) (*store.Run, error) {
	c, err := store.Read(dir)
	if err != nil {
		return nil, incompletef("a damaged run cannot be resumed; start a new one", "%w", err)
	}
	if c.Plan == nil {
		return nil, usagef("start a new run", "run %q has no plan", dir)
	}
	if c.Plan.Tool != tool() {
		return nil, usagef("start a new run", "run %q was made by %s, this is %s", dir, c.Plan.Tool, tool())
	}
	if err := samePlan(c.Plan, all); err != nil {
		return nil, err
	}
	w.RunID = c.Plan.Run
	kept, err := w.Keep(ctx, all, c.Records)
	if err != nil {
		return nil, err
	}
	a.note("%d of %d records kept", len(kept), len(c.Records))
	return store.Rewrite(dir, kept)
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

// short is a path as seen from -C, if it is below.
func (a *app) short(path string) string {
	if rel, err := filepath.Rel(a.dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// place extracts the archives among the cells' projects. The same archive always goes to the same place.
func (s *workshop) place(all []plan.Cell) error {
	seen := map[*plan.Project]bool{}
	for _, c := range all {
		p := c.Project
		if p.Dir != "" || seen[p] {
			continue
		}
		seen[p] = true
		archive := s.app.archives[p]
		if archive == nil {
			return fmt.Errorf("placing project %q: it is neither a directory nor an archive", p.Name)
		}
		dir := filepath.Join(s.scratch, "projects", fmt.Sprintf("%d-%s", len(seen), cmp.Or(filepath.Base(archive.Name), "project")))
		if err := archive.Extract(dir); err != nil {
			return err
		}
		p.Place(dir)
	}
	return nil
}
