package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// scratchLock is the file by whose lock a scratch directory belongs to a living process.
const scratchLock = "lock"

// ownScratch makes a directory beneath base that belongs to this process. What ended processes left behind is removed first.
func ownScratch(base string) (dir string, done func(), err error) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return "", nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	for _, e := range entries {
		name := filepath.Join(base, e.Name())
		if lock, ok := tryLock(filepath.Join(name, scratchLock)); ok {
			removeTree(name)
			lock.Close()
		}
	}
	for range 100 { // another process that tidies up may take a directory before its lock is held
		dir, err = os.MkdirTemp(base, "run-*")
		if err != nil {
			return "", nil, fmt.Errorf("making a scratch directory: %w", err)
		}
		lock, ok := tryLock(filepath.Join(dir, scratchLock))
		if !ok {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, scratchLock)); err != nil {
			lock.Close()
			continue
		}
		return dir, func() {
			removeTree(dir)
			lock.Close()
		}, nil
	}
	return "", nil, fmt.Errorf("making a scratch directory in %q: others remove it again and again", base)
}

// tryLock takes an exclusive lock on a file, which it makes, if nobody holds it.
func tryLock(name string) (*os.File, bool) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, false
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return nil, false
	}
	return f, true
}

// removeTree removes a tree that may hold read-only directories.
func removeTree(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	os.RemoveAll(dir)
}
