package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/plugproof/plugproof/images/release"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
)

// TarballOptions say what a tarball must be.
type TarballOptions struct {
	Sums          string        // file of checksums
	Signature     string        // file of the signature over it
	Keys          []release.Key // one of which must have signed
	AllowUnsigned bool          // neither checksums nor a signature are wanted
	Limits        binpkg.Limits
	Bytes         int64 // the most that the root may hold; default 2 GiB
}

// RefusedTarball says why a tarball is not taken: a class for machines, and the reason.
type RefusedTarball struct {
	Class string
	Err   error
}

func (r *RefusedTarball) Error() string { return "refused: " + r.Err.Error() + " [" + r.Class + "]" }
func (r *RefusedTarball) Unwrap() error { return r.Err }

// The classes of RefusedTarball; to these come those of binpkg.Refusal.
const (
	NoKey        = "no-trusted-key"
	NoChecksum   = "no-checksum"   // no list, or the tarball is not in it
	NoSignature  = "no-signature"  // no signature file
	BadSignature = "bad-signature" // a signature that is not of a trusted key over this list
	UnknownKey   = "unknown-key"
	WrongHash    = "hash"
)

// maxTarball bounds a tarball in bytes: it is held in memory so that what was checked is what is unpacked. Void's own
// have 40 to 90 MB.
const maxTarball = 1 << 30

// Tarball makes a root of a tarball of a root file system. What is wrong with it is a *RefusedTarball. File capabilities
// are left out, for no initramfs can hold them; Notes says so.
func Tarball(ctx context.Context, file string, opt TarballOptions) (*Root, error) {
	data, err := readRegular(file, maxTarball)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	sum := sha256.Sum256(data)
	if err := checkTarball(filepath.Base(file), sum, opt); err != nil {
		return nil, err
	}
	t := newTree(opt.Bytes)
	capable, err := t.untar(ctx, data, opt.Limits)
	if err != nil {
		var r *binpkg.Refusal
		if errors.As(err, &r) {
			return nil, &RefusedTarball{r.Class, err}
		}
		return nil, err
	}
	if err := t.looksLikeRoot(); err != nil {
		return nil, &RefusedTarball{binpkg.NotAPackage, err}
	}
	root := &Root{Tree: t, Origin: "rootfs:" + hex.EncodeToString(sum[:])}
	if t.IsVoid() {
		root.Origin = "void-" + root.Origin
	}
	if root.Pkgvers, err = t.Pkgvers(); err != nil {
		return nil, &RefusedTarball{binpkg.NotAPackage, err}
	}
	if capable > 0 {
		root.Notes = append(root.Notes, fmt.Sprintf("%d files have capabilities, which an initramfs cannot hold: they are left out", capable))
	}
	return root, nil
}

// checkTarball holds the tarball's hash against the list of checksums, and that against its signature.
func checkTarball(name string, sum [32]byte, opt TarballOptions) error {
	if opt.AllowUnsigned && opt.Sums == "" {
		return nil
	}
	if opt.Sums == "" {
		return &RefusedTarball{NoChecksum, fmt.Errorf("there is no list of checksums beside %q", name)}
	}
	list, err := readRegular(opt.Sums, release.MaxSums)
	if err != nil {
		return &RefusedTarball{NoChecksum, err}
	}
	if !opt.AllowUnsigned || opt.Signature != "" && len(opt.Keys) > 0 {
		if err := checkSignature(list, opt); err != nil {
			return err
		}
	}
	sums, err := release.Sums(list)
	if err != nil {
		return &RefusedTarball{NoChecksum, err}
	}
	want, ok := sums[name]
	if !ok {
		return &RefusedTarball{NoChecksum, fmt.Errorf("%q does not name %q", filepath.Base(opt.Sums), name)}
	}
	if want != sum {
		return &RefusedTarball{WrongHash, fmt.Errorf("SHA-256 of %q is %x, %q says %x", name, sum, filepath.Base(opt.Sums), want)}
	}
	return nil
}

func checkSignature(list []byte, opt TarballOptions) error {
	if len(opt.Keys) == 0 {
		return &RefusedTarball{NoKey, fmt.Errorf("no key is given that the signature could be checked against")}
	}
	if opt.Signature == "" {
		return &RefusedTarball{NoSignature, fmt.Errorf("there is no signature beside %q", filepath.Base(opt.Sums))}
	}
	sig, err := readRegular(opt.Signature, release.MaxSignature)
	if err != nil {
		return &RefusedTarball{NoSignature, err}
	}
	if _, _, err := release.Verify(list, sig, opt.Keys); err != nil {
		class := BadSignature
		var unknown *release.UnknownKeyError
		if errors.As(err, &unknown) {
			class = UnknownKey
		}
		return &RefusedTarball{class, fmt.Errorf("%q: %w", filepath.Base(opt.Signature), err)}
	}
	return nil
}

// untar unpacks into the tree and counts the files with capabilities.
func (t *Tree) untar(ctx context.Context, data []byte, limits binpkg.Limits) (capable int, err error) {
	r, err := binpkg.OpenRootfs(bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		e, err := r.Next()
		if err == io.EOF {
			return capable, nil
		}
		if err != nil {
			return 0, err
		}
		if e.Path == "/" {
			continue
		}
		n := Node{Path: e.Path, Mode: e.Mode, UID: e.UID, GID: e.GID}
		switch e.Type {
		case binpkg.Dir:
			n.Type = Dir
		case binpkg.Symlink:
			n.Type, n.Target, n.Mode = Link, e.Target, 0o777
		case binpkg.HardLink:
			to, ok := t.Get(e.Target)
			if !ok {
				return 0, fmt.Errorf("install: %q is a hard link to %q, which is not there", e.Path, e.Target)
			}
			n.Type, n.Data, n.Mode, n.UID, n.GID = File, to.Data, to.Mode, to.UID, to.GID
		default:
			n.Type = File
			if n.Data, err = t.contents(r, e); err != nil {
				return 0, err
			}
		}
		if e.Capabilities {
			capable++
		}
		if err := t.add(n); err != nil {
			return 0, &binpkg.Refusal{Class: binpkg.TooBig, Entry: e.Path, Reason: err.Error()}
		}
	}
}

// looksLikeRoot refuses an archive of something else, most of all one with all files below a folder of its own.
func (t *Tree) looksLikeRoot() error {
	for _, name := range []string{"/bin/sh", "/usr/bin/sh", "/etc/passwd"} {
		if _, ok := t.follow(name); ok {
			return nil
		}
	}
	return errors.New("install: it is no root file system: there is neither /bin/sh nor /etc/passwd")
}

// readRegular reads a regular file of at most limit bytes, and waits for no pipe's other end.
func readRegular(name string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is no regular file")}
	}
	if st.Size() > limit {
		return nil, fmt.Errorf("%q has %d bytes, at most %d are taken", name, st.Size(), limit)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// clean is path.Clean for absolute names.
func clean(name string) string { return path.Clean("/" + name) }
