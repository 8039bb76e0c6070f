package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/supply/kit"
	"github.com/plugproof/plugproof/verify/supply/seal"
)

// kitDoc is the document of `kit create --json` and `kit unpack --json`, and a part of `kit verify --json`.
type kitDoc struct {
	Schema   string         `json:"schema"`
	File     string         `json:"file"`
	SHA256   results.Digest `json:"sha256"`   // of the file, where it was made; null elsewhere: the manifest names every byte
	Manifest results.Digest `json:"manifest"` // of its manifest's text
	Name     string         `json:"name"`
	Serial   uint64         `json:"serial"`
	Bytes    int64          `json:"bytes"`
	Parts    map[string]int `json:"parts"` // how many of each kind
	Held     int            `json:"held"`  // parts that are in the kit it follows
	Into     *string        `json:"into"`  // where it was unpacked, null elsewhere
}

// kitWishes are the flags of kit create.
type kitWishes struct {
	out, key, name, since, tools, run string
	xbps                              []string
	noExpected                        bool
	serial                            uint64
	axes
}

func newKitCreateCmd(a *app) *cobra.Command {
	var w kitWishes
	cmd := &cobra.Command{
		Use:   "create [PROJECT...] --key KEY -o FILE.kit",
		Short: "Put all that an offline site needs into one signed file",
		Long: `Put into one file what verify needs for these projects: Go toolchains and modules with the checksum
database's proofs, kernels and musl, plugproof itself, the projects' sources and a bill of materials (CycloneDX).
Everything is fetched anew, so that the proofs fit together, and is checked before it is signed. The same inputs
give the same bytes.

The projects are built twice, and the digests of what came out travel in the kit: 'verify --offline' there compares.
--run takes them from a run that was made before, and adds its records; --no-expected leaves them out.

--since OLD.kit leaves out what that kit holds. --xbps adds a repository of Void packages; one that is damaged is
refused, and so is a vendor folder that is not what go.sum names.

All that lies below a project's folder travels, .git too, by whose state builds are stamped: look for secrets in
.git/config. A link travels if it is relative, stays in the project and leads to a file or folder that travels; one
that leads through another link, or to an empty folder, which does not travel, is refused.

QEMU and the C compilers come as the exact Debian packages with all that they depend on, which apt fetches and checks;
'verify --offline' works in a root made of them. --tools host leaves them to the site's machine.`,
		Example: "  plugproof kit create --key release.key -o site.kit ./gateway\n  plugproof kit create --key release.key --since site.kit -o next.kit ./gateway",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && len(w.xbps) == 0 && w.run == "" {
				return usagef("name a project, a repository by --xbps or a run by --run", "the kit would be empty")
			}
			doc, err := a.createKit(cmd.Context(), args, w)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(doc)
			}
			return a.print(doc.text())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&w.out, "output", "o", "", "write the kit to `FILE`")
	f.StringVar(&w.key, "key", "", "sign with the minisign key in `FILE`")
	f.StringVar(&w.name, "name", "plugproof", "the kit's `NAME`: serials of one name are compared")
	f.Uint64Var(&w.serial, "serial", 0, "the kit's `NUMBER`; default 1, or one more than --since's")
	f.StringVar(&w.since, "since", "", "leave out what the kit in `FILE` holds")
	f.StringArrayVar(&w.xbps, "xbps", nil, "add the repository of Void packages in `DIR`, below xbps/; repeatable")
	f.StringVar(&w.tools, "tools", "", "QEMU and C compilers: debian (packages), or host (the site has them); default debian with a project")
	f.StringVar(&w.run, "run", "", "add the records of the run `RUN`, and expect what it built")
	f.BoolVar(&w.noExpected, "no-expected", false, "do not say what the projects come out as")
	w.axes.register(cmd)
	_ = cmd.MarkFlagRequired("output")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func (d kitDoc) text() string {
	out := fmt.Sprintf("%s  serial %d, %d bytes, manifest %s\n", d.Name, d.Serial, d.Bytes, d.Manifest)
	if d.SHA256 != "" {
		out += "  the file has the digest " + string(d.SHA256) + "\n"
	}
	for _, k := range slices.Sorted(maps.Keys(d.Parts)) {
		out += fmt.Sprintf("  %-10s %d\n", k, d.Parts[k])
	}
	if d.Held > 0 {
		out += fmt.Sprintf("  %d of them are in the kit before\n", d.Held)
	}
	if d.Into != nil {
		out += "unpacked to " + oneLine(*d.Into) + "\n"
	}
	return out
}

