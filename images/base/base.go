// Package base makes the root of the default image: it packs a small xbps repository, of the libc's loader, the userland, the
// guest's init and the few files of /etc, and installs it as any other repository is. So there is one way from packages to an
// image. The root is laid out as Void's is: everything in /usr, with links from / into it.
package base

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/install"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/publish"
)

// Origin is what records call the default image: Debian's musl, and nothing of Void.
const Origin = "debian-musl"

// Parts are what the packages are made of.
type Parts struct {
	Arch       string   // GOARCH
	Init       []byte   // plugproof-guest
	Userland   []byte   // the program of many names; nil for none
	Names      []string // its names
	Loader     []byte   // the libc's loader, which is musl's libc too; nil for none
	LoaderPath string   // where programs look for it, "/lib/ld-musl-x86_64.so.1"
}

// architectures are xbps's names, by GOARCH.
var architectures = map[string]string{"amd64": "x86_64-musl", "arm": "armv7l-musl"}

// Architecture is xbps's name of a GOARCH with musl, or "".
func Architecture(arch string) string { return architectures[arch] }

// Root packs the parts into a repository in an empty directory and installs it.
func Root(ctx context.Context, dir string, p Parts) (*install.Root, error) {
	want, err := Repository(ctx, dir, p)
	if err != nil {
		return nil, err
	}
	root, err := install.Build(ctx, dir, install.Options{Arch: architectures[p.Arch], Want: want, Audit: audit.Options{AllowUnsigned: true}})
	if err != nil {
		return nil, fmt.Errorf("installing the default image: %w", err)
	}
	root.Origin = Origin
	return root, nil
}

// Repository packs the parts into a directory, indexes it, and returns the packages' names. It is not signed: whoever makes
// it signs it, with a key of theirs.
func Repository(ctx context.Context, dir string, p Parts) ([]string, error) {
	arch, ok := architectures[p.Arch]
	if !ok {
		return nil, fmt.Errorf("packing the default image: no xbps architecture is known for %q", p.Arch)
	}
	var names []string
	for _, r := range p.recipes(arch) {
		if err := publish.Libraries(&r); err != nil {
			return nil, fmt.Errorf("packing the default image: %w", err)
		}
		var b bytes.Buffer
		if err := binpkg.Write(&b, r); err != nil {
			return nil, fmt.Errorf("packing the default image: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, r.Props.FileName()), b.Bytes(), 0o644); err != nil {
			return nil, fmt.Errorf("packing the default image: %w", err)
		}
		names = append(names, r.Props.Name())
	}
	if _, err := publish.Index(ctx, dir, []string{arch}, publish.Signer{}); err != nil {
		return nil, err
	}
	return names, nil
}

// recipes are the packages.
func (p Parts) recipes(arch string) []binpkg.Recipe {
	list := []binpkg.Recipe{p.files()}
	if p.Loader != nil {
		list = append(list, p.musl(arch))
	}
	if p.Userland != nil {
		list = append(list, p.userland(arch))
	}
	if p.Init != nil {
		list = append(list, p.guest(arch))
	}
	for i := range list {
		list[i].Compression = "none" // it is unpacked at once
	}
	return list
}

// files is the package that Void's base-files stands for: the links of the layout and two accounts; commands run as "user".
func (p Parts) files() binpkg.Recipe {
	r := binpkg.Recipe{Props: manifest.Props{Pkgver: "plugproof-files-1_1", Architecture: "noarch", ShortDesc: "plugproof's default image: layout and accounts"}}
	for link, target := range map[string]string{"/bin": "usr/bin", "/sbin": "usr/bin", "/usr/sbin": "bin", "/lib": "usr/lib"} {
		r.Sources = append(r.Sources, binpkg.Source{Path: link, Target: target})
	}
	for name, text := range map[string]string{
		"/etc/passwd":   "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		"/etc/group":    "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
		"/etc/hosts":    "127.0.0.1 localhost plugproof\n::1 localhost\n",
		"/etc/hostname": "plugproof\n",
	} {
		r.Sources = append(r.Sources, binpkg.Bytes(name, 0o644, []byte(text)))
		r.Props.ConfFiles = append(r.Props.ConfFiles, name)
	}
	slices.Sort(r.Props.ConfFiles)
	return r
}

// musl is laid out as Void's package of that name: the loader's name is a link to libc.so.
func (p Parts) musl(arch string) binpkg.Recipe {
	sources := []binpkg.Source{binpkg.Bytes("/usr/lib/libc.so", 0o755, p.Loader), {Path: "/usr/bin/ldd", Target: "../lib/libc.so"}}
	if name := path.Base(p.LoaderPath); name != "libc.so" && name != "." {
		sources = append(sources, binpkg.Source{Path: "/usr/lib/" + name, Target: "libc.so"})
	}
	return binpkg.Recipe{
		Props:   manifest.Props{Pkgver: "musl-" + muslVersion(p.Loader) + "_1", Architecture: arch, ShortDesc: "musl as Debian packages it", License: "MIT"},
		Sources: sources,
	}
}

// inLibc finds musl's version: its loader prints the string (ldso/dynlink.c).
var inLibc = regexp.MustCompile(`\x00(1\.[0-9]{1,3}\.[0-9]{1,3})\x00`)

// muslVersion is the version that stands in a libc, or 0.
func muslVersion(libc []byte) string {
	if m := inLibc.FindSubmatch(libc); m != nil {
		return string(m[1])
	}
	return "0"
}

func (p Parts) userland(arch string) binpkg.Recipe {
	r := binpkg.Recipe{Props: manifest.Props{Pkgver: "plugproof-userland-1_1", Architecture: arch, ShortDesc: "u-root's shell and small commands", License: "BSD-3-Clause"}}
	r.Sources = []binpkg.Source{binpkg.Bytes("/usr/bin/userland", 0o755, p.Userland)}
	for _, name := range p.Names {
		r.Sources = append(r.Sources, binpkg.Source{Path: "/usr/bin/" + name, Target: "userland"})
	}
	return r
}

func (p Parts) guest(arch string) binpkg.Recipe {
	return binpkg.Recipe{
		Props:   manifest.Props{Pkgver: "plugproof-guest-1_1", Architecture: arch, ShortDesc: "init of plugproof's virtual machines"},
		Sources: []binpkg.Source{binpkg.Bytes("/usr/lib/plugproof/guest", 0o755, p.Init), {Path: "/init", Target: "usr/lib/plugproof/guest"}},
	}
}
