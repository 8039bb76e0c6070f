package cachedir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// Pruned is what Prune did.
type Pruned struct {
	Removed []Entry // in the order of removal
	InUse   []Entry // would have been removed
	Bytes   int64   // that are left
}

// Prune removes the least recently used entries until at most max bytes are left; entries in use stay. The caller
// stops it between entries by stop, which may be nil.
func Prune(dir string, max int64, stop func() error) (Pruned, error) {
	var p Pruned
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("pruning the cache: %w", err)
	}
	defer root.Close()
	if err := Tag(dir); err != nil {
		return p, err
	}
	if err := tagged(root); err != nil {
		return p, fmt.Errorf("pruning %q: %w", dir, err)
	}
	if err := finish(root); err != nil {
		return p, fmt.Errorf("pruning the cache: %w", err)
	}
	entries, err := scan(root)
	if err != nil {
		return p, err
	}
	for _, e := range entries {
		p.Bytes += e.Bytes
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Used.Compare(b.Used), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for _, e := range entries {
		if p.Bytes <= max && max > 0 {
			break
		}
		if stop != nil {
			if err := stop(); err != nil {
				return p, err
			}
		}
		switch gone, err := remove(root, e); {
		case err != nil:
			return p, fmt.Errorf("removing %q: %w", e.path(), err)
		case gone:
			p.Removed = append(p.Removed, e)
			p.Bytes -= e.Bytes
		default:
			p.InUse = append(p.InUse, e)
		}
	}
	return p, nil
}

func tagged(root *os.Root) error {
	info, err := root.Lstat(tagName)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 4096 {
		return ErrNotTagged
	}
	b, err := root.ReadFile(tagName)
	if err != nil || !strings.HasPrefix(string(b), tagSignature) || !strings.Contains(string(b), "plugproof") {
		return ErrNotTagged
	}
	return nil
}

// finish removes what an earlier prune renamed and could not remove.
func finish(root *os.Root) error {
	tops, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, k := range tops {
		names := []fs.DirEntry{k}
		if k.IsDir() && !strings.HasPrefix(k.Name(), removedPrefix) {
			if names, err = fs.ReadDir(root.FS(), k.Name()); err != nil {
				return err
			}
		}
		for _, n := range names {
			if !strings.HasPrefix(n.Name(), removedPrefix) {
				continue
			}
			p := n.Name()
			if n.Name() != k.Name() {
				p = path.Join(k.Name(), p)
			}
			if err := removeTree(root, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove removes an entry unless it is in use.
func remove(root *os.Root, e Entry) (bool, error) {
	p := e.path()
	dir, name := path.Split(p)
	locks := []string{p, p + ".lock", path.Join(p, "lock"), path.Join(p, ".lock")}
	if dir != "" {
		locks = append(locks, dir+"lock", dir+".lock", e.Kind+".lock")
	}
	for _, l := range locks {
		f, held, err := lock(root, l)
		if err != nil {
			return false, err
		}
		if f != nil {
			defer f.Close()
		}
		if held {
			return false, nil
		}
	}
	aside := dir + removedPrefix + name
	if err := root.Rename(p, aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return false, err
	}
	return true, removeTree(root, aside)
}

// lock takes an exclusive flock on a file or directory that exists; held says that somebody else has one.
func lock(root *os.Root, p string) (f *os.File, held bool, err error) {
	info, err := root.Lstat(p)
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() { // absent, or nothing that one locks
		return nil, false, nil
	}
	f, err = root.OpenFile(p, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, true, nil
	}
	return f, false, err
}

// removeTree removes a tree whose directories may be read-only. Walking does not follow links, and root does not let
// one lead out.
func removeTree(root *os.Root, top string) error {
	info, err := root.Lstat(top)
	if err != nil || !info.IsDir() { // WalkDir would follow a link at the top
		return root.RemoveAll(top)
	}
	err = fs.WalkDir(root.FS(), top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if info, err := d.Info(); err != nil || info.Mode().Perm()&0o700 != 0o700 {
				return errors.Join(err, root.Chmod(p, 0o700))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.RemoveAll(top)
}
