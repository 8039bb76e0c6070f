package binpkg

import (
	"archive/tar"
	"path"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/manifest"
)

// kind is what a name in the archive has been seen as.
type kind byte

const (
	directory kind = iota + 1 // of its own or as the parent of another
	regular
	symlink
)

// guard decides which entries may pass. It knows all names so far, so its order of checks is the archive's.
type guard struct {
	seen   map[string]kind
	count  int
	names  int64
	limits Limits
}

func newGuard(l Limits) *guard { return &guard{seen: map[string]kind{}, limits: l} }

// admit checks the next header and returns the entry's absolute path.
func (g *guard) admit(h *tar.Header) (string, error) {
	if err := g.counted(); err != nil {
		return "", err
	}
	if g.names += int64(len(h.Name) + len(h.Linkname)); g.names > g.limits.Names {
		return "", refuse(TooMany, "", "names of more than %d bytes", g.limits.Names)
	}
	if err := attributes(h); err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(strings.TrimSuffix(h.Name, "/"), ".")
	if h.Typeflag == tar.TypeDir && name == "" {
		return "/", nil
	}
	if !ok || !manifest.CleanPath(name) || h.Typeflag != tar.TypeDir && strings.HasSuffix(h.Name, "/") {
		return "", refuse(PathEscape, h.Name, "the name is no clean path below ./")
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir:
	case tar.TypeSymlink:
		if h.Linkname == "" || len(h.Linkname) > 4096 || strings.IndexByte(h.Linkname, 0) >= 0 {
			return "", refuse(PathEscape, h.Name, "a link to no path")
		}
	case tar.TypeLink:
		target, ok := strings.CutPrefix(h.Linkname, ".")
		if !ok || !manifest.CleanPath(target) || g.seen[target] != regular {
			return "", refuse(LinkEscape, h.Name, "a hard link to %q, which the package has no file for", h.Linkname)
		}
	default:
		return "", refuse(SpecialFile, h.Name, "%s", typeName(h.Typeflag))
	}
	return name, g.place(name, h)
}

// counted counts an entry, also one that is passed over.
func (g *guard) counted() error {
	if g.count++; g.count > g.limits.Entries {
		return refuse(TooMany, "", "more than %d entries", g.limits.Entries)
	}
	return nil
}

// place notes the name and its parents.
func (g *guard) place(name string, h *tar.Header) error {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		switch g.seen[dir] {
		case symlink:
			return refuse(ThroughLink, h.Name, "it leads through the link %q", "."+dir)
		case regular:
			return refuse(Duplicate, h.Name, "its parent %q is a file", "."+dir)
		case directory:
			continue
		}
		if g.names += int64(len(dir)); g.names > g.limits.Names {
			return refuse(TooMany, "", "names of more than %d bytes", g.limits.Names)
		}
		g.seen[dir] = directory
	}
	now := regular
	switch h.Typeflag {
	case tar.TypeDir:
		now = directory
	case tar.TypeSymlink:
		now = symlink
	}
	if before := g.seen[name]; before != 0 && (before != directory || now != directory) {
		return refuse(Duplicate, h.Name, "the name appears twice")
	}
	g.seen[name] = now
	return nil
}

// attributes refuses what no package builder writes.
func attributes(h *tar.Header) error {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return refuse(SparseFile, h.Name, "a sparse file")
		}
	}
	if h.Typeflag == tar.TypeGNUSparse {
		return refuse(SparseFile, h.Name, "a sparse file")
	}
	if h.Size < 0 || h.Mode < 0 || h.Mode > 0o7777777 || h.Uid < 0 || h.Gid < 0 {
		return refuse(BadAttributes, h.Name, "a size, mode or owner that cannot be")
	}
	return nil
}

func typeName(flag byte) string {
	switch flag {
	case tar.TypeChar, tar.TypeBlock:
		return "a device node"
	case tar.TypeFifo:
		return "a named pipe"
	}
	return "an entry of type " + strings.ToUpper(string([]byte{hexDigit(flag >> 4), hexDigit(flag & 15)})) + " (hexadecimal)"
}

func hexDigit(n byte) byte { return "0123456789abcdef"[n] }
