package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/results"
)

// heartbeat is how long a run may be silent.
const heartbeat = 15 * time.Second

// watch shows on stderr how a run goes on: a line for each finished cell, and a heartbeat that says what is being done,
// for how long, and how much is left.
type watch struct {
	app    *app
	total  int
	begun  time.Time
	mu     sync.Mutex
	done   int
	doing  map[results.CellID]string
	said   time.Time
	states map[results.CellID][]results.Record
	ticker *time.Ticker
	quit   chan struct{}
	once   sync.Once
	ended  sync.WaitGroup
}

func newWatch(a *app, total int) *watch {
	now := a.env.Now()
	w := &watch{app: a, total: total, begun: now, said: now, doing: map[results.CellID]string{}, states: map[results.CellID][]results.Record{},
		ticker: time.NewTicker(time.Second), quit: make(chan struct{})}
	w.ended.Add(1)
	go func() {
		defer w.ended.Done()
		for {
			select {
			case <-w.quit:
				return
			case <-w.ticker.C:
				w.beat()
			}
		}
	}()
	return w
}

// stop ends the heartbeat. It may be called more than once.
func (w *watch) stop() {
	w.once.Do(func() {
		w.ticker.Stop()
		close(w.quit)
		w.ended.Wait()
	})
}

func (w *watch) event(e worker.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := e.Cell.ID()
	switch {
	case e.Record != nil:
		w.states[id] = append(w.states[id], *e.Record)
	case e.Doing != "":
		w.doing[id] = e.Doing + " of " + e.Cell.String()
		if w.app.verbose {
			w.say("%s", w.doing[id])
		}
	case e.Done:
		w.done++
		delete(w.doing, id)
		w.say("[%d/%d] %s: %s", w.done, w.total, e.Cell, summary(w.states[id]))
	}
}

// summary is a finished cell in a few words.
func summary(records []results.Record) string {
	if len(records) == 0 {
		return "kept"
	}
	var parts []string
	state := results.AsExpected
	for _, r := range records {
		word := r.Verdict
		if word == "" {
			word = string(r.Status)
		}
		parts = append(parts, string(r.Step)+" "+word)
		if s := r.State(); s != results.AsExpected && state != results.NotAsExpected {
			state = s
		}
	}
	return strings.Join(parts, ", ") + ": " + string(state)
}

func (w *watch) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.app.env.Now().Sub(w.said) < heartbeat {
		return
	}
	var doing []string
	for _, d := range w.doing {
		doing = append(doing, d)
	}
	text := strings.Join(slices.Sorted(slices.Values(doing)), "; ")
	if w.done > 0 {
		used := w.app.env.Now().Sub(w.begun)
		text += fmt.Sprintf("; about %s left", (used / time.Duration(w.done) * time.Duration(w.total-w.done)).Round(time.Second))
	}
	w.say("%d of %d cells after %s: %s", w.done, w.total, w.app.env.Now().Sub(w.begun).Round(time.Second), text)
}

func (w *watch) say(format string, args ...any) {
	w.said = w.app.env.Now()
	fmt.Fprintf(w.app.env.Stderr, "plugproof: "+format+"\n", args...)
}
