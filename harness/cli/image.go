package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images"
	"github.com/plugproof/plugproof/images/base"
	"github.com/plugproof/plugproof/images/kernel"
	"github.com/plugproof/plugproof/results"
)

// imageDoc is the `image build --json` document.
type imageDoc struct {
	Schema       string         `json:"schema"`
	Arch         string         `json:"arch"`
	File         string         `json:"file"`
	SHA256       results.Digest `json:"sha256"`
	Origin       string         `json:"origin"`
	Void         bool           `json:"void"` // its os-release says so
	Packages     []string       `json:"packages"`
	Scripts      int            `json:"scripts"` // INSTALL scripts that wait for the first boot
	Kernel       string         `json:"kernel"`  // its release
	KernelSHA256 results.Digest `json:"kernel_sha256"`
	Notes        []string       `json:"notes"`
}

func newImageCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build or inspect the initramfs that a machine boots",
		Long: `Build or inspect the initramfs that a virtual machine boots. 'plugproof verify' and 'plugproof load' build the
default one by themselves, and take another with --image.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("run 'plugproof help image'", "no command given: build or inspect")
		},
	}
	cmd.AddCommand(newImageBuildCmd(a), newImageInspectCmd(a))
	return cmd
}

// imageFlags are what `image build` was told.
type imageFlags struct {
	arch, libc, out string
	source          imageSource
	kernel, modules string
	defaultPackages string // directory that gets the default image's packages
	tar             string // file that gets the root of a repository
}

func newImageBuildCmd(a *app) *cobra.Command {
	var f imageFlags
	cmd := &cobra.Command{
		Use:   "build --arch ARCH [--xbps DIR --package NAME... --key PUB.pem | --rootfs TARBALL --key PUB]",
		Short: "Build an initramfs: the default one, or of Void's packages or root file system",
		Long: `Build the initramfs of an architecture. Without a source it is the default one: the libc's loader, a small
userland and plugproof's init, packed as xbps packages and installed. --xbps installs the named packages, and all
that they need, from a repository in a directory, each of them checked as 'xbps verify' does. --rootfs takes a root
file system's tarball whose SHA-256 stands in a list (--sums, or one beside it such as sha256sum.txt) that the key
has signed (--sig, or sha256sum.sig beside it, by minisign or signify). What is wrong is said, one finding a line,
exit 1, and nothing is written. INSTALL scripts run in the machine, at its first boot.

The same inputs give the same bytes. Without --out the image is in the cache; --image takes it by its file or digest.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.buildImage(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.arch, "arch", "amd64", "`ARCH`: "+strings.Join(plan.Arches, ", "))
	fl.StringVar(&f.libc, "libc", plan.Libcs[0], "`LIBC` of the default image: "+strings.Join(plan.Libcs, ", ")+"; of a repository: glibc, too")
	fl.StringVarP(&f.out, "out", "o", "", "write it to `FILE` too")
	fl.StringVar(&f.source.repository, "xbps", "", "install packages of the repository in `DIR`")
	fl.StringArrayVar(&f.source.packages, "package", nil, "`NAME`, pattern or pkgver to install; repeatable")
	fl.StringVar(&f.source.tarball, "rootfs", "", "take the root file system in `TARBALL`")
	fl.StringVar(&f.source.sums, "sums", "", "`FILE` of SHA-256 sums that names the tarball")
	fl.StringVar(&f.source.sig, "sig", "", "`FILE` of the signature over the sums")
	fl.StringArrayVar(&f.source.keys, "key", nil, "trust the public key in `FILE`: PEM for --xbps, minisign's or signify's for --rootfs; repeatable")
	fl.BoolVar(&f.source.unsigned, "unsigned", false, "a source without a signature is wanted")
	fl.StringArrayVar(&f.source.setuid, "allow-setuid", nil, "a package's file `PATH`, or \"all\", may be setuid or setgid; repeatable")
	fl.StringArrayVar(&f.source.tolerate, "tolerate", nil, "note findings of `CLASS`, such as elf-noarch, and go on; none about signatures; repeatable")
	fl.StringVar(&f.source.since, "since", "", "no version may be older than in the indexes of `DIR`")
	fl.StringVar(&f.kernel, "kernel", "", "boot the kernel in `FILE`")
	fl.StringVar(&f.modules, "modules", "", "with the modules in `DIR`, such as lib/modules/RELEASE")
	fl.StringVar(&f.tar, "tar", "", "write the root of --xbps to the tarball `FILE` too, without what plugproof adds")
	fl.StringVar(&f.defaultPackages, "packages", "", "write the default image's packages and their index to the new `DIR` too")
	return cmd
}

