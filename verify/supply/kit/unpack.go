package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Unpack verifies the whole kit, unless Verify did, and then writes its parts below dir, each to a new file that takes its place only
// when its bytes are right. Files that are right already stay. Parts that are held must be there already. Nothing is written
// outside dir, also where links lead out of it, and nothing at all if a part is wrong. That the kit was taken is written down when
// all of it is on the disk.
func (k *Kit) Unpack(ctx context.Context, dir string) (err error) {
	_, missing := os.Lstat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if errors.Is(missing, fs.ErrNotExist) {
		defer func() {
			if err != nil {
				_ = os.Remove(dir) // which it can only if nothing came into it
			}
		}()
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	release, err := Lock(ctx, root)
	if err != nil {
		return err
	}
	defer release()
	if err := k.notOld(root); err != nil {
		return err
	}
	if !k.verified {
		if err := k.Verify(ctx, nil); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, p := range k.Manifest.Parts {
		if err := folders(root, p.Path, seen); err != nil {
			return err
		}
	}
	for _, p := range k.Manifest.Parts {
		if p.Held && !right(ctx, root, p) {
			return fmt.Errorf("%w: %q is to come from the kit with the manifest %s; unpack that first", ErrBase, p.Path, k.Manifest.Since)
		}
	}
	for _, p := range k.Manifest.Parts {
		if p.Held || right(ctx, root, p) {
			continue
		}
		if err := k.place(ctx, root, p); err != nil {
			return err
		}
	}
	if err := Settle(root); err != nil {
		return err
	}
	return k.take(root)
}

// Lock waits until nobody else unpacks into the folder. The lock is on the folder itself, and ends with its owner.
func Lock(ctx context.Context, root *os.Root) (release func(), err error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking the folder that is unpacked to: %w", err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Settle has everything on the folder's file system written to its disk: once is quicker than for each of a thousand files.
func Settle(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

func mode(p Part) fs.FileMode {
	if p.Exec {
		return 0o755
	}
	return 0o644
}

// right reports whether the file is there as it should be.
func right(ctx context.Context, root *os.Root, p Part) bool {
	if p.Link {
		return rightLink(root, p)
	}
	st, err := root.Lstat(p.Path)
	if err != nil || !st.Mode().IsRegular() || st.Size() != p.Size || st.Mode().Perm() != mode(p) {
		return false
	}
	f, err := root.Open(p.Path)
	if err != nil {
		return false
	}
	defer f.Close()
	return copyPart(ctx, nil, f, p, nil) == nil
}

func (k *Kit) place(ctx context.Context, root *os.Root, p Part) error {
	if err := root.MkdirAll(path.Dir(p.Path), 0o755); err != nil {
		return err
	}
	if p.Link {
		return k.placeLink(ctx, root, p)
	}
	return replace(root, p.Path, mode(p), false, func(w io.Writer) error { return copyPart(ctx, w, k.section(p), p, nil) })
}

// unfinished is a file or link in the making, in the folder of its place. No part has that name, and a mirror serves none that begins with
// a dot.
const unfinished = ".plugproof-new"

// replace writes a file beside its place, on the disk if sync, and renames it.
func replace(root *os.Root, name string, mode fs.FileMode, sync bool, write func(io.Writer) error) error {
	next := path.Join(path.Dir(name), unfinished)
	if err := root.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	err = errors.Join(err, f.Chmod(mode))
	if err == nil && sync {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = root.Rename(next, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(next))
	}
	return nil
}

// serials is the folder that remembers which kits were taken, below the folder that they were unpacked to.
const serials = ".plugproof-kits"

// notOld refuses a kit with a lower serial than one of its name that was taken, or another one with the same.
func (k *Kit) notOld(root *os.Root) error {
	f, err := root.Open(path.Join(serials, k.Manifest.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return err
	}
	number, digest, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	taken, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", path.Join(serials, k.Manifest.Name), err)
	}
	switch {
	case k.Manifest.Serial < taken:
		return fmt.Errorf("%w: serial %d, and %d of %q was taken", ErrOld, k.Manifest.Serial, taken, k.Manifest.Name)
	case k.Manifest.Serial == taken && digest != string(k.Manifest.Digest()):
		return fmt.Errorf("%w: another kit %q with the serial %d was taken", ErrOld, k.Manifest.Name, taken)
	}
	return nil
}

func (k *Kit) take(root *os.Root) error {
	if err := root.MkdirAll(serials, 0o755); err != nil {
		return err
	}
	return replace(root, path.Join(serials, k.Manifest.Name), 0o644, true, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%d %s\n", k.Manifest.Serial, k.Manifest.Digest())
		return err
	})
}
