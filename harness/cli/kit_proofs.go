package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/verify/supply/kit"
	"github.com/plugproof/plugproof/verify/supply/modtree"
)

// kitBytes gives the bytes of a kit's parts; of those that it leaves out, from the folder that the kit before was unpacked to.
type kitBytes struct {
	k      *kit.Kit
	before *os.Root // nil: nothing was
}

func (b kitBytes) open(p kit.Part) (io.ReaderAt, error) {
	if !p.Held || b.before == nil {
		return b.k.Content(p)
	}
	st, err := b.before.Lstat(p.Path)
	if err != nil || !st.Mode().IsRegular() || st.Size() != p.Size {
		return nil, fmt.Errorf("%w: %q is to come from the kit before; unpack that first", kit.ErrBase, p.Path)
	}
	return rootFile{b.before, p.Path}, nil
}

// rootFile is a file by name: nothing stays open between reads.
type rootFile struct {
	root *os.Root
	name string
}

func (r rootFile) ReadAt(p []byte, off int64) (int, error) {
	f, err := r.root.Open(r.name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, off)
}

// kitTree is the module tree in a kit.
type kitTree struct {
	kitBytes
	parts map[string]kit.Part
}

func (t kitTree) Names() []string {
	var out []string
	for n := range t.parts {
		out = append(out, n)
	}
	return out
}

func (t kitTree) Open(name string) (io.ReaderAt, int64, error) {
	p, ok := t.parts[name]
	if !ok {
		return nil, 0, os.ErrNotExist
	}
	r, err := t.open(p)
	return r, p.Size, err
}

// proofs checks what a manifest does not prove: modules and toolchains by the proofs that travel in the kit, repositories by their
// indexes and signatures, vendor folders by the zips that go.sum names. before is the folder that the kit before was unpacked to; without it, what needs parts that are left out
// is not checked.
func (a *app) proofs(ctx context.Context, k *kit.Kit, before *os.Root) ([]kitFinding, error) {
	a.ignoreUnproven()
	if k.Manifest.Since != "" && before == nil {
		return nil, nil
	}
	t := kitTree{kitBytes{k, before}, map[string]kit.Part{}}
	var key []byte
	for _, p := range k.Manifest.Parts {
		if name, ok := strings.CutPrefix(p.Path, supply.Modules+"/"); ok {
			t.parts[name] = p
		}
		if p.Path == keyPart {
			r, err := t.open(p)
			if err != nil {
				return nil, err
			}
			if key, err = io.ReadAll(io.NewSectionReader(r, 0, min(p.Size, 4<<10))); err != nil {
				return nil, err
			}
		}
	}
	damage, err := supply.CheckRepositories(k.Manifest.Parts, t.open)
	if err != nil {
		return nil, err
	}
	var out []kitFinding
	for _, f := range damage {
		out = append(out, kitFinding{Kind: f.Class, Path: f.File, Text: f.Text})
	}
	vendor, err := a.kitVendor(ctx, k.Manifest.Parts, t.open)
	if err != nil {
		return nil, err
	}
	out = append(out, vendor...)
	if len(t.parts) == 0 {
		return out, nil
	}
	if key == nil {
		return nil, fmt.Errorf("%w: it has modules and no %s", kit.ErrPart, keyPart)
	}
	found, err := modtree.Check(ctx, t, string(bytes.TrimSpace(key)))
	for _, f := range found {
		out = append(out, kitFinding{Kind: string(f.Kind), Path: f.Path, Text: f.Text})
	}
	return out, err
}

// checkProofs refuses a kit whose modules its own proofs do not cover, or whose repositories are damaged. dir is where it will be
// unpacked to.
func (a *app) checkProofs(ctx context.Context, name string, k *kit.Kit, dir string) error {
	var before *os.Root
	if k.Manifest.Since != "" {
		root, err := os.OpenRoot(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // unpacking says what is missing
		}
		if err != nil {
			return err
		}
		defer root.Close()
		before = root
	}
	found, err := a.proofs(ctx, k, before)
	if err != nil {
		return kitError(name, err)
	}
	if len(found) > 0 {
		f := found[0]
		return &Error{Code: ExitFinding, Err: fmt.Errorf("kit %q is refused: %s %s: %s (%d such findings)", name, f.Kind, f.Path, f.Text, len(found)), Hint: "'plugproof kit verify' lists them all"}
	}
	return nil
}
