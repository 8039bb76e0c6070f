package build

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// copyTo copies the tree beneath dst, an empty directory. Modes, times and links are kept; links are never followed. The stamp is the same
// for two copies between which nothing was edited: it is of names, modes, sizes and times, outside version control's own directories.
func (t *Tree) copyTo(dst string, max int64) (stamp string, err error) {
	h := sha256.New()
	type dir struct {
		path string
		mode fs.FileMode
		time time.Time
	}
	var dirs []dir
	for _, root := range t.Roots {
		if err := os.MkdirAll(filepath.Join(dst, filepath.FromSlash(root)), 0o755); err != nil {
			return "", copyError(err)
		}
	}
	err = t.walk(max, func(e entry) error {
		if !inVCS(e.rel) && !e.info.IsDir() {
			fmt.Fprintf(h, "%q %v %d %d\n", e.rel, e.info.Mode(), e.info.Size(), e.info.ModTime().UnixNano())
		}
		to := filepath.Join(dst, e.rel)
		switch mode := e.info.Mode(); {
		case mode.IsDir():
			dirs = append(dirs, dir{to, mode, e.info.ModTime()})
			if err := os.Mkdir(to, 0o700); err != nil && !os.IsExist(err) {
				return err
			}
			return nil
		case mode&fs.ModeSymlink != 0:
			target, err := os.Readlink(e.path)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, to); err != nil {
				return err
			}
			return linkTime(to, e.info.ModTime())
		}
		return copyFile(e.path, to, e.info)
	})
	if err != nil {
		return "", copyError(err)
	}
	// From the inside out, for a directory may be read-only and its time changes with its contents.
	for i := len(dirs) - 1; i >= 0; i-- {
		d := dirs[i]
		// The owner may always write: builds and git need it, and the copy must be removable.
		if err := os.Chmod(d.path, d.mode.Perm()|0o700); err != nil {
			return "", copyError(err)
		}
		if err := os.Chtimes(d.path, d.time, d.time); err != nil {
			return "", copyError(err)
		}
	}
	return string(h.Sum(nil)), nil
}

// copyFile copies a regular file, as a shared extent where the file system can.
func copyFile(from, to string, info fs.FileInfo) (err error) {
	in, err := os.OpenFile(from, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	if now, err := in.Stat(); err != nil {
		return err
	} else if !os.SameFile(now, info) {
		return fmt.Errorf("%q was replaced while it was copied", from)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = os.Chtimes(to, info.ModTime(), info.ModTime())
		}
	}()
	if unix.IoctlFileClone(int(out.Fd()), int(in.Fd())) != nil {
		if _, err := io.Copy(out, io.LimitReader(in, info.Size()+1)); err != nil {
			return err
		}
	}
	return out.Chmod(info.Mode().Perm())
}

func linkTime(path string, t time.Time) error {
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

func copyError(err error) error {
	if own, ok := err.(*Error); ok {
		return own
	}
	return &Error{Op: "copying the source tree", Err: err}
}
