package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestScratchRemovesWhatAKilledRunLeft(t *testing.T) {
	b := &Builder{Scratch: t.TempDir(), Now: time.Now}
	dead := filepath.Join(b.Scratch, "run-dead")
	if err := os.MkdirAll(filepath.Join(dead, "ro"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	alive, done, err := b.scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if isDir(dead) {
		t.Error("what a killed run left is still there")
	}
	_, doneToo, err := b.scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !isDir(alive) {
		t.Error("a running build lost its directory")
	}
	done()
	doneToo()
	if left, _ := filepath.Glob(filepath.Join(b.Scratch, "run-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestLockEndsWithItsContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), file, true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*lockPoll)
	defer cancel()
	if _, err := lock(ctx, file, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	unlock()
	if unlock, err = lock(t.Context(), file, false); err != nil {
		t.Fatal(err)
	}
	if also, err := lock(t.Context(), file, false); err != nil {
		t.Error(err)
	} else {
		also()
	}
	if _, ok := tryLock(file); ok {
		t.Error("an exclusive lock beside a shared one")
	}
	unlock()
}