func (a *app) createKit(ctx context.Context, args []string, w kitWishes) (kitDoc, error) {
	if w.tools != "" && w.tools != "host" && w.tools != "debian" {
		return kitDoc{}, usagef("host or debian", "unknown tools %q", w.tools)
	}
	key, err := a.minisignKey(w.key)
	if err != nil {
		return kitDoc{}, err
	}
	old, err := a.kitBefore(w.since, key)
	if err != nil {
		return kitDoc{}, err
	}
	m := &kit.Manifest{Name: w.name, Serial: w.serial}
	if w.serial == 0 {
		m.Serial = 1
		if old != nil {
			m.Serial = old.Serial + 1
		}
	}
	if old != nil && (old.Name != m.Name || old.Serial >= m.Serial) {
		return kitDoc{}, usagef("serials of one name grow", "kit %q with the serial %d cannot follow %q with %d", m.Name, m.Serial, old.Name, old.Serial)
	}
	cache, err := a.openCache()
	if err != nil {
		return kitDoc{}, err
	}
	scratch, done, err := a.kitScratch(cache)
	if err != nil {
		return kitDoc{}, err
	}
	defer done()
	files, err := a.gather(ctx, cache, scratch, args, w)
	if err != nil {
		return kitDoc{}, err
	}
	a.note("measuring %d files", len(files))
	if m.Parts, err = supply.Measure(files, nil); err != nil {
		return kitDoc{}, err
	}
	m.Sort()
	if err := m.Check(); err != nil {
		return kitDoc{}, usagef("rename it", "no kit can hold that: %s", strings.TrimPrefix(err.Error(), kit.ErrFormat.Error()+": "))
	}
	if old != nil {
		m.Hold(old)
	}
	byPath := map[string]supply.File{}
	for _, f := range files {
		byPath[f.Path] = f
	}
	out := a.path(w.out)
	digest, size, err := writeKit(ctx, out, m, key, func(p kit.Part) (io.ReadCloser, error) { return byPath[p.Path].Open() })
	if err != nil {
		return kitDoc{}, err
	}
	doc := describeKit("plugproof/kit-create/v1", w.out, size, m)
	doc.SHA256 = digest
	return doc, nil
}

func describeKit(schema, name string, size int64, m *kit.Manifest) kitDoc {
	doc := kitDoc{Schema: schema, File: name, Manifest: m.Digest(), Name: m.Name, Serial: m.Serial, Bytes: size, Parts: map[string]int{}}
	for _, p := range m.Parts {
		doc.Parts[p.Kind]++
		if p.Held {
			doc.Held++
		}
	}
	return doc
}

// kitScratch is a directory of its own in the cache.
func (a *app) kitScratch(cache string) (string, func(), error) {
	base := filepath.Join(cache, "scratch")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", nil, err
	}
	return ownScratch(base)
}

// kitBefore reads the manifest of the kit that --since names; the same key must have signed it.
func (a *app) kitBefore(name string, key minisign.PrivateKey) (*kit.Manifest, error) {
	if name == "" {
		return nil, nil
	}
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return nil, errors.New("the key has no public half")
	}
	k, done, err := a.openKit(name, public)
	if err != nil {
		return nil, err
	}
	defer done()
	return k.Manifest, nil
}

// minisignKey reads a private key.
func (a *app) minisignKey(name string) (minisign.PrivateKey, error) {
	const hint = "give --key a private key of minisign ('plugproof kit keygen' makes one)"
	data, err := a.smallFile(name, hint)
	if err != nil {
		return minisign.PrivateKey{}, err
	}
	k, err := seal.ParseKey(data, []byte(a.getenv(passphraseVar)))
	if errors.Is(err, seal.ErrPassphrase) && a.getenv(passphraseVar) == "" {
		var pass []byte
		if pass, err = a.passphrase("passphrase of " + name + ": "); err != nil {
			return k, err
		}
		k, err = seal.ParseKey(data, pass)
	}
	if err != nil {
		return k, a.keyError(hint, name, err)
	}
	return k, nil
}
