package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/images"
	"github.com/plugproof/plugproof/images/base"
	"github.com/plugproof/plugproof/images/cpio"
	"github.com/plugproof/plugproof/images/kernel"
	"github.com/plugproof/plugproof/results"
)

// imageRecord is kept in the cache beside an image that was built here: what is known of it, as against what the file says
// of itself.
type imageRecord struct {
	SHA256       results.Digest `json:"sha256"`
	Initrd       string         `json:"initrd"` // file in the cache's images
	Kernel       string         `json:"kernel"` // file, relative to the cache
	KernelSHA256 results.Digest `json:"kernel_sha256"`
	Release      string         `json:"release"`
	Note         images.Note    `json:"note"`
}

// imageFlag adds --image to a command that runs machines.
func imageFlag(fl *pflag.FlagSet, into *[]string) {
	fl.StringArrayVar(into, "image", nil, "boot the image `REF`, a file or digest that 'plugproof image build' gave, in place of the default one; one for each architecture")
}

// register notes an image that was just built. A kernel that is not the cache's own is kept beside it.
func (s *workshop) register(m *vm.Machine, ownKernel bool) (images.Note, error) {
	f, err := os.Open(m.Initrd)
	if err != nil {
		return images.Note{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return images.Note{}, err
	}
	note, err := images.ReadNote(f, st.Size())
	if err != nil {
		return note, err
	}
	kernel := m.Kernel
	if ownKernel {
		kernel = filepath.Join(s.cache, "images", "kernel-"+m.KernelDigest.Short())
		raw, err := os.ReadFile(m.Kernel)
		if err == nil {
			err = writeWhole(kernel, raw)
		}
		if err != nil {
			return note, fmt.Errorf("keeping the kernel: %w", err)
		}
	}
	if kernel, err = filepath.Rel(s.cache, kernel); err != nil {
		return note, err
	}
	raw, err := json.Marshal(imageRecord{m.ImageDigest, filepath.Base(m.Initrd), kernel, m.KernelDigest, m.Release, note})
	if err != nil {
		return note, err
	}
	return note, writeWhole(s.recordFile(m.ImageDigest), append(raw, '\n'))
}

func (s *workshop) recordFile(d results.Digest) string {
	return filepath.Join(s.cache, "images", "image-"+d.Hex()[:24]+".json")
}

// chosenImage is an image that --image named.
type chosenImage struct {
	note    images.Note
	origin  string // as records have it
	machine vm.Prebuilt
}

// chosen finds what --image names. A file that was not built here is taken for what it is: its own word about its origin
// proves nothing, so records call it by its digest.
func (s *workshop) chosen(ref string) (*chosenImage, error) {
	hint := "give the file that 'plugproof image build' wrote, or the digest that it printed"
	digest := results.Digest(ref)
	file := ""
	if rest, ok := strings.CutPrefix(ref, "sha256:"); !ok {
		file = s.app.path(ref)
		if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
			return nil, usagef(hint, "image %q is no file", ref)
		}
		var err error
		if digest, _, err = digestOf(file); err != nil {
			return nil, err
		}
	} else if raw, err := hex.DecodeString(rest); err != nil || len(raw) != 32 {
		return nil, usagef(hint, "image %q is no digest", ref)
	}
	raw, err := os.ReadFile(s.recordFile(digest))
	if err == nil && s.kernel == "" {
		var r imageRecord
		if err := json.Unmarshal(raw, &r); err == nil && r.SHA256 == digest {
			return s.known(r, file)
		}
	}
	if file == "" {
		return nil, usagef("build it again: 'plugproof image build'", "no image %s was built here", ref)
	}
	return s.foreign(file, digest)
}

// known is an image with a record. file is where it lies, "" for the cache.
func (s *workshop) known(r imageRecord, file string) (*chosenImage, error) {
	if file == "" {
		file = filepath.Join(s.cache, "images", filepath.Base(r.Initrd))
	}
	if _, err := os.Stat(file); err != nil {
		return nil, usagef("build it again: 'plugproof image build'", "the image %s is not in the cache any more", r.SHA256)
	}
	kernel := filepath.Join(s.cache, r.Kernel)
	if d, _, err := digestOf(kernel); err != nil || d != r.KernelSHA256 {
		return nil, usagef("build it again: 'plugproof image build'", "the kernel %s that the image is for is not here any more", r.Release)
	}
	return &chosenImage{r.Note, r.Note.Origin, vm.Prebuilt{Initrd: file, Digest: r.SHA256, Kernel: kernel, Release: r.Release}}, nil
}

