package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// Options say what is installed.
type Options struct {
	Arch       string   // such as x86_64-musl
	Want       []string // names, patterns or pkgvers
	Audit      audit.Options
	Bytes      int64  // the most that the root may hold; default 2 GiB
	Repository string // what the database calls the repository; default "plugproof"
}

// Root is the outcome: the file system and what it came from.
type Root struct {
	Tree     *Tree
	Packages []manifest.Props // of a repository, in the order of unpacking
	Pkgvers  []string         // in the same order; of a tarball, those of its database by name
	Origin   string           // "xbps:" and the fingerprint of the repository's key, "xbps:unsigned", "void-rootfs:SHA256" or "rootfs:SHA256"
	Notes    []string         // what is not as in the real system, a sentence each
}

// names returns the package names that the wanted strings begin with.
func names(want []string) map[string]bool {
	out := map[string]bool{}
	for _, w := range want {
		name, ok := xbps.DependencyName(w)
		if !ok {
			name = w
		}
		out[name] = true
	}
	return out
}

// maxPackage bounds a package file, in bytes: it is held in memory so that what was hashed is what is unpacked.
const maxPackage = 1 << 30

// Build makes a root of the wanted packages of a repository in a directory, and of all that they need. Anything that the
// audit finds is an *audit.Refused.
func Build(ctx context.Context, dir string, opt Options) (*Root, error) {
	s, err := audit.Select(ctx, dir, opt.Arch, opt.Want, opt.Audit)
	if err != nil {
		return nil, err
	}
	if len(s.Findings) > 0 {
		return nil, &audit.Refused{Findings: s.Findings}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	defer root.Close()
	t := newTree(opt.Bytes)
	db := &database{tree: t, packages: plist.Dict{}, alternatives: map[string][]string{}, repository: opt.Repository, wanted: names(opt.Want)}
	for _, p := range s.Packages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data, err := fetch(root, p)
		if err != nil {
			return nil, err
		}
		if err := unpack(t, db, data, p, opt); err != nil {
			return nil, fmt.Errorf("install: unpacking %s: %w", p.Pkgver, err)
		}
	}
	if err := db.finish(s); err != nil {
		return nil, err
	}
	out := &Root{Tree: t, Packages: s.Packages, Origin: "xbps:unsigned"}
	for _, f := range s.Tolerated {
		out.Notes = append(out.Notes, f.String())
	}
	for _, p := range s.Packages {
		out.Pkgvers = append(out.Pkgvers, p.Pkgver)
	}
	if s.Key != nil {
		out.Origin = "xbps:" + s.Key.Fingerprint()
	}
	return out, nil
}

// fetch reads a package whole and holds it against the hash that the audit accepted, so that a file that is swapped
// in between is not unpacked.
func fetch(root *os.Root, p manifest.Props) ([]byte, error) {
	f, err := root.Open(p.FileName())
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, min(p.FileSize, maxPackage)+1))
	if err != nil {
		return nil, fmt.Errorf("install: reading %q: %w", p.FileName(), err)
	}
	if sum := sha256.Sum256(data); !strings.EqualFold(hex.EncodeToString(sum[:]), p.FileSHA256) {
		return nil, fmt.Errorf("install: %q changed after it was checked, or has more than %d bytes", p.FileName(), maxPackage)
	}
	return data, nil
}

func unpack(t *Tree, db *database, data []byte, p manifest.Props, opt Options) error {
	r, err := binpkg.Open(bytes.NewReader(data), int64(len(data)), opt.Audit.Limits)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		n := Node{Path: e.Path, Mode: e.Mode}
		switch e.Type {
		case binpkg.Dir:
			continue // xbps makes folders itself
		case binpkg.Symlink:
			n.Type, n.Target, n.Mode = Link, e.Target, 0o777
		case binpkg.HardLink:
			to, ok := t.Get(e.Target)
			if !ok {
				return fmt.Errorf("%q is a hard link to %q, which is not there", e.Path, e.Target)
			}
			n.Type, n.Data, n.Mode = File, to.Data, to.Mode
		default:
			n.Type = File
			if n.Data, err = t.contents(r, e); err != nil {
				return err
			}
		}
		if n.Mode&0o6000 != 0 && !opt.Audit.SetuidAllowed(n.Path) {
			return fmt.Errorf("%q is setuid or setgid", n.Path)
		}
		if err := t.add(n); err != nil {
			return err
		}
	}
	return db.register(p, &r.Package)
}
