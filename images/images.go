// Package images makes the initramfs that a virtual machine boots: a root file system, whoever made it, and over it
// plugproof-guest as init, the kernel modules that it loads and the places where it mounts. The same recipe gives the same
// bytes, wherever, whenever and by whomever it is built.
package images

import (
	"fmt"

	"github.com/plugproof/plugproof/images/cpio"
	"github.com/plugproof/plugproof/results"
)

// Module is a kernel module, to be loaded in the order of the recipe.
type Module struct {
	Name string
	Data []byte
}

// File is one file of an image.
type File struct {
	Name     string // in the image, slash separated, without the leading slash
	Perm     uint32 // permission bits, with setuid, setgid and sticky
	Data     []byte
	Target   string // of a symbolic link, if not empty
	Dir      bool   // a directory
	UID, GID uint32
}

// Recipe is all that an image is made of.
type Recipe struct {
	Root    []File   // the root file system; missing directories are made, 0755
	Init    []byte   // plugproof-guest; nil if the root has it
	Modules []Module // in the order of loading
	Scripts []Script // to run once after the first boot
	Note    Note     // what the image says of itself
}

// Image is a finished initramfs.
type Image struct {
	Bytes  []byte
	Digest results.Digest
}

// The places in an image that plugproof makes; the first and the third must agree with harness/guest/agent.
const (
	ModuleDir  = "lib/plugproof/modules"
	NoteFile   = "lib/plugproof/image.json"
	ScriptFile = "lib/plugproof/configure.json"
)

// Build makes the image. It refuses a recipe without an init, names that occur twice and a root that has something else
// where plugproof's own files go.
func Build(r Recipe) (Image, error) {
	entries, err := assemble(r)
	if err != nil {
		return Image{}, fmt.Errorf("building image: %w", err)
	}
	b, err := cpio.Bytes(entries)
	if err != nil {
		return Image{}, fmt.Errorf("building image: %w", err)
	}
	return Image{Bytes: b, Digest: results.DigestOf(b)}, nil
}

func assemble(r Recipe) ([]cpio.Entry, error) {
	t, err := newTree(r.Root)
	if err != nil {
		return nil, err
	}
	var over []File
	for _, dir := range []string{"proc", "sys", "dev", "run", "payload", "root", "lib"} {
		over = append(over, File{Name: dir, Perm: 0o755, Dir: true})
	}
	over = append(over, File{Name: "tmp", Perm: 0o1777, Dir: true})
	if r.Init != nil {
		over = append(over, File{Name: "init", Perm: 0o755, Data: r.Init})
	}
	for i, m := range r.Modules {
		over = append(over, File{Name: fmt.Sprintf("%s/%02d-%s.ko", ModuleDir, i, m.Name), Perm: 0o644, Data: m.Data})
	}
	notes, err := noteFiles(r)
	if err != nil {
		return nil, err
	}
	for _, f := range append(over, notes...) {
		if err := t.put(f); err != nil {
			return nil, err
		}
	}
	if _, ok := t["init"]; !ok {
		return nil, fmt.Errorf("the recipe has no init")
	}
	entries := []cpio.Entry{
		cpio.Char("dev/console", 0o600, 5, 1), // the kernel opens it for init before anything is mounted
		cpio.Char("dev/null", 0o666, 1, 3),
	}
	for _, f := range t {
		entries = append(entries, f.entry())
	}
	return entries, nil
}

// entry is the file as cpio has it.
func (f File) entry() cpio.Entry {
	var e cpio.Entry
	switch {
	case f.Dir:
		e = cpio.Dir(f.Name, f.Perm)
	case f.Target != "":
		e = cpio.Symlink(f.Name, f.Target)
	default:
		e = cpio.File(f.Name, f.Perm, f.Data)
	}
	e.UID, e.GID = f.UID, f.GID
	return e
}