// foreign is an image file that was built elsewhere, for the kernel that is here.
func (s *workshop) foreign(file string, digest results.Digest) (*chosenImage, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	note, err := images.ReadNote(f, st.Size())
	if err != nil {
		return nil, usagef("give a file that 'plugproof image build' wrote", "image %q: %w", file, err)
	}
	if s.kernel != "" {
		return s.withKernel(note, file, digest)
	}
	dir := filepath.Join(s.cache, "inputs", "kernel-"+filepath.Base(note.Arch))
	release, err := os.ReadFile(filepath.Join(dir, "release"))
	if err != nil || strings.TrimSpace(string(release)) != note.Kernel {
		return nil, usagef("build the image here", "image %q is for the kernel %q, which is not here", file, note.Kernel)
	}
	note.Void = false
	return &chosenImage{note, "file:" + digest.Hex(), vm.Prebuilt{Initrd: file, Digest: digest, Kernel: filepath.Join(dir, "vmlinuz"), Release: note.Kernel}}, nil
}

// withKernel is an image file with the kernel that --kernel names.
func (s *workshop) withKernel(note images.Note, file string, digest results.Digest) (*chosenImage, error) {
	path := s.app.path(s.kernel)
	report, err := kernel.Inspect(path, "")
	if err != nil {
		return nil, usagef("give the kernel that the image is for, "+note.Kernel, "%w", err)
	}
	if report.Release != note.Kernel {
		return nil, usagef("give the kernel that the image is for", "image %q is for the kernel %q, and %q is %q", file, note.Kernel, s.kernel, report.Release)
	}
	note.Void = false
	return &chosenImage{note, "file:" + digest.Hex(), vm.Prebuilt{Initrd: file, Digest: digest, Kernel: path, Release: note.Kernel}}, nil
}

// chosenFor is the image that --image names for an architecture.
func (s *workshop) chosenFor(arch string) (*chosenImage, error) {
	var have []string
	var found *chosenImage
	for _, ref := range s.images {
		c, err := s.chosen(ref)
		if err != nil {
			return nil, err
		}
		if c.note.Arch == arch {
			if found != nil {
				return nil, usagef("give one --image for each architecture", "two images are for %s", arch)
			}
			found = c
		}
		have = append(have, c.note.Arch)
	}
	if found == nil {
		slices.Sort(have)
		return nil, usagef("give an --image that is for "+arch, "no --image is for %s, but for %s", arch, strings.Join(have, ", "))
	}
	return found, nil
}

// chosenGround is the machine of a chosen image.
func (s *workshop) chosenGround(ctx context.Context, arch string) (*worker.Ground, error) {
	c, err := s.chosenFor(arch)
	if err != nil {
		return nil, err
	}
	m, err := vm.Prepare(ctx, vm.Setup{Arch: arch, Cache: s.cache, Go: s.store.Bootstrap, Path: s.app.programPath(), Scratch: s.scratch,
		FreshBoot: s.freshBoot, Prebuilt: &c.machine, Log: func(line string) { s.app.note("%s", line) }})
	if err != nil {
		return nil, err
	}
	return &worker.Ground{Machine: m, Kernel: m.KernelDigest, Image: m.ImageDigest, ImageOrigin: c.origin}, nil
}

// imageName is what plans and records call the images of this run: "default", or a name by their digests, the same on every
// machine.
func (s *workshop) imageName() (string, error) {
	var names []string
	for _, ref := range s.images {
		c, err := s.chosen(ref)
		if err != nil {
			return "", err
		}
		names = append(names, c.note.Arch+"-"+c.machine.Digest.Short())
	}
	if len(names) == 0 {
		return "default", nil
	}
	slices.Sort(names)
	return strings.Join(names, "+"), nil
}

// imageRoot is the file system of the image that --image names for an architecture, for predictions; nil is the default image's.
// It stays open as long as this process runs.
func (s *workshop) imageRoot(arch string) (fs.FS, string, error) {
	if len(s.images) == 0 {
		return nil, "", nil
	}
	c, err := s.chosenFor(arch)
	if err != nil {
		return nil, "", err
	}
	root, _, err := cpio.OpenFS(c.machine.Initrd)
	if err != nil {
		return nil, "", err
	}
	return root, "image " + c.machine.Digest.Short(), nil
}

// onVoid says that loads of an architecture are made on Void, by the image's own os-release.
func (s *workshop) onVoid(arch string) bool {
	if len(s.images) == 0 {
		return false
	}
	c, err := s.chosenFor(arch)
	return err == nil && c.note.Void
}

// machineOf says in words where a load was made: the words "on Void" are for images whose own os-release says that they are.
func machineOf(origin string, void bool) string {
	switch {
	case void && (strings.HasPrefix(origin, "void-rootfs:") || strings.HasPrefix(origin, "xbps:")):
		return "on Void, " + origin
	case origin == base.Origin:
		return origin
	}
	return "not Void, " + origin
}
