package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Write writes the tree into an empty directory. It never follows a link out of it: every path is opened beneath it.
// The files belong to the user who calls; the modes are the tree's, whatever the umask.
func (t *Tree) Write(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	defer root.Close()
	if entries, err := fs.ReadDir(root.FS(), "."); err != nil || len(entries) > 0 {
		return errors.Join(err, fmt.Errorf("install: %q is not empty", dir))
	}
	for _, n := range t.Nodes() {
		if err := writeNode(root, n); err != nil {
			return fmt.Errorf("install: writing %q: %w", n.Path, err)
		}
	}
	return nil
}

func writeNode(root *os.Root, n Node) error {
	name := strings.TrimPrefix(n.Path, "/")
	switch n.Type {
	case Dir:
		if err := root.Mkdir(name, 0o755); err != nil {
			return err
		}
		return root.Chmod(name, fileMode(n.Mode)|0o700) // what lies in it is written next
	case Link:
		return root.Symlink(n.Target, name)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(n.Data)
	return errors.Join(err, f.Chmod(fileMode(n.Mode)), f.Close())
}

// fileMode turns Unix permissions into Go's.
func fileMode(mode int64) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	for bit, goBit := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= goBit
		}
	}
	return m
}
