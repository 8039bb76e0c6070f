package cli

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images"
	"github.com/plugproof/plugproof/images/base"
	"github.com/plugproof/plugproof/images/release"
	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/install"
	"github.com/plugproof/plugproof/images/xbps/repo"
)

// imageSource is where an image's root comes from; the zero value is the default image's.
type imageSource struct {
	repository string
	packages   []string
	tarball    string
	sums, sig  string
	keys       []string
	unsigned   bool
	setuid     []string
	since      string
	tolerate   []string
}

func (s imageSource) given() bool { return s.repository != "" || s.tarball != "" }

// check refuses combinations that mean nothing.
func (s imageSource) check() error {
	switch {
	case s.repository != "" && s.tarball != "":
		return usagef("build one image after the other", "--xbps and --rootfs are two sources")
	case s.repository != "" && len(s.packages) == 0:
		return usagef("name what the machine is to have, such as --package base-minimal", "--xbps needs --package")
	case s.repository == "" && (len(s.packages) > 0 || len(s.setuid) > 0 || len(s.tolerate) > 0 || s.since != ""):
		return usagef("name the repository with --xbps", "--package, --allow-setuid, --tolerate and --since are of a repository")
	case slices.ContainsFunc(s.tolerate, func(c string) bool { return !slices.Contains(audit.Tolerable, c) }):
		return usagef("it is one of "+strings.Join(audit.Tolerable, ", "), "--tolerate %q is no class that can be tolerated", s.tolerate)
	case s.tarball == "" && (s.sums != "" || s.sig != ""):
		return usagef("name the tarball with --rootfs", "--sums and --sig are of a tarball")
	case !s.given() && (len(s.keys) > 0 || s.unsigned):
		return usagef("name a source with --xbps or --rootfs", "the default image has no signature to check")
	}
	return nil
}

// sourceRoot makes the root file system, and what a machine takes of it; nil ones are the default image's. What is wrong with
// the source has been printed when the error is a verdict.
func (a *app) sourceRoot(ctx context.Context, arch, libc string, s imageSource) (*vm.Root, *install.Root, error) {
	if !s.given() {
		return nil, nil, nil
	}
	var root *install.Root
	var err error
	if s.repository != "" {
		root, err = a.repositoryRoot(ctx, machineName(arch, libc), s)
	} else {
		root, err = a.tarballRoot(ctx, s)
	}
	if err != nil {
		return nil, nil, err
	}
	note := images.Note{Arch: arch, Origin: root.Origin, Void: root.Tree.IsVoid(), Packages: root.Pkgvers}
	if err := flavour(root, &note); err != nil {
		return nil, nil, err
	}
	scripts, err := root.Tree.Pending(root.Pkgvers, machineName(arch, note.Libc))
	if err != nil {
		return nil, nil, usagef("", "%w", err)
	}
	return &vm.Root{Files: root.Tree.Files(), Scripts: scripts, Note: note}, root, nil
}

func (a *app) repositoryRoot(ctx context.Context, machine string, s imageSource) (*install.Root, error) {
	opt := install.Options{Arch: machine, Want: s.packages,
		Audit: audit.Options{AllowUnsigned: s.unsigned, AllowSetuid: s.setuid, Tolerate: s.tolerate}}
	for _, name := range s.keys {
		k, err := a.publicKey(name)
		if err != nil {
			return nil, err
		}
		opt.Audit.Keys = append(opt.Audit.Keys, k)
	}
	dir := a.path(s.repository)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, usagef("--xbps names a directory with "+opt.Arch+repo.Suffix, "%q is no directory", s.repository)
	}
	if s.since != "" {
		var err error
		if opt.Audit.Since, err = readIndexes(a.path(s.since)); err != nil {
			return nil, usagef("give --since a directory with the index of before", "%w", err)
		}
	}
	root, err := install.Build(ctx, dir, opt)
	var refused *audit.Refused
	if errors.As(err, &refused) {
		return nil, a.refuse(s.repository, refused.Findings)
	}
	if err != nil {
		return nil, err
	}
	return root, nil
}

