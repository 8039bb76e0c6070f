package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// Signer signs a repository. The zero value leaves it unsigned.
type Signer struct {
	Key *sign.PrivateKey
	By  string // signature-by, "Name <mail>"
}

// Index makes ARCH-repodata of every package file in a directory, and signs each package. Without architectures it makes
// one for each that a package is for. Of several versions the newest is listed, noarch packages in every index. It
// returns the indexes by architecture. Files are replaced at once or not at all.
func Index(ctx context.Context, dir string, architectures []string, s Signer) (map[string]*repo.Index, error) {
	names, err := filepath.Glob(filepath.Join(escape(dir), "*.xbps"))
	if err != nil {
		return nil, fmt.Errorf("publish: reading %q: %w", dir, err)
	}
	slices.Sort(names)
	var all []manifest.Props
	archs := slices.Clone(architectures)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := add(name, s)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
		if len(architectures) == 0 && p.Architecture != "noarch" {
			archs = append(archs, p.Architecture)
		}
	}
	slices.Sort(archs)
	archs = slices.Compact(archs)
	if len(archs) == 0 {
		return nil, fmt.Errorf("publish: %q has no package that is for one architecture, and none is named", dir)
	}
	out := map[string]*repo.Index{}
	for _, arch := range archs {
		x := &repo.Index{}
		if s.Key != nil {
			x.Meta = &repo.Meta{Key: s.Key.Public(), SignatureBy: s.By, SignatureType: "rsa"}
		}
		for _, p := range all {
			if p.Architecture == arch || p.Architecture == "noarch" {
				x.Add(p)
			}
		}
		var b bytes.Buffer
		if err := x.Write(&b); err != nil {
			return nil, err
		}
		if err := Replace(filepath.Join(dir, arch+repo.Suffix), b.Bytes()); err != nil {
			return nil, err
		}
		out[arch] = x
	}
	return out, nil
}

// escape keeps a directory's name from being a pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// add reads and signs one package.
func add(name string, s Signer) (manifest.Props, error) {
	f, err := os.Open(name)
	if err != nil {
		return manifest.Props{}, fmt.Errorf("publish: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return manifest.Props{}, fmt.Errorf("publish: reading %q: %w", name, err)
	}
	r, err := binpkg.Open(f, size, binpkg.Limits{})
	if err != nil {
		return manifest.Props{}, fmt.Errorf("publish: reading %q: %w", name, err)
	}
	r.Close()
	p := r.Props
	if p.FileName() != filepath.Base(name) {
		return p, fmt.Errorf("publish: %q is the package %s", name, p.FileName())
	}
	if problems := p.Problems(); len(problems) > 0 {
		return p, fmt.Errorf("publish: %q: %s", name, problems[0].Text)
	}
	sum := [32]byte(h.Sum(nil))
	p.FileSHA256, p.FileSize = hex.EncodeToString(sum[:]), size
	if s.Key == nil {
		return p, nil
	}
	sig, err := s.Key.Sign(sum)
	if err != nil {
		return p, err
	}
	return p, Replace(name+".sig2", sig)
}

// Replace writes a file beside its place and renames it, mode 0644 whatever the umask.
func Replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".xbps-*")
	if err != nil {
		return fmt.Errorf("publish: writing %q: %w", name, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("publish: writing %q: %w", name, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
