package cli

import (
	"time"

	"github.com/plugproof/plugproof/harness/worker"
)

// estimate says how much of a run is done and how long the rest may take. A run consists of pieces of a few kinds, and those of one
// kind take much the same time; what one kind takes says nothing about another, since the first builds compile the standard
// library and the loads do not. How many pieces run at once does not matter: what counts is how far the time so far has led.
type estimate struct {
	ahead map[worker.Work]int     // pieces that are left
	done  map[worker.Work]int     // pieces that have ended
	spent map[worker.Work]float64 // seconds that those took
}

func newEstimate(ahead map[worker.Work]int) estimate {
	e := estimate{ahead: map[worker.Work]int{}, done: map[worker.Work]int{}, spent: map[worker.Work]float64{}}
	for kind, n := range ahead {
		e.ahead[kind] = n
	}
	return e
}

// add takes note of a piece that has ended.
func (e *estimate) add(kind worker.Work, seconds float64) {
	e.ahead[kind] = max(0, e.ahead[kind]-1)
	e.done[kind]++
	e.spent[kind] += seconds
}

// weights are the work that is done and that is ahead, in seconds of single pieces; known is false while pieces of a kind are
// ahead of which none has ended.
func (e *estimate) weights() (done, ahead float64, known bool) {
	known = true
	for kind, n := range e.ahead {
		if n > 0 && e.done[kind] == 0 {
			known = false
			continue
		}
		if n > 0 {
			ahead += float64(n) * e.spent[kind] / float64(e.done[kind])
		}
	}
	for _, s := range e.spent {
		done += s
	}
	return done, ahead, known && done > 0
}

// share is how much is done, from 0 to 1: by work where that is known, else by pieces.
func (e *estimate) share() float64 {
	done, ahead, known := e.weights()
	if !known {
		done, ahead = 0, 0
		for _, n := range e.done {
			done += float64(n)
		}
		for _, n := range e.ahead {
			ahead += float64(n)
		}
	}
	if done+ahead == 0 {
		return 0
	}
	return done / (done + ahead)
}

// left is how long the rest will take if it goes on as it did for the time that has passed; ok is false as long as nobody can know.
func (e *estimate) left(elapsed time.Duration) (rest time.Duration, ok bool) {
	done, ahead, known := e.weights()
	if !known {
		return 0, false
	}
	return time.Duration(float64(elapsed) * ahead / done), true
}
