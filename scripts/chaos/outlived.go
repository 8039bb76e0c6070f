package main

import (
	"context"
	"fmt"
	"time"
)

// patience is how long descendants may take to end once plugproof was killed.
const patience = 20 * time.Second

// outlived are those of a family that do not end.
func outlived(ctx context.Context, family []process) []string {
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var left []string
		for _, p := range family {
			if now, _, ok := look(fmt.Sprintf("/proc/%d", p.pid)); ok && now.start == p.start {
				left = append(left, fmt.Sprintf("%s (%d)", p.name, p.pid))
			}
		}
		if len(left) == 0 {
			return nil
		}
		select {
		case <-end.C:
			return left
		case <-ctx.Done():
			return left
		case <-tick.C:
		}
	}
}
