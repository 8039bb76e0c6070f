package binpkg

import (
	"archive/tar"
	"errors"
	"io"
	"time"

	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// metadataEntries is how many entries xbps looks at for metadata (lib/package_unpack.c).
const metadataEntries = 4

// Package is what stands in front of the payload.
type Package struct {
	Props       manifest.Props
	Files       manifest.Files
	PropsPlist  []byte // as it is in the archive
	FilesPlist  []byte // as it is in the archive
	Install     []byte // the INSTALL script, nil if there is none
	Remove      []byte // the REMOVE script, nil if there is none
	Compression string
}

// Type is what an entry of the payload is.
type Type byte

// The types of Entry. All others are refused.
const (
	File     Type = 'f'
	Symlink  Type = 'l'
	HardLink Type = 'h'
	Dir      Type = 'd'
)

// Entry is one entry of the payload.
type Entry struct {
	Path         string // absolute and clean
	Type         Type
	Size         int64  // bytes, of a File
	Target       string // of a Symlink as it is on disk, of a HardLink an absolute path that came before
	Mode         int64  // permissions with setuid (04000), setgid (02000) and sticky (01000)
	UID, GID     int
	Uname, Gname string
	ModTime      time.Time
	Capabilities bool // the archive gives it file capabilities
}

// Reader reads the payload, entry by entry.
type Reader struct {
	Package
	stream *Stream
	tar    *tar.Reader
	guard  *guard
	next   *tar.Header // the first entry of the payload, if reading the metadata met it
	ended  bool
	plain  bool // a root file system: no metadata
}

// Open reads the metadata of a package of the given size in bytes. The error is a *Refusal.
// The caller closes the Reader.
func Open(r io.ReaderAt, size int64, limits Limits) (*Reader, error) {
	l := limits.withDefaults()
	s, err := Expand(r, size, l)
	if err != nil {
		return nil, err
	}
	p := &Reader{Package: Package{Compression: s.Compression}, stream: s, tar: tar.NewReader(s), guard: newGuard(l)}
	if err := p.metadata(l); err != nil {
		s.Close()
		return nil, err
	}
	return p, nil
}

// Close frees the decompressor.
func (p *Reader) Close() { p.stream.Close() }

func (p *Reader) metadata(l Limits) error {
	parts := map[string]*[]byte{"./INSTALL": &p.Install, "./REMOVE": &p.Remove, "./props.plist": &p.PropsPlist, "./files.plist": &p.FilesPlist}
	for range metadataEntries {
		h, err := p.header()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		into, ok := parts[h.Name]
		if !ok {
			p.next = h
			break
		}
		if *into != nil {
			return refuse(WrongOrder, h.Name, "metadata that appears twice")
		}
		if h.Typeflag != tar.TypeReg || h.Size > l.Metadata {
			return refuse(TooBig, h.Name, "metadata that is no file of at most %d bytes", l.Metadata)
		}
		if err := attributes(h); err != nil {
			return err
		}
		if *into, err = io.ReadAll(io.LimitReader(p.tar, l.Metadata)); err != nil {
			return p.broken(err)
		}
		if h.Name == "./files.plist" {
			break
		}
	}
	if p.PropsPlist == nil || p.FilesPlist == nil {
		return refuse(NotAPackage, "", "no props.plist and files.plist among the first %d entries", metadataEntries)
	}
	return p.parse(l)
}

func (p *Reader) parse(l Limits) error {
	limits := plist.Limits{Bytes: int(l.Metadata)}
	d, err := plist.Decode(p.PropsPlist, limits)
	if err == nil {
		p.Props, err = manifest.ParseProps(d)
	}
	if err != nil {
		return refuse(NotAPackage, "./props.plist", "%v", err)
	}
	if d, err = plist.Decode(p.FilesPlist, limits); err == nil {
		p.Files, err = manifest.ParseFiles(d)
	}
	if err != nil {
		return refuse(NotAPackage, "./files.plist", "%v", err)
	}
	return nil
}

// Next returns the next entry, io.EOF after the last, or a *Refusal.
func (p *Reader) Next() (*Entry, error) {
	h := p.next
	p.next = nil
	if h == nil {
		var err error
		if h, err = p.header(); err == io.EOF {
			return nil, p.drain()
		} else if err != nil {
			return nil, err
		}
	}
	switch {
	case p.plain:
	case h.Name == "./INSTALL", h.Name == "./REMOVE", h.Name == "./props.plist", h.Name == "./files.plist":
		return nil, refuse(WrongOrder, h.Name, "metadata behind files.plist, which xbps would unpack as a file")
	}
	path, err := p.guard.admit(h)
	if err != nil {
		return nil, err
	}
	e := &Entry{Path: path, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Uname: h.Uname, Gname: h.Gname, ModTime: h.ModTime, Capabilities: h.PAXRecords[capabilities] != ""}
	switch h.Typeflag {
	case tar.TypeDir:
		e.Type = Dir
	case tar.TypeSymlink:
		e.Type, e.Target = Symlink, h.Linkname
	case tar.TypeLink:
		e.Type, e.Target = HardLink, h.Linkname[1:]
	default:
		e.Type, e.Size = File, h.Size
		if h.Size > p.stream.left {
			return nil, refuse(TooBig, h.Name, "a file of %d bytes, the package may expand to %d", h.Size, p.stream.limit)
		}
	}
	return e, nil
}

// Read reads the contents of the File that Next returned last.
func (p *Reader) Read(b []byte) (int, error) {
	n, err := p.tar.Read(b)
	if err != nil && err != io.EOF {
		err = p.broken(err)
	}
	return n, err
}

func (p *Reader) header() (*tar.Header, error) {
	if p.plain {
		return p.rootfsHeader()
	}
	h, err := p.tar.Next()
	if err == nil || err == io.EOF {
		return h, err
	}
	return nil, p.broken(err)
}

// drain reads to the end of the compressed stream, so that its checksum is checked and nothing hides behind the archive.
func (p *Reader) drain() error {
	if p.ended {
		return io.EOF
	}
	p.ended = true
	buf := make([]byte, 32<<10)
	for {
		n, err := p.stream.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return refuse(NotAPackage, "", "data behind the end of the archive")
			}
		}
		if err == io.EOF {
			return io.EOF
		}
		if err != nil {
			return p.broken(err)
		}
	}
}

// broken turns an error of a decompressor or of the tar reader into a Refusal.
func (p *Reader) broken(err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return refuse(NotAPackage, "", "the archive is damaged: %v", err)
}
