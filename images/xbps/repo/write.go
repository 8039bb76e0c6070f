package repo

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// Write writes the index as xbps-rindex does, compressed with zstd. The same index gives the same bytes.
func (x *Index) Write(w io.Writer) error {
	index, err := encode(x.Packages)
	if err != nil {
		return err
	}
	stage, err := encode(x.Stage)
	if err != nil {
		return err
	}
	meta := plist.Dict{}
	if m := x.Meta; m != nil {
		meta = plist.Dict{"public-key": m.Key.PEM(), "public-key-size": int64(m.Key.Bits()), "signature-by": m.SignatureBy, "signature-type": "rsa"}
	}
	var metaText []byte
	if len(meta) > 0 {
		if metaText, err = plist.Encode(meta); err != nil {
			return fmt.Errorf("repo: writing index: %w", err)
		}
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return fmt.Errorf("repo: writing index: %w", err)
	}
	t := tar.NewWriter(z)
	for _, e := range []struct {
		name string
		text []byte
	}{{indexName, index}, {metaName, metaText}, {stageName, stage}} {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: 0o644, Size: int64(len(e.text)), ModTime: time.Unix(0, 0), Uname: "root", Gname: "root"}
		if err = t.WriteHeader(h); err == nil {
			_, err = t.Write(e.text)
		}
		if err != nil {
			break
		}
	}
	if err := errors.Join(err, t.Close(), z.Close()); err != nil {
		return fmt.Errorf("repo: writing index: %w", err)
	}
	return nil
}

func encode(packages map[string]manifest.Props) ([]byte, error) {
	if len(packages) == 0 {
		return nil, nil
	}
	d := plist.Dict{}
	for name, p := range packages {
		d[name] = p.IndexDict()
	}
	text, err := plist.Encode(d)
	if err != nil {
		return nil, fmt.Errorf("repo: writing index: %w", err)
	}
	return text, nil
}

// Add puts a package into the index as xbps-rindex does: only if it is newer than the one of its name, where a package
// that reverts the other counts as newer. It reports whether the package is now in the index.
func (x *Index) Add(p manifest.Props) bool {
	if x.Packages == nil {
		x.Packages = map[string]manifest.Props{}
	}
	if old, ok := x.Packages[p.Name()]; ok && !Newer(p, old) {
		return false
	}
	x.Packages[p.Name()] = p
	return true
}

// Newer reports whether package a replaces package b of the same name: it has the higher version, or it reverts b; it
// does not if b reverts it (bin/xbps-rindex/index-add.c).
func Newer(a, b manifest.Props) bool {
	order := xbps.CompareVersions(a.Pkgver, b.Pkgver)
	switch {
	case order < 0 && reverts(a, b.Version()):
		return true
	case order > 0 && reverts(b, a.Version()):
		return false
	}
	return order > 0
}

func reverts(p manifest.Props, version string) bool {
	for _, v := range p.Reverts {
		if v == version {
			return true
		}
	}
	return false
}
