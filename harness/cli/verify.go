package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/results"
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
	shard     shardFlag      // "2/7", "auto" or ""
	images    []string       // as --image names them
	keep      string         // directory for what was built
	steps     []results.Step // nil: all
	varying
	against []string // shipped files or digests
	inquire bool     // find out why twins differ also where that is expected

	offline    bool
	proof      *offline                                // that nothing reaches out; nil if that was not asked for
	after      func(store.Contents, []plan.Cell) error // what else is to be done with a finished run; may be nil
	testplugin []string                                // Go's own plugin tests: names, or "all"
}

func newVerifyCmd(a *app) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [PROJECT...]",
		Short: "Rebuild twice, predict, load for real: the main job",
		Long: `For every cell of every project: build the host and each plugin twice in deliberately different surroundings
and compare, predict from the files what plugin.Open will do, load for real in a virtual machine, and hold each
against the other and against what the project expects; a project with a [policy] is held against that, too.
PROJECT is a directory with a plugproof.toml, a .txtar file, fixture:NAME or fixture:all; the current directory when
omitted. Every call is a new run, kept under
results/runs of -C; --resume goes on with one that was cut short. --testplugin runs the tests that Go itself has of
plugins, for musl and in virtual machines, instead of the current directory or besides the projects.`,
		Example: "  plugproof verify\n  plugproof verify --arch amd64 fixture:matching\n  plugproof verify --go go1.25.3,go1.26.8 --pairs all DIR",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.offline {
				proof, ran, err := a.goOffline(cmd.Context(), a.outputs(f)...)
				if ran || err != nil {
					return err
				}
				f.proof, a.offline = proof, true
			}
			return a.verify(cmd.Context(), f, args)
		},
	}
	f.axes.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the run's `DIR`; default results/runs/ID")
	fl.StringVar(&f.resume, "resume", "", "go on with `RUN`: records whose inputs are all equal are kept, the rest and the policy step is done again")
	fl.BoolVar(&f.noBoot, "no-boot", false, "do not load in a virtual machine (skip, requested)")
	fl.BoolVar(&f.freshBoot, "fresh-boot", false, "boot a machine for each load instead of restoring a saved one")
	fl.BoolVar(&f.cold, "cold", false, "throw both sides' build caches away first")
	fl.BoolVar(&f.offline, "offline", false, "work where no network is, in a kit's tool root if there is one, and fail if anything tries to reach out")
	fl.StringVar(&f.junit, "junit", "", "also write the report as JUnit to `FILE`")
	fl.Var(&f.shard, "shard", "do only `PART` i/n of the plan, or auto: the part that the CI system gives this job; then merge")
	fl.StringVar(&f.keep, "keep", "", "keep what was built, of cells that are as expected, in `DIR`/CELL")
	imageFlag(fl, &f.images)
	f.varying.register(fl)
	fl.StringSliceVar(&f.testplugin, "testplugin", nil, "Go's own plugin tests, read from each GOROOT: all, or those `NAMED` as in --testplugin=TestRunHost,TestMethod")
	fl.Lookup("testplugin").NoOptDefVal = everyGoTest
	return cmd
}

