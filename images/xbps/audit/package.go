package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// maxSignature bounds a .sig2 file, in bytes: the largest key makes 2048.
const maxSignature = 4096

// Package audits one package file and the signature beside it. Nothing is said of its dependencies.
func Package(ctx context.Context, file string, opt Options) ([]Finding, error) {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer root.Close()
	rep := &report{}
	if len(opt.Keys) == 0 && !opt.AllowUnsigned {
		rep.add(filepath.Base(file), "", NoKey, "no key is given that its signature could be checked against")
	}
	a := &auditor{ctx: ctx, root: root, opt: opt, report: rep}
	if _, err := a.file(filepath.Base(file), nil); err != nil {
		return nil, err
	}
	return rep.sorted(), nil
}

// auditor audits the files of one directory, and reads nothing outside it.
type auditor struct {
	*report
	ctx  context.Context
	root *os.Root
	opt  Options
}

// found is what the audit of a package file learned for the index.
type found struct {
	name  string
	props manifest.Props // zero if the package cannot be read
	hash  string
	size  int64
}

// openRegular opens a regular file without waiting for a pipe's other end.
func openRegular(root *os.Root, name string) (*os.File, int64, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q is no regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// file audits one package file; own are the keys that the indexes name.
func (a *auditor) file(name string, own []*sign.PublicKey) (found, error) {
	out := found{name: name}
	if err := a.ctx.Err(); err != nil {
		return out, err
	}
	f, size, err := openRegular(a.root, name)
	if err != nil {
		a.add(name, "", Unreadable, "%v", reason(err))
		return out, nil
	}
	defer f.Close()
	h := sha256.New()
	if out.size, err = io.Copy(h, io.NewSectionReader(f, 0, size)); err != nil {
		return out, fmt.Errorf("audit: reading %q: %w", name, err)
	}
	sum := [32]byte(h.Sum(nil))
	out.hash = hex.EncodeToString(sum[:])
	a.signature(name, sum, own)
	if out.props, err = readContents(f, size, name, a.opt, a.report); err != nil {
		return out, fmt.Errorf("audit: %w", err)
	}
	if p := out.props; p.Pkgver != "" && p.FileName() != name {
		a.add(name, "", WrongName, "the package is %s for %s", p.Pkgver, p.Architecture)
	} else if _, _, ok := xbps.SplitFile(name); !ok && p.Pkgver != "" {
		a.add(name, "", WrongName, "the name is none of a package")
	}
	return out, nil
}

// signature checks NAME.sig2 against the trusted keys; without any, against the index's own, so that damage still shows.
func (a *auditor) signature(name string, sum [32]byte, own []*sign.PublicKey) {
	sig, err := a.small(name + ".sig2")
	if err != nil {
		if a.opt.AllowUnsigned && errors.Is(err, fs.ErrNotExist) {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) {
			a.add(name, "", BadSignature, "its signature cannot be read: %v", reason(err))
			return
		}
		if old, err := a.small(name + ".sig"); err == nil {
			a.legacy(name, sum, old)
			return
		}
		a.add(name, "", NoSignature, "has no signature (.sig2)")
		return
	}
	for _, k := range a.opt.Keys {
		if k.Verify(sum, sig) == nil {
			return
		}
	}
	for _, k := range own {
		if k.Verify(sum, sig) != nil {
			continue
		}
		if len(a.opt.Keys) > 0 { // with none given, the index's finding says it once
			a.add(name, "", UnknownKey, "is signed by the key %s, which is not trusted", k.Fingerprint())
		}
		return
	}
	switch {
	case len(a.opt.Keys) > 0:
		a.add(name, "", BadSignature, "its signature is of no trusted key over this file")
	case len(own) > 0:
		a.add(name, "", BadSignature, "its signature is not of the repository's key over this file")
	}
}

// legacy says what a package's .sig is worth that has no .sig2: a trusted key's proves the file, but xbps will not take it.
func (a *auditor) legacy(name string, sum [32]byte, sig []byte) {
	for _, k := range a.opt.Keys {
		if k.VerifyLegacy(sum, sig) == nil {
			a.add(name, "", LegacySignature, "has only a signature of the old kind (.sig); it is of the trusted key %s over this file, but xbps does not take it any more: sign it again", k.Fingerprint())
			return
		}
	}
	a.add(name, "", LegacySignature, "has only a signature of the old kind (.sig), and it is of no trusted key over this file")
}

func (a *auditor) small(name string) ([]byte, error) {
	f, size, err := openRegular(a.root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxSignature {
		return nil, fmt.Errorf("%d bytes are no signature", size)
	}
	return io.ReadAll(io.LimitReader(f, maxSignature))
}

// reason strips the operation and the path from an error of the file system.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
