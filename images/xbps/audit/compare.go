package audit

import (
	"path"
	"strings"

	"github.com/plugproof/plugproof/images/links"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
)

// compare holds the archive's entries against files.plist.
func (c *contents) compare() {
	listed := map[string]bool{}
	for _, list := range [][]manifest.File{c.pkg.Files.Files, c.pkg.Files.ConfFiles} {
		for _, f := range list {
			listed[f.Path] = true
			c.compareFile(f)
		}
	}
	for _, f := range c.pkg.Files.Links {
		listed[f.Path] = true
		m, ok := c.seen[f.Path]
		switch {
		case !ok:
			c.add(c.file, f.Path, Absent, "files.plist has this link, the archive has not")
		case m.typ != binpkg.Symlink:
			c.add(c.file, f.Path, LinkTarget, "files.plist calls it a link, the archive a file")
		case !c.sameTarget(f.Path, m.target, f.Target):
			c.add(c.file, f.Path, LinkTarget, "leads to %q, files.plist says %q", m.target, f.Target)
		}
	}
	for p := range c.seen {
		if p[0] == '/' && !listed[p] {
			c.add(c.file, p, Unlisted, "the archive has it, files.plist has not")
		}
	}
	conf := map[string]bool{}
	for _, f := range c.pkg.Files.ConfFiles {
		conf[f.Path] = true
	}
	for _, f := range c.pkg.Props.ConfFiles {
		if !strings.ContainsAny(f, "*?[") && !conf[f] {
			c.add(c.file, f, Absent, "a configuration file that files.plist does not have as one")
		}
	}
}

func (c *contents) compareFile(f manifest.File) {
	m, ok := c.seen[f.Path]
	switch {
	case !ok:
		c.add(c.file, f.Path, Absent, "files.plist has this file, the archive has not")
	case m.typ == binpkg.Symlink:
		c.add(c.file, f.Path, ContentHash, "files.plist calls it a file, the archive a link")
	case !strings.EqualFold(m.hash, f.SHA256):
		c.add(c.file, f.Path, ContentHash, "SHA-256 is %s, files.plist says %s", m.hash, f.SHA256)
	case f.Size != 0 && f.Size != m.size:
		c.add(c.file, f.Path, ContentHash, "%d bytes, files.plist says %d", m.size, f.Size)
	}
}

// sameTarget compares a link on disk with files.plist, where xbps-create has made the target absolute; a target with
// "./" in it was resolved through the package's own links, or left as it was where it led out of the package.
func (c *contents) sameTarget(link, target, listed string) bool {
	absolute := target
	if !strings.HasPrefix(target, "/") {
		absolute = path.Dir(link) + "/" + target
	}
	if path.Clean(absolute) == path.Clean(listed) || strings.ReplaceAll(target, "//", "/") == listed {
		return true
	}
	return strings.Contains(target, "./") && c.resolve(absolute) == path.Clean(listed)
}

// resolve follows the package's own links in an absolute path; "" is a path with too many.
func (c *contents) resolve(name string) string {
	real, err := links.Follow(name, func(name string) (string, bool) {
		m, ok := c.seen["/"+name]
		return m.target, ok && m.typ == binpkg.Symlink
	})
	if err != nil {
		return ""
	}
	return path.Join("/", real)
}
