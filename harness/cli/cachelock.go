package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// cacheLock is the file in the cache on which everything that uses the cache holds a shared lock, and a prune an exclusive one.
const cacheLock = "lock"

// errCacheBusy means that another process uses the cache.
var errCacheBusy = errors.New("the cache is in use")

// holdCache takes a lock of the kind (syscall.LOCK_SH or LOCK_EX) on the cache in dir. A shared one waits for a prune to end; an
// exclusive one does not wait. A cache that is not there needs no lock.
func holdCache(dir string, kind int) (free func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, cacheLock), os.O_RDWR|os.O_CREATE, 0o666)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, incompletef("set PLUGPROOF_CACHE to a directory that you may write to", "locking the cache: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("locking the cache: %w", err)
	}
	how := kind
	if kind == syscall.LOCK_EX {
		how |= syscall.LOCK_NB
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		if err == syscall.EWOULDBLOCK {
			return nil, errCacheBusy
		}
		return nil, fmt.Errorf("locking the cache: %w", err)
	}
	return func() { f.Close() }, nil
}
