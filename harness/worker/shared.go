package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
)

// shelf holds what several cells of a run are made of. A host depends on its own Go and not on its plugins', so a matrix of n by n
// Gos has n hosts and n sets of plugins: each is built once, and lies there until the last cell that needs it is done.
type shelf struct {
	mu   sync.Mutex
	made map[results.Digest]*shared
	gate map[string]*gate

	keeping sync.Mutex // machines for the folders of failing cells
}

// shared is one artifact, with its probe if it is a host.
type shared struct {
	once sync.Once
	dir  string
	left int // cells that are not done with it
	t    *twins
}

// gate lets the first build of those that compile the same packages through alone: what it has compiled the others find.
type gate struct{ once sync.Once }

// shelfKey is everything that an artifact of a cell depends on, besides what all cells of a run have in common. What one machine
// and another call the same Go does not matter here, for a shelf lasts as long as a run.
func shelfKey(c plan.Cell, j plan.Job, plugin bool) results.Digest {
	b, err := results.Canonical(struct {
		Project         string
		Axes            []string
		Image           string
		Before, Command []string
		Job             plan.Job
		Plugin          bool
	}{fmt.Sprintf("%p %s", c.Project, c.Cell.Project), []string{c.Arch, c.Level, c.Libc, c.CC}, c.Image, flat(c.Before), c.Command, j, plugin})
	if err != nil { // strings, and maps of strings
		panic(fmt.Sprintf("naming an artifact: %v", err))
	}
	return results.DigestOf(b)
}

func flat(commands [][]string) []string {
	var out []string
	for _, argv := range commands {
		out = append(out, fmt.Sprintf("%q", argv))
	}
	return out
}

// expect counts the cells that will need each artifact.
func (s *shelf) expect(cells []plan.Cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range cells {
		for i, j := range c.Jobs() {
			s.get(shelfKey(c, j, i > 0)).left++
		}
	}
}

// get is called with the lock held.
func (s *shelf) get(key results.Digest) *shared {
	if s.made[key] == nil {
		s.made[key] = &shared{}
	}
	return s.made[key]
}

// gateOf is the gate of everything that is compiled by one Go for one architecture, for programs or for plugins, which share no package.
func (s *shelf) gateOf(c *cell, j plan.Job, plugin bool) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprintf("%s %s %v", c.Arch, c.gos[j.Go].Digest, plugin)
	if s.gate[key] == nil {
		s.gate[key] = &gate{}
	}
	return s.gate[key]
}

// artifact builds one artifact of a cell twice, and the probe if it is a host, or takes what an earlier cell of the run has built. The time
// that it took is in the first taker's result only.
func (w *Worker) artifact(ctx context.Context, c *cell, j plan.Job, name string, plugin bool) *twins {
	w.shelf.mu.Lock()
	s := w.shelf.get(shelfKey(c.Cell, j, plugin))
	w.shelf.mu.Unlock()
	fresh := false
	s.once.Do(func() {
		fresh = true
		own := *c
		own.dir = filepath.Join(w.Scratch, "shared", shelfKey(c.Cell, j, plugin).Hex()[:24])
		s.t = w.gated(ctx, &own, j, name, plugin)
		w.shelf.mu.Lock()
		s.dir = own.dir
		w.shelf.mu.Unlock()
	})
	if fresh {
		return s.t
	}
	return s.t.again()
}

// gated waits until what the artifact has in common with others is compiled, or is the first to do so.
func (w *Worker) gated(ctx context.Context, own *cell, j plan.Job, name string, plugin bool) (t *twins) {
	if j.Package == "" {
		return w.fromScratch(ctx, own, j, name, plugin)
	}
	begun, class := w.Now(), WorkBuild
	w.shelf.gateOf(own, j, plugin).once.Do(func() {
		class = WorkFirst
		t = w.fromScratch(ctx, own, j, name, plugin)
	})
	if t == nil {
		begun = w.Now()
		t = w.fromScratch(ctx, own, j, name, plugin)
	}
	w.tell(Event{Cell: own.Cell.Cell, Work: class, Seconds: w.Now().Sub(begun).Seconds()})
	return t
}

// fromScratch builds what artifact is asked for.
func (w *Worker) fromScratch(ctx context.Context, own *cell, j plan.Job, name string, plugin bool) *twins {
	if err := os.MkdirAll(own.dir, 0o777); err != nil {
		return &twins{job: j, name: name, err: err}
	}
	t := w.twins(ctx, own, j, name, plugin)
	probeable := len(own.Command) == 0 || j.Version != "" // what a command of the project's builds is loaded as it is
	if !plugin && probeable && t.result != nil && t.result.Failed == nil && (own.plans(results.Load) && !w.NoBoot || w.Built != "") {
		t.probe(ctx, w, own)
	}
	return t
}

// again is t without the time that it took.
func (t *twins) again() *twins {
	out := *t
	if t.result != nil {
		r := *t.result
		r.A.CPU, r.B.CPU = 0, 0
		out.result = &r
	}
	if t.asked != nil {
		p := *t.asked
		p.CPU = 0
		out.asked = &p
	}
	return &out
}

// done says that a cell needs its artifacts no more. The last one that does removes them.
func (s *shelf) done(c *cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, j := range c.Jobs() {
		key := shelfKey(c.Cell, j, i > 0)
		sh := s.made[key]
		if sh == nil {
			continue
		}
		if sh.left--; sh.left <= 0 && sh.dir != "" {
			os.RemoveAll(sh.dir)
			delete(s.made, key)
		}
	}
}

// Ahead counts the pieces of work that Cells will have to do, besides those cells that Keep found complete.
func (w *Worker) Ahead(cells []plan.Cell) map[Work]int {
	ahead := map[Work]int{}
	seen, gates := map[results.Digest]bool{}, map[string]bool{}
	for _, c := range w.left(cells) {
		if w.loads(c) {
			ahead[WorkLoad]++
		}
		if _, own := w.goTests[c.ID()]; own {
			continue
		}
		for i, j := range c.Jobs() {
			key, gate := shelfKey(c, j, i > 0), fmt.Sprintf("%s %s %v", c.Arch, j.Go, i > 0)
			switch {
			case j.Package == "" || seen[key]:
			case gates[gate]:
				ahead[WorkBuild]++
			default:
				ahead[WorkFirst]++
			}
			seen[key], gates[gate] = true, true
		}
	}
	return ahead
}

// lend puts everything that was built for a cell into dir.
func (s *shelf) lend(c *cell, dir string) error {
	s.mu.Lock()
	var from []string
	for i, j := range c.Jobs() {
		if sh := s.made[shelfKey(c.Cell, j, i > 0)]; sh != nil && sh.dir != "" {
			from = append(from, sh.dir)
		}
	}
	s.mu.Unlock()
	for _, d := range from {
		entries, err := os.ReadDir(d)
		if err != nil {
			return fmt.Errorf("keeping a cell's files: %w", err)
		}
		for _, e := range entries {
			to := filepath.Join(dir, e.Name())
			if _, err := os.Lstat(to); err == nil || !e.Type().IsRegular() {
				continue
			}
			if err := place(filepath.Join(d, e.Name()), to); err != nil {
				return fmt.Errorf("keeping a cell's files: %w", err)
			}
		}
	}
	return nil
}
