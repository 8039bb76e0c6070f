package binpkg

import (
	"archive/tar"
	"io"
	"strings"
)

// OpenRootfs opens the archive of a whole root file system, such as Void's ROOTFS tarballs, which has no metadata of its
// own. What holds for packages holds for it, but a name need not begin with "./", and the usual devices beneath /dev are
// passed over: the kernel makes them. The error is a *Refusal. The caller closes the Reader.
func OpenRootfs(r io.ReaderAt, size int64, limits Limits) (*Reader, error) {
	l := limits.withDefaults()
	s, err := Expand(r, size, l)
	if err != nil {
		return nil, err
	}
	return &Reader{Package: Package{Compression: s.Compression}, stream: s, tar: tar.NewReader(s), guard: newGuard(l), plain: true}, nil
}

// usualDevices are what every Linux has, by name: major and minor (Documentation/admin-guide/devices.txt).
var usualDevices = map[string][2]int64{
	"./dev/console": {5, 1}, "./dev/full": {1, 7}, "./dev/kmsg": {1, 11}, "./dev/mem": {1, 1}, "./dev/null": {1, 3}, "./dev/port": {1, 4},
	"./dev/ptmx": {5, 2}, "./dev/random": {1, 8}, "./dev/tty": {5, 0}, "./dev/urandom": {1, 9}, "./dev/zero": {1, 5},
}

// rootfsHeader gives the next header of a root file system, named as a package's are.
func (p *Reader) rootfsHeader() (*tar.Header, error) {
	for {
		h, err := p.tar.Next()
		if err == io.EOF {
			return nil, err
		}
		if err != nil {
			return nil, p.broken(err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // a comment for the whole archive, no file
			if err := p.guard.counted(); err != nil {
				return nil, err
			}
			continue
		}
		h.Name = dotted(h.Name)
		if h.Typeflag == tar.TypeLink {
			h.Linkname = dotted(h.Linkname)
		}
		if n, ok := usualDevices[h.Name]; ok && h.Typeflag == tar.TypeChar && n == [2]int64{h.Devmajor, h.Devminor} {
			if err := p.guard.counted(); err != nil {
				return nil, err
			}
			continue
		}
		return h, nil
	}
}

// dotted puts "./" before a relative name. An absolute one stays, and is refused.
func dotted(name string) string {
	if name == "." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "/") || name == "" {
		return name
	}
	return "./" + name
}

// capabilities is the attribute in which tar keeps a file's capabilities, as GNU tar and libarchive write it.
const capabilities = "SCHILY.xattr.security.capability"
