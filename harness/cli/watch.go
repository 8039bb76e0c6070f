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

// watch shows on stderr how a run goes on: a line for each finished cell, and what is being done, for how long, and how much
// is left: on a terminal as a bar in a last line that is written again every second, elsewhere as a heartbeat.
type watch struct {
	app    *app
	live   bool // stderr is a terminal
	total  int
	work   estimate
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

func newWatch(a *app, total int, ahead map[worker.Work]int) *watch {
	now := a.env.Now()
	w := &watch{app: a, total: total, begun: now, said: now, doing: map[results.CellID]string{}, states: map[results.CellID][]results.Record{},
		ticker: time.NewTicker(time.Second), quit: make(chan struct{}), live: a.terminal(a.env.Stderr), work: newEstimate(ahead)}
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
		if w.live {
			fmt.Fprint(w.app.env.Stderr, eraseLine)
		}
	})
}

func (w *watch) event(e worker.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := e.Cell.ID()
	switch {
	case e.Work != "":
		w.work.add(e.Work, e.Seconds)
	case e.Lost != "":
		w.say("%s: %s", e.Cell, e.Lost)
	case e.Record != nil:
		w.states[id] = append(w.states[id], *e.Record)
		delete(w.doing, id) // until the next step begins
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

// eraseLine returns to the first column and erases the line (ECMA-48: CR, EL).
const eraseLine = "\r\x1b[K"

func (w *watch) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live && w.app.env.Now().Sub(w.said) < heartbeat {
		return
	}
	line := w.status()
	if !w.live {
		w.say("%s", line)
		return
	}
	line = w.bar() + line
	if width := w.app.columns(w.app.env.Stderr); width > 0 && len(line) >= width {
		line = line[:width-1]
	}
	fmt.Fprint(w.app.env.Stderr, eraseLine+line)
}

// barWidth is how wide a terminal's bar is, in columns.
const barWidth = 24

// bar is how much of the work is done, as a picture.
func (w *watch) bar() string {
	done := int(w.work.share() * barWidth)
	return "[" + strings.Repeat("=", done) + strings.Repeat(" ", barWidth-done) + "] "
}

// status is one line: how many cells are done, for how long, what is being done and how long the rest may take.
func (w *watch) status() string {
	elapsed := w.app.env.Now().Sub(w.begun)
	text := fmt.Sprintf("%d of %d cells after %s", w.done, w.total, elapsed.Round(time.Second))
	if left, ok := w.work.left(elapsed); ok && w.done < w.total {
		text += fmt.Sprintf(", about %s left", max(time.Second, left).Round(time.Second))
	}
	var doing []string
	for _, d := range w.doing {
		doing = append(doing, d)
	}
	if len(doing) > 0 {
		text += ": " + strings.Join(slices.Sorted(slices.Values(doing)), "; ")
	}
	return text
}

func (w *watch) say(format string, args ...any) {
	w.said = w.app.env.Now()
	before := ""
	if w.live {
		before = eraseLine
	}
	fmt.Fprintf(w.app.env.Stderr, before+"plugproof: "+format+"\n", args...)
}