// verify makes or resumes a run and reports it.
func (a *app) verify(ctx context.Context, f verifyFlags, args []string) error {
	req := request{Projects: args, Go: f.goSpecs, Arch: f.arch, Libc: f.libc, Pairs: f.pairs, NoBoot: f.noBoot, FreshBoot: f.freshBoot, Cold: f.cold, Steps: f.steps, TestPlugin: f.testplugin,
		Vary: string(f.vary), Seed: f.seed, Against: f.against, Inquire: f.inquire, Images: f.images}
	shard, err := a.shard(f.shard)
	if err != nil {
		return err
	}
	if !shard.Whole() {
		req.Shard = shard.String()
	}
	dir := ""
	if f.out != "" && f.resume != "" {
		return usagef("a resumed run stays where it is", "--out and --resume exclude each other")
	}
	if f.resume != "" {
		if len(args) > 0 || f.shard != "" || len(f.goSpecs)+len(f.arch)+len(f.libc)+len(f.testplugin)+len(f.images) > 0 {
			return usagef("a resumed run keeps its own projects and axes", "--resume takes no projects and no axes")
		}
		if dir, err = a.runDir(f.resume); err != nil {
			return err
		}
		if req, err = readRequest(dir); err != nil {
			return err
		}
		if shard, err = a.shard(shardFlag(req.Shard)); err != nil {
			return err
		}
	}
	all, err := a.cellsOf(req)
	if err != nil {
		return err
	}
	a.noteIdle(all, req)
	on, err := req.variations()
	if err != nil {
		return err
	}
	shipped, err := a.shipped(req.Against, all)
	if err != nil {
		return err
	}
	begun, before := a.env.Now(), cpuUsed()
	shop, done, err := a.openWorkshop()
	if err != nil {
		return err
	}
	defer done()
	shop.freshBoot, shop.images = req.FreshBoot, req.Images
	shop.builder.Cold = req.Cold && f.resume == ""
	if err := shop.place(all); err != nil {
		return err
	}
	if err := shop.check(ctx, part(all, shard)); err != nil {
		return err
	}
	w := shop.worker(req)
	if f.proof != nil {
		w.Words = f.proof.words
		if err := shop.expect(ctx, w, all, req.Projects); err != nil {
			return err
		}
	}
	w.Vary, w.Seed, w.Inquire, w.Against = on, req.Seed, req.Inquire, shipped
	w.Policy = shop.policies(all, w)
	all, left, err := shop.withGoTests(ctx, req, w, all)
	if err != nil {
		return err
	}
	if f.keep != "" {
		w.Built = a.path(f.keep)
	}
	own := part(all, shard)
	var run *store.Run
	if f.resume != "" {
		run, err = a.resume(ctx, dir, all, own, w)
	} else {
		run, err = a.newRun(f.out, req, all, left)
	}
	if err != nil {
		return err
	}
	defer run.Close()
	if err := a.work(ctx, w, run, own, shard); err != nil {
		return err
	}
	c, err := store.Read(run.Dir)
	if err != nil {
		return err
	}
	concluded := a.conclude(run.Dir, c, f.junit, shard, usageSince(begun, a.env.Now(), before, c.Records))
	if f.after != nil {
		if err := f.after(c, all); err != nil {
			return err
		}
	}
	if err := f.proof.check(); err != nil {
		return err
	}
	return concluded
}

// part is the cells of a shard.
func part(all []plan.Cell, shard results.Shard) []plan.Cell {
	return slices.DeleteFunc(slices.Clone(all), func(c plan.Cell) bool { return !shard.Holds(c.ID()) })
}

// work runs the cells and shows how it goes on.
func (a *app) work(ctx context.Context, w *worker.Worker, run *store.Run, own []plan.Cell, shard results.Shard) error {
	w.Run, w.RunID, w.Dir = run, run.Plan.Run, run.Dir
	watch := newWatch(a, len(own), w.Ahead(own))
	defer watch.stop()
	w.Event = watch.event
	what := plural(len(own), "cell")
	if !shard.Whole() {
		what = fmt.Sprintf("shard %s, %d of %s", shard, len(own), plural(len(run.Plan.Cells), "cell"))
	}
	fmt.Fprintf(a.env.Stderr, "plugproof: run %s: %s, kept in %s\n", run.Plan.Run, what, a.short(run.Dir))
	err := w.Cells(ctx, own)
	watch.stop()
	if err != nil && ctx.Err() != nil {
		fmt.Fprintf(a.env.Stderr, "plugproof: interrupted; go on with: plugproof verify --resume %s\n", a.short(run.Dir))
	}
	return err
}

// worker is a worker on the workshop's tools.
func (s *workshop) worker(req request) *worker.Worker {
	return &worker.Worker{Tool: tool(), Path: s.app.programPath(), Scratch: s.scratch, Store: s.store, Builder: s.builder, Ground: s.ground, Root: s.imageRoot, Now: s.app.env.Now, NoBoot: req.NoBoot,
		Slots: s.builder.Slots, Jobs: max(2, runtime.NumCPU())}
}

// short is a path as seen from -C, if it is below.
func (a *app) short(path string) string {
	if rel, err := filepath.Rel(a.dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
