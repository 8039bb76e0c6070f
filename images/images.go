// Package images makes the initramfs that a virtual machine boots: plugproof-guest as init, the kernel modules that it
// loads, the dynamic loader of the host's libc and a small userland. The same recipe gives the same bytes, wherever,
// whenever and by whomever it is built.
package images

import (
	"fmt"
	"path"
	"strings"

	"github.com/plugproof/plugproof/images/cpio"
	"github.com/plugproof/plugproof/results"
)

// Module is a kernel module, to be loaded in the order of the recipe.
type Module struct {
	Name string
	Data []byte
}

// File is one further file of an image.
type File struct {
	Name   string // in the image, slash separated, without the leading slash
	Perm   uint32
	Data   []byte
	Target string // of a symbolic link, if not empty
}

// Recipe is all that an image is made of.
type Recipe struct {
	Arch    string   // for the reader; it does not enter the bytes
	Init    []byte   // plugproof-guest
	Loader  []byte   // the dynamic loader, which is musl's libc too
	Interp  string   // where programs look for it, "/lib/ld-musl-x86_64.so.1"; "" for none
	Modules []Module // in the order of loading
	Files   []File   // userland and whatever else
}

// Image is a finished initramfs.
type Image struct {
	Bytes  []byte
	Digest results.Digest
}

// moduleDir is where the init looks for modules; it must agree with harness/guest/agent.ModuleDir.
const moduleDir = "lib/plugproof/modules"

// accounts are what libraries look up: commands run as "user".
var accounts = []File{
	{Name: "etc/passwd", Perm: 0o644, Data: []byte("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")},
	{Name: "etc/group", Perm: 0o644, Data: []byte("root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n")},
	{Name: "etc/hosts", Perm: 0o644, Data: []byte("127.0.0.1 localhost plugproof\n::1 localhost\n")},
	{Name: "etc/hostname", Perm: 0o644, Data: []byte("plugproof\n")},
}

// Build makes the image. It refuses a recipe without an init, and names that occur twice.
func Build(r Recipe) (Image, error) {
	if len(r.Init) == 0 {
		return Image{}, fmt.Errorf("building image: the recipe has no init")
	}
	entries := []cpio.Entry{
		cpio.File("init", 0o755, r.Init),
		cpio.Char("dev/console", 0o600, 5, 1), // the kernel opens it for init before anything is mounted
		cpio.Char("dev/null", 0o666, 1, 3),
	}
	for _, dir := range []string{"proc", "sys", "run", "payload", "root", "bin"} {
		entries = append(entries, cpio.Dir(dir, 0o755))
	}
	entries = append(entries, cpio.Dir("tmp", 0o1777))
	for i, m := range r.Modules {
		entries = append(entries, cpio.File(fmt.Sprintf("%s/%02d-%s.ko", moduleDir, i, m.Name), 0o644, m.Data))
	}
	if r.Interp != "" {
		name := strings.TrimPrefix(path.Clean(r.Interp), "/")
		entries = append(entries, cpio.File(name, 0o755, r.Loader))
		if dir := path.Dir(name); path.Base(name) != "libc.so" {
			entries = append(entries, cpio.Symlink(dir+"/libc.so", path.Base(name)))
		}
	}
	for _, f := range append(accounts[:len(accounts):len(accounts)], r.Files...) {
		if f.Target != "" {
			entries = append(entries, cpio.Symlink(f.Name, f.Target))
		} else {
			entries = append(entries, cpio.File(f.Name, f.Perm, f.Data))
		}
	}
	b, err := cpio.Bytes(entries)
	if err != nil {
		return Image{}, fmt.Errorf("building image: %w", err)
	}
	return Image{Bytes: b, Digest: results.DigestOf(b)}, nil
}
