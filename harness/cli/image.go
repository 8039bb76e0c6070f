package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/images/cpio"
	"github.com/plugproof/plugproof/results"
)

// imageDoc is the `image build --json` document.
type imageDoc struct {
	Schema       string         `json:"schema"`
	Arch         string         `json:"arch"`
	File         string         `json:"file"`
	SHA256       results.Digest `json:"sha256"`
	Origin       string         `json:"origin"`
	Kernel       string         `json:"kernel"` // its release
	KernelSHA256 results.Digest `json:"kernel_sha256"`
}

func newImageCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build or inspect the initramfs that a machine boots",
		Long: `Build or inspect the initramfs that a virtual machine boots. 'plugproof verify' and 'plugproof load' build it
by themselves.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("run 'plugproof help image'", "no command given: build or inspect")
		},
	}
	cmd.AddCommand(newImageBuildCmd(a), newImageInspectCmd(a))
	return cmd
}

func newImageBuildCmd(a *app) *cobra.Command {
	var arch, libc, out string
	cmd := &cobra.Command{
		Use:   "build --arch ARCH",
		Short: "Build the default initramfs",
		Long: `Build the default initramfs of an architecture: the libc's loader, plugproof-guest as init, the kernel modules that
it needs and a small userland. The same inputs give the same bytes. Without --out it goes into the cache.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shop, done, err := a.openWorkshop()
			if err != nil {
				return err
			}
			defer done()
			if !slices.Contains(plan.Arches, arch) {
				return usagef("it is one of "+strings.Join(plan.Arches, ", "), "unknown arch %q", arch)
			}
			c, err := shop.store.C(cmd.Context(), arch, libc, nil)
			if err != nil {
				return err
			}
			m, err := shop.prepare(cmd.Context(), arch, c, "tcg")
			if err != nil {
				return err
			}
			doc := imageDoc{"plugproof/image-build/v1", arch, m.Initrd, m.ImageDigest, imageOrigin, m.Release, m.KernelDigest}
			if out != "" {
				raw, err := os.ReadFile(m.Initrd)
				if err == nil {
					err = writeWhole(a.path(out), raw)
				}
				if err != nil {
					return fmt.Errorf("writing the image: %w", err)
				}
				doc.File = out
			}
			if a.json {
				return a.printJSON(doc)
			}
			return a.print(fmt.Sprintf("%s  %s\n", doc.SHA256, doc.File))
		},
	}
	cmd.Flags().StringVar(&arch, "arch", "amd64", "`ARCH`: "+strings.Join(plan.Arches, ", "))
	cmd.Flags().StringVar(&libc, "libc", plan.Libcs[0], "`LIBC`: "+strings.Join(plan.Libcs, ", "))
	cmd.Flags().StringVarP(&out, "out", "o", "", "write it to `FILE`")
	return cmd
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

// inspectDoc is the `image inspect --json` document.
type inspectDoc struct {
	Schema  string         `json:"schema"`
	File    string         `json:"file"`
	SHA256  results.Digest `json:"sha256"`
	Entries []inspectEntry `json:"entries"`
}

type inspectEntry struct {
	Name string `json:"name"`
	Mode string `json:"mode"` // octal, with the type's bits
	Size int64  `json:"size"`
}

func newImageInspectCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE",
		Short: "List what an initramfs holds",
		Long: `List what an initramfs holds: mode, size in bytes and name of each entry, and the digest of the whole. FILE is a newc
cpio archive that is not compressed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := os.Open(a.path(args[0]))
			if err != nil {
				return usagef("name an initramfs: a newc cpio archive that is not compressed", "%w", err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				return usagef("name a file", "%q is not a regular file", args[0])
			}
			list, err := cpio.Read(f, info.Size())
			if err != nil {
				return usagef("name an initramfs: a newc cpio archive that is not compressed", "reading %q: %w", args[0], err)
			}
			digest, _, err := digestOf(a.path(args[0]))
			if err != nil {
				return err
			}
			doc := inspectDoc{Schema: "plugproof/image-inspect/v1", File: args[0], SHA256: digest, Entries: []inspectEntry{}}
			for _, h := range list {
				doc.Entries = append(doc.Entries, inspectEntry{h.Name, fmt.Sprintf("%06o", h.Mode), h.Size})
			}
			if a.json {
				return a.printJSON(doc)
			}
			var b strings.Builder
			for _, e := range doc.Entries {
				fmt.Fprintf(&b, "%s %9d %s\n", e.Mode, e.Size, oneLine(e.Name))
			}
			fmt.Fprintf(&b, "%d entries, %s\n", len(doc.Entries), doc.SHA256)
			return a.print(b.String())
		},
	}
}
