package binpkg

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// Source is one file or symbolic link to pack. Directories are made from the paths.
type Source struct {
	Path    string // absolute
	Mode    int64  // permissions of a file, with setuid and setgid if they are wanted
	Target  string // of a symbolic link, as it will be on disk
	Mutable bool
	Size    int64
	Open    func() (io.ReadCloser, error) // gives the contents of a file, twice
}

// Bytes makes a Source of contents in memory.
func Bytes(path string, mode int64, data []byte) Source {
	return Source{Path: path, Mode: mode, Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// Recipe says what Write makes. The same recipe gives the same bytes, whatever the order of Sources; owners are root.
type Recipe struct {
	Props           manifest.Props // InstalledSize is computed
	Sources         []Source
	Install, Remove []byte
	ModTime         time.Time // of every file, in whole seconds; the zero time means 1970
	Compression     string    // zstd (default), xz, gzip, lz4 or none
}

// Write makes a package that Open and xbps read. What Open would refuse, and a manifest with Problems, are errors.
func Write(w io.Writer, r Recipe) error {
	if p := r.Props.Problems(); len(p) > 0 {
		return fmt.Errorf("binpkg: packing %s: %s", r.Props.Pkgver, p[0].Text)
	}
	sources := slices.Clone(r.Sources)
	slices.SortFunc(sources, func(a, b Source) int { return cmp.Compare(a.Path, b.Path) })
	files, size, err := describe(sources, r.Props.ConfFiles)
	if err != nil {
		return fmt.Errorf("binpkg: packing %s: %w", r.Props.Pkgver, err)
	}
	r.Props.InstalledSize = size
	z, err := compressor(w, r.Compression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	err = writeArchive(t, r, sources, files)
	if err := errors.Join(err, t.Close(), z.Close()); err != nil {
		return fmt.Errorf("binpkg: packing %s: %w", r.Props.Pkgver, err)
	}
	return nil
}

func writeArchive(t *tar.Writer, r Recipe, sources []Source, files manifest.Files) error {
	if _, err := manifest.ParseProps(r.Props.Dict()); err != nil {
		return err
	}
	props, err := plist.Encode(r.Props.Dict())
	if err != nil {
		return err
	}
	list, err := plist.Encode(files.Dict())
	if err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		mode int64
		data []byte
	}{{"./INSTALL", 0o755, r.Install}, {"./REMOVE", 0o755, r.Remove}, {"./props.plist", 0o644, props}, {"./files.plist", 0o644, list}} {
		if m.data == nil {
			continue
		}
		if err := t.WriteHeader(header(m.name, m.mode, int64(len(m.data)), r.ModTime)); err != nil {
			return err
		}
		if _, err := t.Write(m.data); err != nil {
			return err
		}
	}
	g := newGuard(Limits{}.withDefaults())
	hashes := map[string]string{}
	for _, f := range append(slices.Clone(files.Files), files.ConfFiles...) {
		hashes[f.Path] = f.SHA256
	}
	for _, s := range sources {
		h := header("."+s.Path, s.Mode, s.Size, r.ModTime)
		if s.Target != "" {
			h.Typeflag, h.Linkname, h.Size, h.Mode = tar.TypeSymlink, s.Target, 0, 0o777
		}
		if _, err := g.admit(h); err != nil {
			return err
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if s.Target != "" {
			continue
		}
		if sum, err := copyHashed(t, s); err != nil || sum != hashes[s.Path] {
			return cmp.Or(err, fmt.Errorf("%q changed while it was packed", s.Path))
		}
	}
	return nil
}

func header(name string, mode, size int64, mtime time.Time) *tar.Header {
	if mtime.IsZero() {
		mtime = time.Unix(0, 0)
	}
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode & 0o7777, Size: size, ModTime: mtime.UTC().Truncate(time.Second), Uname: "root", Gname: "root"}
}

// describe reads every file once and makes files.plist and the installed size.
func describe(sources []Source, confFiles []string) (f manifest.Files, size int64, err error) {
	dirs := map[string]bool{}
	for _, s := range sources {
		if !manifest.CleanPath(s.Path) {
			return f, 0, refuse(PathEscape, s.Path, "the name is no clean absolute path")
		}
		for d := path.Dir(s.Path); d != "/"; d = path.Dir(d) {
			dirs[d] = true
		}
		if s.Target != "" {
			f.Links = append(f.Links, manifest.File{Path: s.Path, Target: AbsoluteTarget(s.Path, s.Target)})
			continue
		}
		sum, err := copyHashed(io.Discard, s)
		if err != nil {
			return f, 0, err
		}
		size += s.Size
		file := manifest.File{Path: s.Path, SHA256: sum, Size: s.Size}
		if slices.Contains(confFiles, s.Path) {
			f.ConfFiles = append(f.ConfFiles, file)
			continue
		}
		file.Mutable = s.Mutable
		f.Files = append(f.Files, file)
	}
	for _, d := range slices.Sorted(maps.Keys(dirs)) {
		f.Dirs = append(f.Dirs, manifest.File{Path: d})
	}
	return f, size, nil
}

// AbsoluteTarget returns what files.plist says of a link: xbps-create makes a relative target absolute.
func AbsoluteTarget(link, target string) string {
	if !strings.HasPrefix(target, "/") {
		target = path.Dir(link) + "/" + target
	}
	return path.Clean(target)
}

func copyHashed(w io.Writer, s Source) (string, error) {
	if s.Open == nil {
		return "", fmt.Errorf("%q has no contents", s.Path)
	}
	f, err := s.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(f, s.Size+1))
	if err != nil {
		return "", err
	}
	if n != s.Size {
		return "", fmt.Errorf("%q has not the %d bytes it was to have", s.Path, s.Size)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// compressor gives the same bytes for the same input: one thread, no name and no time in a header.
func compressor(w io.Writer, name string) (io.WriteCloser, error) {
	switch name {
	case "", "zstd":
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	case "xz":
		return xz.NewWriter(w)
	case "gzip":
		return gzip.NewWriterLevel(w, gzip.BestCompression)
	case "lz4":
		z := lz4.NewWriter(w)
		return z, z.Apply(lz4.ConcurrencyOption(1), lz4.ChecksumOption(true))
	case "none":
		return nopCloser{w}, nil
	}
	return nil, fmt.Errorf("binpkg: cannot write compression %q: want zstd, xz, gzip, lz4 or none", name)
}