// sumsNames and sigNames are where the list and its signature are looked for beside a tarball; %s is the tarball's name, or the list's.
var (
	sumsNames = []string{"%s.sha256", "sha256sum.txt", "sha256sums.txt", "SHA256SUMS", "sha256"}
	sigNames  = []string{"%s.minisig", "%s.sig", "sha256sum.sig", "sha256.sig"}
)

// beside finds the first of the names that is a file in the directory.
func beside(file string, names []string) string {
	for _, n := range names {
		name := filepath.Join(filepath.Dir(file), strings.ReplaceAll(n, "%s", filepath.Base(file)))
		if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
			return name
		}
	}
	return ""
}

func (a *app) tarballRoot(ctx context.Context, s imageSource) (*install.Root, error) {
	file := a.path(s.tarball)
	if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
		return nil, usagef("--rootfs names a tarball, such as void-x86_64-musl-ROOTFS-DATE.tar.xz", "%q is no file", s.tarball)
	}
	opt := install.TarballOptions{AllowUnsigned: s.unsigned, Sums: beside(file, sumsNames)}
	if s.sums != "" {
		opt.Sums = a.path(s.sums)
	}
	if opt.Sums != "" {
		opt.Signature = beside(opt.Sums, sigNames)
	}
	if s.sig != "" {
		opt.Signature = a.path(s.sig)
	}
	for _, name := range s.keys {
		text, err := readSmall(a.path(name), 4096)
		if err != nil {
			return nil, usagef("give --key a public key of minisign or signify", "%w", err)
		}
		k, err := release.ParseKey(text)
		if err != nil {
			return nil, usagef("give --key a public key of minisign or signify", "%q: %w", name, err)
		}
		opt.Keys = append(opt.Keys, k)
	}
	root, err := install.Tarball(ctx, file, opt)
	var refused *install.RefusedTarball
	if errors.As(err, &refused) {
		return nil, a.refuse(s.tarball, []audit.Finding{{File: filepath.Base(s.tarball), Class: refused.Class, Text: refused.Err.Error()}})
	}
	return root, err
}

// refuse prints findings as `xbps verify` does, and gives their exit code.
func (a *app) refuse(path string, findings []audit.Finding) error {
	if err := a.showFindings(path, findings); err != nil {
		return err
	}
	return verdict(ExitFinding)
}

// machineName is what xbps calls a machine: its name with musl, or without the ending for glibc.
func machineName(arch, libc string) string {
	name := base.Architecture(arch)
	if libc == "glibc" {
		name = strings.TrimSuffix(name, "-musl")
	}
	return name
}

// machines are the ELF machines of the architectures.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm": elf.EM_ARM}

// flavour finds out which libc the root's shell runs on, and refuses a root for another machine.
func flavour(root *install.Root, note *images.Note) error {
	data, ok := root.Tree.Program("/bin/sh")
	if !ok {
		note.Libc, note.LoaderPath = root.Tree.Loader() // a machine may have no shell
		return nil
	}
	f, err := elf.NewFile(strings.NewReader(string(data)))
	if err != nil {
		return usagef("", "the root's /bin/sh is no program: %w", err)
	}
	if f.Machine != machines[note.Arch] {
		return usagef("give the --arch that it is for", "the root's /bin/sh is for %v, not for %s", f.Machine, note.Arch)
	}
	note.Libc = "none"
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			raw := make([]byte, p.Filesz)
			if _, err := p.ReadAt(raw, 0); err != nil {
				return usagef("", "the root's /bin/sh is damaged: %w", err)
			}
			note.LoaderPath = strings.TrimRight(string(raw), "\x00")
		}
	}
	switch name := filepath.Base(note.LoaderPath); {
	case strings.HasPrefix(name, "ld-musl-"):
		note.Libc = "musl"
	case strings.HasPrefix(name, "ld-linux"):
		note.Libc = "glibc"
	default: // a static shell says nothing; the loader itself may
		note.Libc, note.LoaderPath = root.Tree.Loader()
	}
	return nil
}

// readSmall reads a file of at most limit bytes.
func readSmall(name string, limit int64) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > limit {
		return nil, fmt.Errorf("%q is no file of at most %d bytes", name, limit)
	}
	return os.ReadFile(name)
}
