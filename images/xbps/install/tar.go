package install

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"time"
)

// Tar writes the root as a tarball, laid out as Void's ROOTFS tarballs are: names that begin with "./", parents first. The same
// root gives the same bytes; times are 1970.
func (t *Tree) Tar(w io.Writer) error {
	out := tar.NewWriter(w)
	err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
	for _, n := range t.Nodes() {
		if err != nil {
			break
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: "." + n.Path, Mode: n.Mode, Uid: n.UID, Gid: n.GID, Size: int64(len(n.Data)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		switch n.Type {
		case Dir:
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		case Link:
			h.Typeflag, h.Linkname = tar.TypeSymlink, n.Target
		}
		if err = out.WriteHeader(h); err == nil {
			_, err = out.Write(n.Data)
		}
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("install: writing a tarball: %w", err)
	}
	return nil
}
