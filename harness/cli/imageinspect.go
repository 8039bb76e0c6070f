package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/images"
	"github.com/plugproof/plugproof/images/cpio"
	"github.com/plugproof/plugproof/images/kernel"
	"github.com/plugproof/plugproof/results"
)

// inspectDoc is the `image inspect --json` document.
type inspectDoc struct {
	Schema  string         `json:"schema"`
	File    string         `json:"file"`
	SHA256  results.Digest `json:"sha256"`
	Entries []inspectEntry `json:"entries"` // of an initramfs
	Note    *images.Note   `json:"note"`    // what an initramfs says of itself; null if it says nothing
	Kernel  *kernelDoc     `json:"kernel"`  // null for an initramfs
}

type inspectEntry struct {
	Name string `json:"name"`
	Mode string `json:"mode"` // octal, with the type's bits
	Size int64  `json:"size"`
}

// kernelDoc is what is known of a kernel's image.
type kernelDoc struct {
	Format     string          `json:"format"`
	Arch       string          `json:"arch"`
	Release    string          `json:"release"`
	ConfigFrom string          `json:"config_from"` // "image", "file" or null
	Options    int             `json:"options"`
	Needs      []kernel.Need   `json:"needs"`
	Tuning     []kernel.Advice `json:"tuning"`
}

func newImageInspectCmd(a *app) *cobra.Command {
	var arch, config string
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "List what an initramfs holds, or judge a kernel",
		Long: `List what an initramfs holds: mode, size in bytes and name of each entry, what it says of its origin, and the digest of
the whole; it is a newc cpio archive that is not compressed. Of a kernel's image, say what plugproof's machines need and
what of that it lacks, and what the options that guides recommend for speed are and do. The configuration is
the one inside the image (CONFIG_IKCONFIG), else --config, else config-RELEASE or config beside it. Exit 1 if
something is lacking without which no machine starts, or if nothing is known.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if arch != "" && !slices.Contains(plan.Arches, arch) {
				return usagef("it is one of "+strings.Join(plan.Arches, ", "), "--arch %q is no architecture", arch)
			}
			info, err := os.Stat(a.path(args[0])) // first, for opening a pipe would wait
			if err != nil {
				return usagef("name an initramfs or a kernel's image", "%w", err)
			}
			if !info.Mode().IsRegular() {
				return usagef("name a file", "%q is not a regular file", args[0])
			}
			f, err := os.Open(a.path(args[0]))
			if err != nil {
				return usagef("name an initramfs or a kernel's image", "%w", err)
			}
			defer f.Close()
			digest, _, err := digestOf(a.path(args[0]))
			if err != nil {
				return err
			}
			doc := inspectDoc{Schema: "plugproof/image-inspect/v1", File: args[0], SHA256: digest, Entries: []inspectEntry{}}
			head := make([]byte, min(info.Size(), 1<<20))
			if _, err := io.ReadFull(io.NewSectionReader(f, 0, info.Size()), head); err != nil {
				return err
			}
			if kernel.IsImage(head) {
				return a.inspectKernel(doc, a.path(args[0]), arch, config)
			}
			return a.inspectInitramfs(doc, f, info.Size())
		},
	}
	cmd.Flags().StringVar(&arch, "arch", "", "the kernel is for `ARCH`: "+strings.Join(plan.Arches, ", ")+"; default: by its format")
	cmd.Flags().StringVar(&config, "config", "", "the kernel's configuration is in `FILE`, if not inside the image")
	return cmd
}

func (a *app) inspectInitramfs(doc inspectDoc, f io.ReaderAt, size int64) error {
	list, err := cpio.Read(f, size)
	if err != nil {
		return usagef("name an initramfs (a newc cpio archive that is not compressed) or a kernel's image", "reading %q: %w", doc.File, err)
	}
	for _, h := range list {
		doc.Entries = append(doc.Entries, inspectEntry{h.Name, fmt.Sprintf("%06o", h.Mode), h.Size})
	}
	if note, err := images.ReadNote(f, size); err == nil {
		doc.Note = &note
	}
	if a.json {
		return a.printJSON(doc)
	}
	var b strings.Builder
	for _, e := range doc.Entries {
		fmt.Fprintf(&b, "%s %9d %s\n", e.Mode, e.Size, oneLine(e.Name))
	}
	if n := doc.Note; n != nil {
		fmt.Fprintf(&b, "says of itself: %s, %s, Linux %s, %s\n", oneLine(n.Origin), oneLine(n.Libc), oneLine(n.Kernel), plural(len(n.Packages), "package"))
	}
	fmt.Fprintf(&b, "%d entries, %s\n", len(doc.Entries), doc.SHA256)
	return a.print(b.String())
}

// formats are the architectures of kernels' images.
var formats = map[string]string{"bzImage": "amd64", "zImage": "arm", "vmlinux": "amd64"}

func (a *app) inspectKernel(doc inspectDoc, file, arch, config string) error {
	if config != "" {
		config = a.path(config)
	}
	r, err := kernel.Inspect(file, config)
	if err != nil {
		return usagef("name a kernel's image, and its configuration with --config", "%w", err)
	}
	if arch == "" {
		arch = formats[r.Format]
	}
	if own := formats[r.Format]; r.Format != "vmlinux" && own != "" && own != arch {
		return usagef("leave --arch out", "%q is a %s, which is for %s, not for %s", doc.File, r.Format, own, arch)
	}
	doc.Kernel = &kernelDoc{r.Format, arch, r.Release, r.ConfigFrom, len(r.Config), kernel.Needs(arch, r.Config), kernel.Tuning(r.Config)}
	lacking := r.Config == nil
	for _, n := range doc.Kernel.Needs {
		lacking = lacking || n.Must && !n.Met
	}
	if a.json {
		err = a.printJSON(doc)
	} else {
		err = a.print(kernelText(doc))
	}
	if err == nil && lacking {
		return verdict(ExitFinding)
	}
	return err
}

// kernelText is a table of needs, and one of what is recommended.
func kernelText(doc inspectDoc) string {
	var b strings.Builder
	k := doc.Kernel
	from := map[string]string{"image": "inside the image", "file": "beside it", "": "not known"}[k.ConfigFrom]
	fmt.Fprintf(&b, "%s for %s, Linux %s, configuration %s\n\nneeded by plugproof's machines\n", k.Format, orNone(k.Arch), orNone(oneLine(k.Release)), from)
	for _, n := range k.Needs {
		word := "has"
		switch {
		case n.State == "unknown":
			word = "unknown"
		case !n.Met && n.Must:
			word = "LACKS"
		case !n.Met:
			word = "without"
		}
		fmt.Fprintf(&b, "  %-8s %-26s %-8s %s\n", word, n.Option, n.State, n.Why)
	}
	b.WriteString("\nrecommended for speed, by guides\n")
	for _, t := range k.Tuning {
		name := t.Option
		if !t.Exists {
			name += " (no such option)"
		}
		fmt.Fprintf(&b, "  %-44s %-8s %s", name, t.State, t.Effect)
		if t.Here != "" {
			fmt.Fprintf(&b, "; here: %s", t.Here)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s\n", doc.SHA256)
	return b.String()
}
