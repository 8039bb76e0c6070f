package cpio

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"sort"

	newc "github.com/cavaliergopher/cpio"
)

// Write writes the entries as one archive: sorted by name, with missing parents added as root's 0755 directories. It
// refuses unclean names, names that occur twice and parents that are no directories.
func Write(w io.Writer, entries []Entry) error {
	all, err := complete(entries)
	if err != nil {
		return fmt.Errorf("writing archive: %w", err)
	}
	dev := &deviceWriter{w: w}
	cw := newc.NewWriter(dev)
	for i, e := range all {
		if err := writeEntry(cw, dev, e, int64(i+1)); err != nil {
			return fmt.Errorf("writing archive: file %q: %w", e.Name, err)
		}
	}
	if err := cw.Close(); err != nil {
		return fmt.Errorf("writing archive: %w", err)
	}
	return nil
}

// Bytes is Write into memory.
func Bytes(entries []Entry) ([]byte, error) {
	var b bytes.Buffer
	if err := Write(&b, entries); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// complete checks the entries, adds the parents and sorts.
func complete(entries []Entry) ([]Entry, error) {
	byName := make(map[string]Entry, len(entries))
	for _, e := range entries {
		if err := e.check(); err != nil {
			return nil, err
		}
		if _, twice := byName[e.Name]; twice {
			return nil, fmt.Errorf("file %q is given twice", e.Name)
		}
		byName[e.Name] = e
	}
	for _, e := range entries {
		for dir := path.Dir(e.Name); dir != "."; dir = path.Dir(dir) {
			parent, there := byName[dir]
			if !there {
				byName[dir] = Dir(dir, 0o755)
			} else if parent.Mode&typeMask != TypeDir {
				return nil, fmt.Errorf("file %q lies under %q, which is no directory", e.Name, dir)
			}
		}
	}
	all := make([]Entry, 0, len(byName))
	for _, e := range byName {
		all = append(all, e)
	}
	// A parent's name is a proper prefix of its children's, so byte order puts it first, which the kernel needs.
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all, nil
}

// writeEntry numbers every inode itself: the library's own numbers may collide with given ones.
func writeEntry(cw *newc.Writer, dev *deviceWriter, e Entry, inode int64) error {
	data := e.Data
	links := 1
	switch e.Mode & typeMask {
	case TypeLink:
		data = []byte(e.Target) // the library does not write Linkname
	case TypeDir:
		data, links = nil, 2
	case TypeChar:
		data = nil
		dev.pending, dev.major, dev.minor = true, e.Major, e.Minor
	}
	hdr := &newc.Header{Name: e.Name, Mode: newc.FileMode(e.Mode), Inode: inode, Links: links, Size: int64(len(data)), Uid: int(e.UID), Guid: int(e.GID)}
	if err := cw.WriteHeader(hdr); err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	_, err := cw.Write(data)
	return err
}

// headerSize is the length of a newc header in bytes; the library writes it in one call.
const headerSize = 110

// deviceWriter puts a device's numbers into the header that passes through it: the library always writes zero there
// (c_rdevmajor and c_rdevminor, bytes 78 to 94).
type deviceWriter struct {
	w            io.Writer
	pending      bool
	major, minor uint32
}

func (d *deviceWriter) Write(p []byte) (int, error) {
	if d.pending && len(p) == headerSize {
		d.pending = false
		patched := append([]byte(nil), p...)
		copy(patched[78:94], fmt.Sprintf("%08X%08X", d.major, d.minor))
		return d.w.Write(patched)
	}
	return d.w.Write(p)
}
