package cli

import (
	"testing"
	"time"

	"github.com/plugproof/plugproof/harness/worker"
)

func TestEstimate(t *testing.T) {
	e := newEstimate(map[worker.Work]int{worker.WorkFirst: 2, worker.WorkBuild: 4, worker.WorkLoad: 8})
	if _, ok := e.left(time.Minute); ok || e.share() != 0 {
		t.Error("an estimate of nothing")
	}
	e.add(worker.WorkFirst, 60)
	e.add(worker.WorkBuild, 2)
	if _, ok := e.left(time.Minute); ok {
		t.Error("an estimate although no load has ended")
	}
	if got := e.share(); got != 2.0/14 {
		t.Errorf("share %v, want 2 of 14 pieces", got)
	}
	e.add(worker.WorkLoad, 1)
	// done: 60 + 2 + 1; ahead: 60 + 3*2 + 7*1
	left, ok := e.left(63 * time.Second)
	if !ok || left.Round(time.Millisecond) != 73*time.Second {
		t.Errorf("left %v, %v", left, ok)
	}
	if got := e.share(); got != 63.0/(63+73) {
		t.Errorf("share %v", got)
	}
	for range 20 { // more than were expected: never below nothing
		e.add(worker.WorkLoad, 1)
		e.add(worker.WorkBuild, 2)
		e.add(worker.WorkFirst, 60)
	}
	if left, ok := e.left(time.Hour); !ok || left != 0 || e.share() != 1 {
		t.Errorf("at the end: left %v, %v, share %v", left, ok, e.share())
	}
}
