package vm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/plugproof/plugproof/results"
)

// saved opens the saved machine of this key, or boots and saves it. Only one process at a time does the latter.
func (m *Machine) saved(ctx context.Context, out *Outcome) (*saved, error) {
	key, err := m.key(out.MemoryMiB)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(m.Saved, key)
	sv, err := openSaved(dir)
	if err == nil {
		return sv, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		out.Notes = append(out.Notes, err.Error())
	}
	if err := os.MkdirAll(m.Saved, 0o755); err != nil {
		return nil, err
	}
	held, err := lock(ctx, dir+".lock")
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if sv, err := openSaved(dir); err == nil { // saved by another while this one waited
		return sv, nil
	}
	if err := m.save(ctx, dir, key, out); err != nil {
		return nil, fmt.Errorf("saving: %w", roomIn(m.Saved, err))
	}
	if err := prune(m.Saved, key, MaxSaved); err != nil {
		return nil, fmt.Errorf("pruning saved machines: %w", err)
	}
	return openSaved(dir)
}

// save boots the machine with an empty disk, stops it when it waits for its order, and saves it into dir.
func (m *Machine) save(ctx context.Context, dir, key string, out *Outcome) error {
	if err := makeRoom(m.Saved, key); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(m.Saved, unfinished(key)+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // gone after the rename
	disk, _, err := m.payload(nil)
	if err != nil {
		return err
	}
	defer disk.Close()
	memory, err := memoryFile()
	if err != nil {
		return err
	}
	defer memory.Close()
	l := launch{disk: disk, memory: out.MemoryMiB, ram: inherited(fdFree), shared: true}
	s, err := m.boot(ctx, Job{}, l, out, memory)
	if err != nil {
		return err
	}
	defer s.q.kill()
	defer func() { out.CPU += s.watch.used() }()
	if s.fault != nil {
		return s.fault
	}
	s.settle(ctx)
	if err := s.migrate(ctx, filepath.Join(tmp, "state")); err != nil {
		return err
	}
	s.q.kill()
	if err := copySparse(filepath.Join(tmp, "ram"), memory); err != nil {
		return err
	}
	sv := &saved{Key: key, Release: out.Release, Scripts: out.Configured, dir: tmp}
	if err := sv.seal(); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

// leastRoom is what a file system must have free in bytes before a machine is booted to be saved there: the smallest ones
// take a little more.
const leastRoom = 40 << 20

// makeRoom removes what a killed process left unfinished of this machine, whose lock is held, and says early if the file
// system is full: without it each run would boot twice.
func makeRoom(dir, key string) error {
	left, err := filepath.Glob(filepath.Join(dir, unfinished(key)+"*"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err == nil && int64(st.Bavail)*int64(st.Bsize) < leastRoom {
		return fmt.Errorf("%d MiB are free, at least %d are needed: %w", int64(st.Bavail)*int64(st.Bsize)>>20, leastRoom>>20, unix.ENOSPC)
	}
	return nil
}

// unfinished begins the name of a machine's directory while it is written.
func unfinished(key string) string { return ".new-" + key + "-" }

// memoryFile is a file without a name that is never written back: a guest that boots in a file of a disk waits for the disk.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("plugproof", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file of memory: %w", err)
	}
	return os.NewFile(uintptr(fd), "memory"), nil
}

// copySparse copies a file and leaves holes for its zero blocks.
func copySparse(name string, from *os.File) error {
	st, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	err = blocks(from, func(off int64, block []byte) error {
		_, err := to.WriteAt(block, off)
		return err
	})
	if err != nil {
		return err
	}
	return to.Truncate(st.Size())
}

// seal takes the digests, makes the files durable and writes the description.
func (s *saved) seal() error {
	for i, f := range []struct {
		name string
		sum  *results.Digest
	}{{"ram", &s.RAM}, {"state", &s.State}} {
		file, err := os.Open(filepath.Join(s.dir, f.name))
		if err != nil {
			return err
		}
		defer file.Close()
		if *f.sum, err = sparseDigest(file); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		if s.Checked[i], err = stampOf(file); err != nil {
			return err
		}
	}
	return s.writeMeta()
}
