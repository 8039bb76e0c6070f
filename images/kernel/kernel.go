// Package kernel opens a distribution kernel that was unpacked into a folder and takes modules out of it in the order in which they must be loaded.
//
// A package that was only unpacked has no modules.dep, for depmod makes that at install time; so the order comes from
// each module's own modinfo section: depends= and softdep=.
package kernel

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// ErrNotFound is wrapped when a folder holds no kernel or a kernel has no such module.
var ErrNotFound = errors.New("not found")

// maxModule bounds a module in bytes, as it is and unpacked: the largest of Debian 12's has 11 MB.
const maxModule = 64 << 20

// maxList bounds modules.builtin in bytes.
const maxList = 4 << 20

// Kernel is one unpacked kernel.
type Kernel struct {
	Release string // uname -r, "6.1.0-56-cloud-amd64"
	Image   string // file of the bootable image
	Config  string // file of its configuration; may be missing

	files   map[string]string // module name with underscores -> file
	builtin map[string]bool   // module names that are part of the image
}

// Open opens a kernel that scripts/deps laid out: vmlinuz, config, release and modules in one folder.
func Open(dir string) (*Kernel, error) {
	release, err := readLimited(filepath.Join(dir, "release"), 4096)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening kernel %q: %w", dir, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("opening kernel: %w", err)
	}
	k := &Kernel{Release: strings.TrimSpace(string(release)), Image: filepath.Join(dir, "vmlinuz"), Config: filepath.Join(dir, "config")}
	if _, err := os.Stat(k.Image); err != nil {
		return nil, fmt.Errorf("opening kernel: %w", err)
	}
	if err := k.index(filepath.Join(dir, "modules")); err != nil {
		return nil, fmt.Errorf("opening kernel: %w", err)
	}
	return k, nil
}

// Find opens a kernel of a package that was unpacked under root. Of several, it takes the last by name; release, if not
// empty, chooses one.
func Find(root, release string) (*Kernel, error) {
	images, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil {
		return nil, fmt.Errorf("finding kernel in %q: %w", root, err)
	}
	sort.Strings(images)
	for i := len(images) - 1; i >= 0; i-- {
		rel := strings.TrimPrefix(filepath.Base(images[i]), "vmlinuz-")
		if release != "" && rel != release {
			continue
		}
		k := &Kernel{Release: rel, Image: images[i], Config: filepath.Join(root, "boot", "config-"+rel)}
		for _, dir := range []string{"lib/modules", "usr/lib/modules"} {
			err := k.index(filepath.Join(root, dir, rel))
			if err == nil {
				return k, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("finding kernel in %q: %w", root, err)
			}
		}
		return nil, fmt.Errorf("finding kernel in %q: modules of %s: %w", root, rel, ErrNotFound)
	}
	return nil, fmt.Errorf("finding kernel in %q: boot/vmlinuz-%s: %w", root, cmp.Or(release, "*"), ErrNotFound)
}

// index notes where each module lies. It follows no symbolic link: a package's build link leads elsewhere.
func (k *Kernel) index(dir string) error {
	k.files, k.builtin = map[string]string{}, map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name := d.Name()
		for _, ext := range extensions {
			if base, ok := strings.CutSuffix(name, ext); ok {
				k.files[canonical(base)] = path
				break
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	list, err := readLimited(filepath.Join(dir, "modules.builtin"), maxList)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, line := range strings.Fields(string(list)) {
		k.builtin[canonical(strings.TrimSuffix(filepath.Base(line), ".ko"))] = true
	}
	return nil
}

var extensions = []string{".ko", ".ko.xz", ".ko.zst"}

// canonical is how the kernel itself writes a module's name.
func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// unpack returns the module's ELF file.
func unpack(path string) ([]byte, error) {
	raw, err := readLimited(path, maxModule)
	if err != nil {
		return nil, err
	}
	var r io.Reader
	switch {
	case strings.HasSuffix(path, ".xz"):
		if r, err = (xz.ReaderConfig{DictCap: maxModule}).NewReader(bytes.NewReader(raw)); err != nil {
			return nil, fmt.Errorf("unpacking %q: %w", path, err)
		}
	case strings.HasSuffix(path, ".zst"):
		z, err := zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderMaxMemory(maxModule), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("unpacking %q: %w", path, err)
		}
		defer z.Close()
		r = z
	default:
		return raw, nil
	}
	b, err := io.ReadAll(io.LimitReader(r, maxModule+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking %q: %w", path, err)
	}
	if len(b) > maxModule {
		return nil, fmt.Errorf("unpacking %q: more than %d bytes", path, maxModule)
	}
	return b, nil
}

// readLimited reads a regular file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	st, err := os.Stat(path) // first, for opening a pipe would wait
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("reading %q: more than %d bytes", path, limit)
	}
	return b, nil
}
