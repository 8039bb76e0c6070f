//go:build linux

package agent

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/plugproof/plugproof/harness/guest"
)

// errFull says that as much was sent as may be.
var errFull = errors.New("too much to send")

// keep sends the files of the folders that the command was to leave something in. All its processes are gone; what it left may
// be anything, so no link is followed and only regular files are opened. What cannot be sent is said; it is no error.
func (m *machine) keep(c guest.Command) error {
	left := int64(guest.MaxKept)
	for i, dir := range c.Keep {
		lost := false
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error { // no folder, no files
			if err != nil {
				lost = lost || !errors.Is(err, os.ErrNotExist)
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			err = m.keepFile(i, name, path, &left)
			if err == errFull {
				lost = true
				return filepath.SkipAll
			}
			return err
		})
		if err == nil && lost {
			err = m.enc.Send(guest.Kept, guest.Piece{Folder: i}.Encode())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keepFile sends one file; left is how many bytes may be sent yet.
func (m *machine) keepFile(folder int, name, path string, left *int64) error {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil // it went meanwhile
	}
	defer syscall.Close(fd)
	buf := make([]byte, 32<<10)
	for first := true; ; first = false {
		n, err := syscall.Read(fd, buf)
		if err == syscall.EINTR {
			n, err = syscall.Read(fd, buf)
		}
		if err != nil || n == 0 && !first {
			return nil
		}
		if *left -= int64(n + len(name)); *left < 0 {
			return errFull
		}
		if err := m.enc.Send(guest.Kept, guest.Piece{Folder: folder, Name: name, First: first, Data: buf[:n]}.Encode()); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}
