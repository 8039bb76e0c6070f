package supply

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// merged are the folders that lie in usr, as on every Debian since 12: musl's libc.so is shipped in /lib and found in /usr/lib.
var merged = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// merge is where a package's file lies in a merged root; "" for what is there already.
func merge(name string) string {
	first, rest, deeper := strings.Cut(name, "/")
	if !slices.Contains(merged, first) {
		return name
	}
	if !deeper {
		return ""
	}
	return path.Join("usr", first, rest)
}

// data finds the archive of files in a Debian package: an ar archive (deb(5)) of debian-binary, control.tar.* and data.tar.*.
func data(r io.ReaderAt, size int64) (*io.SectionReader, error) {
	head := make([]byte, 60)
	if _, err := r.ReadAt(head[:8], 0); err != nil || string(head[:8]) != "!<arch>\n" {
		return nil, errors.New("it is no Debian package")
	}
	for at := int64(8); at+60 <= size; {
		if _, err := r.ReadAt(head, at); err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(strings.TrimRight(string(head[48:58]), " "), 10, 64)
		if err != nil || n < 0 || n > size-at-60 {
			return nil, fmt.Errorf("a member at offset %d has no size that can be", at)
		}
		if strings.HasPrefix(string(head[:16]), "data.tar") {
			return io.NewSectionReader(r, at+60, n), nil
		}
		at += 60 + n + n%2
	}
	return nil, errors.New("it holds no data.tar")
}

// maxTools bounds what all packages unpack to, in bytes; QEMU, the C compilers and what they need have 1.5 GB.
const maxTools = 8 << 30

// A toolRoot is what packages are unpacked to.
type toolRoot struct {
	*os.Root
	left int64 // bytes that may still come
}

func (root *toolRoot) unpack(ctx context.Context, archive io.Reader) error {
	t := tar.NewReader(archive)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := root.entry(h, t); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

// entry makes one entry. Nothing is set-user-id, and there are no devices: /dev is mounted.
func (root *toolRoot) entry(h *tar.Header, r io.Reader) error {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			h.Typeflag = tar.TypeGNUSparse
		}
	}
	if h.Typeflag == tar.TypeGNUSparse {
		return errors.New("it is a sparse file, whose size has nothing to do with what is stored")
	}
	if root.left -= h.Size; root.left < 0 || h.Size < 0 {
		return fmt.Errorf("with it the packages unpack to more than %d bytes", int64(maxTools))
	}
	name := path.Clean(strings.TrimPrefix(h.Name, "./"))
	if name == "." {
		return nil
	}
	if !fs.ValidPath(name) {
		return errors.New("it leaves the root")
	}
	if name = merge(name); name == "" {
		return nil
	}
	mode := fs.FileMode(h.Mode).Perm()
	if h.Typeflag != tar.TypeDir {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700)
	case tar.TypeReg:
		w, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		return errors.Join(err, w.Chmod(mode), w.Close())
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return root.Link(merge(path.Clean(strings.TrimPrefix(h.Linkname, "./"))), name)
	}
	return nil
}
