package vm

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/plugproof/plugproof/images/rootfs"
	"golang.org/x/sys/unix"
)

// payload writes the disk to a file without a name in the scratch directory. QEMU gets it as a descriptor: whatever ends
// this process or QEMU, nothing is left. The disk is sparse and always of one size: a guest that was saved keeps believing
// in the one that it saw.
func (m *Machine) payload(files []rootfs.File) (*os.File, rootfs.Disk, error) {
	dir := m.Scratch
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := nameless(dir)
	if err != nil {
		return nil, rootfs.Disk{}, roomIn(dir, err)
	}
	disk, err := rootfs.Write(f, files)
	if err == nil {
		err = f.Truncate(rootfs.Size)
	}
	if err != nil {
		f.Close()
		return nil, rootfs.Disk{}, roomIn(dir, err)
	}
	return f, disk, nil
}

// nameless opens a new file that no directory lists. Not every file system can do that in one step (open(2), O_TMPFILE).
func nameless(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), "payload"), nil
	}
	f, err := os.CreateTemp(dir, "plugproof-*.payload")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// FullError says that a directory's file system has no room for what must be written there.
type FullError struct {
	Dir string
	Err error
}

func (e *FullError) Error() string { return fmt.Sprintf("no room in %q: %v", e.Dir, e.Err) }
func (e *FullError) Unwrap() error { return e.Err }

// Hint is what to do about it.
func (e *FullError) Hint() string { return fmt.Sprintf("make room on the file system of %q", e.Dir) }

// roomIn makes a FullError of an error that says so.
func roomIn(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &FullError{dir, err}
	}
	return err
}