func (a *app) buildImage(ctx context.Context, f imageFlags) error {
	if !slices.Contains(plan.Arches, f.arch) {
		return usagef("it is one of "+strings.Join(plan.Arches, ", "), "unknown arch %q", f.arch)
	}
	if !slices.Contains(plan.Libcs, f.libc) && f.libc != "glibc" {
		return usagef("it is one of "+strings.Join(plan.Libcs, ", "), "unknown libc %q", f.libc)
	}
	if err := f.source.check(); err != nil {
		return err
	}
	if f.tar != "" && f.source.repository == "" {
		return usagef("name a repository with --xbps", "--tar is of a repository's root")
	}
	if f.libc == "glibc" && f.source.repository == "" {
		return usagef("name a repository with --xbps", "the default image is musl's")
	}
	if f.defaultPackages != "" && f.source.given() {
		return usagef("leave --packages out", "--packages is of the default image")
	}
	own, err := a.ownKernel(f)
	if err != nil {
		return err
	}
	root, installed, err := a.sourceRoot(ctx, f.arch, f.libc, f.source)
	if err != nil {
		return err
	}
	notes := []string{}
	if root != nil {
		notes = append(notes, installed.Notes...)
	}
	shop, done, err := a.openWorkshop()
	if err != nil {
		return err
	}
	defer done()
	setup, err := shop.setup(ctx, f.arch, plan.Libcs[0], root)
	if err != nil {
		return err
	}
	setup.Kernel = own
	m, err := vm.Prepare(ctx, setup)
	if errors.Is(err, images.ErrRoot) {
		return &Error{Code: ExitFinding, Err: err, Hint: "plugproof's init, kernel modules and tools go into the image: take what is in their place out of the tarball or the packages"}
	}
	if err != nil {
		return err
	}
	if f.defaultPackages != "" {
		if err := shop.writePackages(ctx, setup, a.path(f.defaultPackages)); err != nil {
			return err
		}
	}
	note, err := shop.register(m, own != nil)
	if err != nil {
		return err
	}
	doc := imageDoc{"plugproof/image-build/v1", f.arch, m.Initrd, m.ImageDigest, note.Origin, note.Void, note.Packages, 0, m.Release, m.KernelDigest, notes}
	if root != nil {
		doc.Scripts = len(root.Scripts)
	}
	if f.out != "" {
		raw, err := os.ReadFile(m.Initrd)
		if err == nil {
			err = writeWhole(a.path(f.out), raw)
		}
		if err != nil {
			return fmt.Errorf("writing the image: %w", err)
		}
		doc.File = f.out
	}
	if f.tar != "" {
		var b bytes.Buffer
		err := installed.Tree.Tar(&b)
		if err == nil {
			err = writeWhole(a.path(f.tar), b.Bytes())
		}
		if err != nil {
			return fmt.Errorf("writing the tarball: %w", err)
		}
	}
	for _, n := range notes {
		a.note("%s", n)
	}
	if a.json {
		return a.printJSON(doc)
	}
	return a.print(fmt.Sprintf("%s  %s\n", doc.SHA256, doc.File))
}

// ownKernel opens the kernel that --kernel names.
func (a *app) ownKernel(f imageFlags) (*kernel.Kernel, error) {
	if f.kernel == "" {
		if f.modules != "" {
			return nil, usagef("name the kernel that they are for", "--modules needs --kernel")
		}
		return nil, nil
	}
	dir := ""
	if f.modules != "" {
		dir = a.path(f.modules)
	}
	k, err := kernel.OpenFile(a.path(f.kernel), dir)
	if err != nil {
		return nil, usagef("name a kernel's image and the folder of its modules", "%w", err)
	}
	return k, nil
}

// writePackages packs the default image's repository into a new directory.
func (s *workshop) writePackages(ctx context.Context, setup vm.Setup, dir string) error {
	parts, err := vm.DefaultParts(ctx, setup)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return usagef("--packages names a directory that is not there yet", "%w", err)
	}
	_, err = base.Repository(ctx, dir, parts)
	return err
}

// writeWhole writes a file through a temporary one beside it: all or nothing.
func writeWhole(file string, data []byte) error {
	tmp := file + ".part"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}
