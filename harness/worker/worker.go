// Package worker takes cells from plan to records: toolchains, twin builds, prediction, the load for real, comparison.
//
// Several cells are built at a time, and the loads of earlier cells run beside the builds of later ones, all within one budget
// of processors. What several cells need, such as a host that meets plugins of many Gos, is built once. A finding is a record;
// an error of the machine is a record with status error; only the end of the context and a run that cannot be written end the work.
package worker

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/policy"
)

// Recorder is what a run offers to be written.
type Recorder interface {
	Append(results.Record) error
	CreateLog(name string) (f *os.File, rel string, err error)
	AddShape(results.Shape) error
	HasShape(results.Digest) bool
}

// Ground is a virtual machine on which loads are made, with what records say of it.
type Ground struct {
	Machine     *vm.Machine
	Kernel      results.Digest
	Image       results.Digest
	ImageOrigin string
}

// Worker holds what all cells have in common.
type Worker struct {
	Run     Recorder
	RunID   string
	Tool    string   // plugproof's own version
	Dir     string   // the run's directory; files of cells that are not as expected are kept beneath it
	Scratch string   // directory for artifacts in the making
	Path    []string // directories in which a project's own C compiler is looked up
	Store   *toolchain.Store
	Builder *build.Builder
	Ground  func(ctx context.Context, arch, libc string) (*Ground, error)
	Root    func(arch string) (root fs.FS, name string, err error) // where libraries are looked up for predictions; nil, or a nil root, is the default image
	Now     func() time.Time
	Vary    vary.Set          // what differs on side b; the zero value is the default set
	Seed    uint64            // of the search for what makes a difference
	Inquire bool              // find out why twins differ also where that is expected
	Against []Against         // what was shipped, besides what projects say
	Plain   bool              // where something else was shipped, that is said, and not looked into
	Words   map[string]string // what more there is to say of the isolation, for every record; may be nil
	NoBoot  bool              // no load: skipped, requested
	Built   string            // directory that gets the hosts and plugins of cells that are as expected, beneath their ids; "" for none
	Event   func(Event)       // may be nil; called by several goroutines, one at a time
	Slots   build.Slots       // the processors; a load takes one, as each side of a build does; nil: no bound but Jobs
	Jobs    int               // how many cells are built, and how many loaded, at once; 0 means one

	// Policy holds a cell, with what was built, against its project's rules; nil if no cell plans that.
	Policy func(context.Context, plan.Cell, []Built) ([]policy.Finding, error)

	treeMu  sync.Mutex
	trees   map[*plan.Project]*build.Tree // made once per project
	shelf   shelf
	kept    map[results.CellID]keeping         // what a resumed run need not do again
	mu      sync.Mutex                         // guards Event
	grounds map[string]func() (*Ground, error) // by arch and libc
	goTestState
}

// Event tells a watcher what happens.
type Event struct {
	Cell   results.Cell
	Step   results.Step    // empty: the cell as a whole
	Doing  string          // what begins: "building host", "loading", ...; empty when anything below is set
	Record *results.Record // a step that has ended
	Done   bool            // the cell has all its records
	Lost   string          // what could not be kept besides the records, and why

	Work    Work    // a piece of work that has ended
	Seconds float64 // that it took, wall
}

// Work is a kind of work that takes much the same time each time.
type Work string

// The kinds of work.
const (
	WorkFirst Work = "first" // the first artifact of a Go and an architecture, which may have to compile the standard library
	WorkBuild Work = "build" // any other artifact
	WorkLoad  Work = "load"
)

func (w *Worker) tell(e Event) {
	if w.Event == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Event(e)
}

// start makes what is shared by the calls on one run.
func (w *Worker) start() {
	if w.trees == nil {
		w.trees = map[*plan.Project]*build.Tree{}
		w.grounds = map[string]func() (*Ground, error){}
		w.kept = map[results.CellID]keeping{}
		w.shelf.made, w.shelf.gate = map[results.Digest]*shared{}, map[string]*gate{}
		w.goTestState = newGoTestState()
	}
}

// Cells runs what Keep did not find complete. The error is the context's, or that a record could not be written.
func (w *Worker) Cells(ctx context.Context, cells []plan.Cell) error {
	w.start()
	for _, c := range cells {
		if w.kept[c.ID()] == keptAll {
			w.tell(Event{Cell: c.Cell, Done: true})
		}
	}
	todo := w.left(cells)
	w.shelf.expect(todo)
	queue, built := make(chan plan.Cell, len(todo)), make(chan *cell, len(todo))
	for _, c := range todo {
		queue <- c
	}
	close(queue)
	jobs := max(1, w.Jobs)
	if len(w.goTests) > 0 { // what they have built is shared by another rule
		jobs = 1
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(built)
		builders, ctx := errgroup.WithContext(ctx)
		for range jobs {
			builders.Go(func() error {
				for c := range queue {
					if err := ctx.Err(); err != nil {
						return err
					}
					ready, err := w.build(ctx, c)
					if err != nil {
						return err
					}
					built <- ready
				}
				return nil
			})
		}
		return builders.Wait()
	})
	for range jobs {
		g.Go(func() error {
			for c := range built {
				if err := w.loadInTurn(ctx, c); err != nil {
					return err
				}
				w.tell(Event{Cell: c.Cell.Cell, Done: true})
			}
			return nil
		})
	}
	return g.Wait()
}

// loadInTurn makes a cell's load when a processor is free for it.
func (w *Worker) loadInTurn(ctx context.Context, c *cell) error {
	if w.loads(c.Cell) && c.trouble == nil {
		if w.Slots != nil {
			if err := w.Slots.Acquire(ctx, 1); err != nil {
				return err
			}
			defer w.Slots.Release(1)
		}
		begun := w.Now()
		defer func() {
			w.tell(Event{Cell: c.Cell.Cell, Work: WorkLoad, Seconds: w.Now().Sub(begun).Seconds()})
		}()
	}
	return w.load(ctx, c)
}

// loads reports whether a cell's load is made in a machine.
func (w *Worker) loads(c plan.Cell) bool {
	return slices.Contains(c.Steps, results.Load) && !w.NoBoot && c.HostJob.Lock == ""
}

// record completes a record and writes it.
func (w *Worker) record(ctx context.Context, rec results.Record, begun time.Time) error {
	if err := ctx.Err(); err != nil { // what was cut short proves nothing: a resumed run does it again
		return err
	}
	rec.Schema, rec.Run, rec.CellID = results.RecordSchema, w.RunID, rec.Cell.ID()
	rec.Started = begun.UTC().Truncate(time.Millisecond)
	rec.Seconds = w.Now().Sub(begun).Round(time.Millisecond).Seconds()
	rec.Inputs.Tool = w.Tool
	if rec.Causes == nil {
		rec.Causes = []results.Cause{}
	}
	if rec.Artifacts == nil {
		rec.Artifacts = []results.Artifact{}
	}
	if err := w.Run.Append(rec); err != nil {
		return fmt.Errorf("keeping a record of %q: %w", rec.Cell, err)
	}
	w.tell(Event{Cell: rec.Cell, Step: rec.Step, Record: &rec})
	return nil
}
