package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/images"
	"github.com/plugproof/plugproof/images/base"
	"github.com/plugproof/plugproof/images/kernel"
	"github.com/plugproof/plugproof/images/userland"
	"github.com/plugproof/plugproof/results"
)

// Root is a root file system for an image, in place of the default one.
type Root struct {
	Files   []images.File
	Scripts []images.Script // INSTALL scripts for the first boot
	Note    images.Note     // Kernel is filled in
}

// Prebuilt is a finished image with the kernel that it is for.
type Prebuilt struct {
	Initrd  string // file
	Digest  results.Digest
	Kernel  string // file of the kernel's image
	Release string
}

// use takes a finished image for the machine.
func (m *Machine) use(p *Prebuilt) error {
	for _, f := range []struct {
		file string
		into *results.Digest
		want results.Digest
	}{{p.Initrd, &m.ImageDigest, p.Digest}, {p.Kernel, &m.KernelDigest, ""}} {
		d, err := fileDigest(f.file)
		if err != nil {
			return err
		}
		if f.want != "" && d != f.want {
			return fmt.Errorf("%q is not the image %s any more", f.file, f.want.Short())
		}
		*f.into = d
	}
	m.Initrd, m.Kernel, m.Release = p.Initrd, p.Kernel, p.Release
	return m.room()
}

// room gives a machine with a large image the memory for it: while the kernel unpacks it, it is there twice.
func (m *Machine) room() error {
	st, err := os.Stat(m.Initrd)
	if err != nil {
		return err
	}
	if m.MemoryMiB == 0 && st.Size() > LargePayload {
		m.MemoryMiB = LargeMemory + int(2*st.Size()>>20)
	}
	return nil
}

// image builds the initramfs and keeps it in the cache by its digest. The default one is known by what it is made of, so
// that it is packed and installed only when one of its parts is new.
func (s Setup) image(ctx context.Context, m *Machine, k *kernel.Kernel) error {
	init, err := compileGuest(ctx, s.Go, s.Arch, s.Cache)
	if err != nil {
		return err
	}
	r := images.Recipe{}
	modules, err := k.Modules(m.Model.Modules...)
	if err != nil {
		return err
	}
	for _, mod := range modules {
		r.Modules = append(r.Modules, images.Module(mod))
	}
	if s.Root != nil {
		r.Root, r.Scripts, r.Note, r.Init = s.Root.Files, s.Root.Scripts, s.Root.Note, init
		r.Note.Kernel = k.Release
		if err := s.keep(m, r); err != nil {
			return err
		}
		return m.room()
	}
	parts, err := s.parts(ctx, init)
	if err != nil {
		return err
	}
	known := filepath.Join(s.Cache, "images", "recipe-"+s.Arch+"-"+recipeKey(parts, r.Modules, k.Release))
	if d, err := os.ReadFile(known); err == nil {
		digest := results.Digest(strings.TrimSpace(string(d)))
		if file := s.initrd(digest); isDigest(digest) {
			if have, err := fileDigest(file); err == nil && have == digest {
				m.ImageDigest, m.Initrd = digest, file
				return nil
			}
		}
	}
	dir, err := os.MkdirTemp(s.Scratch, "plugproof-base-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, err := base.Root(ctx, dir, parts)
	if err != nil {
		return err
	}
	r.Root = root.Tree.Files()
	r.Note = images.Note{Arch: s.Arch, Libc: "musl", Origin: root.Origin, Kernel: k.Release, Packages: root.Pkgvers, LoaderPath: s.LoaderPath}
	if err := s.keep(m, r); err != nil {
		return err
	}
	return writeAtomic(known, []byte(m.ImageDigest+"\n"))
}

// isDigest says that a text read from a file has the form of a digest.
func isDigest(d results.Digest) bool {
	rest, ok := strings.CutPrefix(string(d), "sha256:")
	raw, err := hex.DecodeString(rest)
	return ok && err == nil && len(raw) == sha256.Size
}

// DefaultParts are what the default image is packed from.
func DefaultParts(ctx context.Context, s Setup) (base.Parts, error) {
	init, err := compileGuest(ctx, s.Go, s.Arch, s.Cache)
	if err != nil {
		return base.Parts{}, err
	}
	return s.parts(ctx, init)
}

// parts are what the default image is packed from.
func (s Setup) parts(ctx context.Context, init []byte) (base.Parts, error) {
	p := base.Parts{Arch: s.Arch, Init: init, LoaderPath: s.LoaderPath}
	var err error
	if s.Userland {
		if p.Userland, err = s.compileUserland(ctx); err != nil {
			return p, err
		}
		p.Names = userland.Names()
	}
	if s.Loader != "" {
		p.Loader, err = os.ReadFile(s.Loader)
	}
	return p, err
}

// recipeFormat changes with the layout of the default image.
const recipeFormat = 2

// recipeKey names a default image by its parts.
func recipeKey(p base.Parts, modules []images.Module, release string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q %q %q %q\n", recipeFormat, p.Arch, p.LoaderPath, p.Names, release)
	for _, part := range [][]byte{p.Init, p.Userland, p.Loader} {
		fmt.Fprintf(h, "%v %d %x\n", part == nil, len(part), sha256.Sum256(part))
	}
	for _, m := range modules {
		fmt.Fprintf(h, "%q %x\n", m.Name, sha256.Sum256(m.Data))
	}
	return hex.EncodeToString(h.Sum(nil))[:24]
}

func (s Setup) initrd(d results.Digest) string {
	return filepath.Join(s.Cache, "images", "initrd-"+s.Arch+"-"+d.Short()+".cpio")
}

// keep builds the image into the cache, unless it is there.
func (s Setup) keep(m *Machine, r images.Recipe) error {
	image, err := images.Build(r)
	if err != nil {
		return err
	}
	m.ImageDigest, m.Initrd = image.Digest, s.initrd(image.Digest)
	if have, err := fileDigest(m.Initrd); err == nil && have == image.Digest {
		return nil
	}
	return writeAtomic(m.Initrd, image.Bytes)
}
