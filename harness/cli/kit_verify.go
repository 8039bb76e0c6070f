package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/verify/supply/gorelease"
	"github.com/plugproof/plugproof/verify/supply/kit"
	"github.com/plugproof/plugproof/verify/supply/vendored"
)

// kitVerifyDoc is the `kit verify --json` document.
type kitVerifyDoc struct {
	Schema   string       `json:"schema"`
	Kit      *kitDoc      `json:"kit"`    // null: none was given, or it was refused
	Vendor   *string      `json:"vendor"` // null: none was asked for
	Go       *goArchive   `json:"go"`     // null: none was asked for, or it was refused
	Findings []kitFinding `json:"findings"`
}

// A kitFinding is one thing that is wrong with a kit or a vendor folder, or that was not checked.
type kitFinding struct {
	Kind       string `json:"kind"`
	Path       string `json:"path"`
	Text       string `json:"text"`
	Incomplete bool   `json:"incomplete"` // it says that something was not checked
}

// A goArchive is an archive of Go that the Go project's key signed.
type goArchive struct {
	File string `json:"file"`
	gorelease.Signed
}

func newKitVerifyCmd(a *app) *cobra.Command {
	var key, vendor string
	var release goWishes
	var trees []string
	var newer uint64
	cmd := &cobra.Command{
		Use:   "verify [FILE.kit --key PUB] [--vendor DIR] [--go-archive FILE]",
		Short: "Check every byte of a kit, a vendor folder file by file, or an archive of Go",
		Long: `Check a kit: the signature by the one key that is trusted, every byte of every part, its modules and toolchains by
the checksum database's proofs that travel in it, and its repositories of Void packages by their indexes and signatures.
--newer-than refuses kits of that serial and before.

--vendor checks the vendor folder of the module in DIR, file by file, against the module zips whose hashes
DIR/go.sum names: what 'go mod verify' does not do. An edited, added, missing or linked file is a finding. Zips are
looked for in plugproof's cache and in each --modules folder, which has the layout of a module proxy, like
$GOMODCACHE/cache/download.

--go-archive checks an archive that the Go project published, go1.N.P.linux-amd64.tar.gz, against its signature, by the
keys in --go-key. Only the key with the primary fingerprint ` + gorelease.Primary + ` and the
subkeys that it bound count; a signer that is none of them, had expired when it signed, or is revoked is refused.
Exit code: 0 all is right, 1 a finding, 2 what was named cannot be read, 3 something could not be checked.`,
		Example: "  plugproof kit verify site.kit --key release.key.pub\n  plugproof kit verify --vendor . --modules ~/go/pkg/mod/cache/download",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && vendor == "" && release.archive == "" {
				return usagef("name a kit, a module's folder by --vendor, or an archive by --go-archive", "there is nothing to verify")
			}
			doc := kitVerifyDoc{Schema: "plugproof/kit-verify/v1", Findings: []kitFinding{}}
			if len(args) == 1 {
				if key == "" {
					return usagef("name the public key that is trusted: --key PUB", "a kit proves nothing by itself")
				}
				if err := a.verifyKit(cmd.Context(), args[0], key, newer, &doc); err != nil {
					return err
				}
			}
			if vendor != "" {
				if err := a.verifyVendor(cmd.Context(), vendor, trees, &doc); err != nil {
					return err
				}
			}
			if release.archive != "" {
				if err := a.verifyGo(release, &doc); err != nil {
					return err
				}
			}
			return a.showKitFindings(doc)
		},
	}
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "trust the minisign public key in `FILE`")
	f.Uint64Var(&newer, "newer-than", 0, "refuse a kit whose serial is not above `NUMBER`")
	f.StringVar(&vendor, "vendor", "", "check the vendor folder of the module in `DIR`")
	f.StringArrayVar(&trees, "modules", nil, "look for module zips in `DIR`; repeatable")
	f.StringVar(&release.archive, "go-archive", "", "check this `ARCHIVE` of Go")
	f.StringVar(&release.signature, "asc", "", "its signature's `FILE`; default ARCHIVE.asc")
	f.StringVar(&release.keys, "go-key", "", "the `FILE` with Google's Linux packages signing key, as it is published")
	return cmd
}

func (a *app) verifyKit(ctx context.Context, name, key string, newer uint64, doc *kitVerifyDoc) error {
	public, err := a.minisignPublic(key)
	if err != nil {
		return err
	}
	refused := func(err error) error {
		var e *Error
		if !errors.As(err, &e) || e.Code != ExitFinding {
			return err
		}
		doc.Findings = append(doc.Findings, kitFinding{Kind: "kit", Path: name, Text: e.Error()})
		return nil
	}
	k, done, err := a.openKit(name, public)
	if err != nil {
		return refused(err)
	}
	defer done()
	if k.Manifest.Serial <= newer {
		doc.Findings = append(doc.Findings, kitFinding{Kind: "old", Path: name, Text: kit.ErrOld.Error()})
	}
	bar := a.bytesBar(k.Size())
	err = k.Verify(ctx, bar.add)
	bar.end()
	if err != nil {
		return refused(kitError(name, err))
	}
	found, err := a.proofs(ctx, k, nil)
	if err != nil {
		return refused(kitError(name, err))
	}
	doc.Findings = append(doc.Findings, found...)
	if k.Manifest.Since != "" {
		doc.Findings = append(doc.Findings, kitFinding{Kind: "held", Path: name, Incomplete: true,
			Text: "it leaves out parts of the kit before, so its modules' proofs and its repositories are checked when it is unpacked there"})
	}
	d := describeKit("plugproof/kit-create/v1", name, k.Length(), k.Manifest)
	doc.Kit = &d
	return nil
}

func (a *app) verifyVendor(ctx context.Context, dir string, trees []string, doc *kitVerifyDoc) error {
	opt := vendored.Options{}
	for _, t := range trees {
		if st, err := os.Stat(a.path(t)); err != nil || !st.IsDir() {
			return usagef("give --modules a folder in the layout of a module proxy", "%q is no folder", t)
		}
		opt.Zips = append(opt.Zips, a.path(t))
	}
	cache, err := a.cachePath()
	if err != nil {
		return err
	}
	opt.Zips = append(opt.Zips, filepath.Join(cache, "gomod", "cache", "download"))
	found, err := vendored.Check(ctx, a.path(dir), opt)
	if err != nil {
		return usagef("give --vendor the folder of a module that has a vendor folder", "checking %q: %w", dir, err)
	}
	doc.Vendor = &dir
	for _, f := range found {
		doc.Findings = append(doc.Findings, kitFinding{string(f.Kind), f.Path, f.Text, f.Incomplete()})
	}
	return nil
}

func (a *app) showKitFindings(doc kitVerifyDoc) error {
	var err error
	if a.json {
		err = a.printJSON(doc)
	} else {
		text := ""
		for _, f := range doc.Findings {
			text += oneLine(f.Kind+" "+f.Path+": "+f.Text) + "\n"
		}
		if doc.Kit != nil {
			text += doc.Kit.text()
		}
		if doc.Go != nil {
			text += oneLine(fmt.Sprintf("%s: signed on %s by %s, which %s vouches for", doc.Go.File, doc.Go.At.Format(time.DateOnly), doc.Go.Key, doc.Go.Primary)) + "\n"
		}
		if doc.Vendor != nil && len(doc.Findings) == 0 {
			text += "the vendor folder is what go.sum names\n"
		}
		err = a.print(text)
	}
	if err != nil {
		return err
	}
	return verdict(exitOf(doc.Findings, func(f kitFinding) bool { return f.Incomplete }))
}
