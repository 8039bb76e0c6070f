package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 50 * time.Millisecond

// lock takes an advisory lock on the file at path, which it makes, and holds it until unlock is called or the process ends.
func lock(ctx context.Context, path string, exclusive bool) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking %q: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("locking %q: %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}

// tryLock takes an exclusive lock on an existing file, or says that another process holds it.
func tryLock(path string) (unlock func(), ok bool) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, false
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return nil, false
	}
	return func() { f.Close() }, true
}

// scratch makes a directory that is removed by done, or by the next run if this process is killed before.
func (b *Builder) scratch(ctx context.Context) (dir string, done func(), err error) {
	if err := os.MkdirAll(b.Scratch, 0o755); err != nil {
		return "", nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	release, err := lock(ctx, filepath.Join(b.Scratch, "lock"), true)
	if err != nil {
		return "", nil, err
	}
	defer release()
	left, err := filepath.Glob(filepath.Join(b.Scratch, "run-*", "lock"))
	if err != nil {
		return "", nil, err
	}
	for _, l := range left {
		if unlock, ok := tryLock(l); ok {
			removeAll(filepath.Dir(l))
			unlock()
		}
	}
	dir, err = os.MkdirTemp(b.Scratch, "run-")
	if err != nil {
		return "", nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock"), true)
	if err != nil {
		return "", nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		unlock()
		return "", nil, err
	}
	return dir, func() { removeAll(dir); unlock() }, nil
}

// removeAll removes a directory in which builds may have left read-only directories.
func removeAll(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	os.RemoveAll(dir)
}
