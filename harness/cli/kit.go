package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/verify/supply/vendored"
)

func newKitCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kit",
		Short: "Keys, and what an offline site is given",
		Long:  "Keys that sign what an offline site is given, and checks of what arrives there.",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			hint := "run 'plugproof help kit' for its commands"
			if len(args) == 0 {
				return usagef(hint, "kit needs a command")
			}
			return usagef(hint, "unknown command %q", "kit "+args[0])
		},
	}
	cmd.AddCommand(newKitKeygenCmd(a), newKitVerifyCmd(a))
	return cmd
}

// kitKeygenDoc is the `kit keygen --json` document.
type kitKeygenDoc struct {
	Schema string `json:"schema"`
	Key    string `json:"key"`
	Public string `json:"public"`
	ID     string `json:"id"` // as minisign writes it: 16 hexadecimal digits
}

func newKitKeygenCmd(a *app) *cobra.Command {
	var out string
	var plain bool
	cmd := &cobra.Command{
		Use:   "keygen --out KEY",
		Short: "Make a key that signs plugins and kits",
		Long: `Make a minisign key in KEY (mode 0600, never overwritten) and its public half in KEY.pub. The passphrase is read from
` + passphraseVar + ` or asked for on the terminal; --no-passphrase goes without. Prints the key's id.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			k, err := a.newSealKey(out, plain)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(kitKeygenDoc{"plugproof/kit-keygen/v1", out, out + ".pub", keyID(k)})
			}
			return a.print(keyID(k) + "\n")
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write the key to `KEY` and KEY.pub")
	cmd.Flags().BoolVar(&plain, "no-passphrase", false, "keep the key unencrypted")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// kitVerifyDoc is the `kit verify --json` document.
type kitVerifyDoc struct {
	Schema   string             `json:"schema"`
	Vendor   string             `json:"vendor"`
	Findings []vendored.Finding `json:"findings"`
}

func newKitVerifyCmd(a *app) *cobra.Command {
	var vendor string
	var trees []string
	cmd := &cobra.Command{
		Use:   "verify --vendor DIR",
		Short: "Check a vendor folder file by file",
		Long: `Check the vendor folder of the module in DIR, file by file, against the module zips whose hashes DIR/go.sum names:
what 'go mod verify' does not do. An edited, added, missing or linked file is a finding. Zips are looked for in
plugproof's cache (plugproof fetch fills it) and in each --modules folder, which has the layout of a module proxy,
like $GOMODCACHE/cache/download.
Exit code: 0 all as go.sum says, 1 a finding, 2 no module or no vendor folder, 3 a zip is not at hand.`,
		Example: "  plugproof kit verify --vendor . --modules ~/go/pkg/mod/cache/download",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if vendor == "" {
				return usagef("name the module's folder: --vendor DIR", "there is nothing to verify")
			}
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
			found, err := vendored.Check(cmd.Context(), a.path(vendor), opt)
			if err != nil {
				return usagef("give --vendor the folder of a module that has a vendor folder", "checking %q: %w", vendor, err)
			}
			return a.showVendored(vendor, found)
		},
	}
	cmd.Flags().StringVar(&vendor, "vendor", "", "check the vendor folder of the module in `DIR`")
	cmd.Flags().StringArrayVar(&trees, "modules", nil, "look for module zips in `DIR`; repeatable")
	return cmd
}

func (a *app) showVendored(dir string, found []vendored.Finding) error {
	if a.json {
		if found == nil {
			found = []vendored.Finding{}
		}
		if err := a.printJSON(kitVerifyDoc{"plugproof/kit-verify/v1", dir, found}); err != nil {
			return err
		}
	} else {
		text := ""
		for _, f := range found {
			text += oneLine(f.String()) + "\n"
		}
		if len(found) == 0 {
			text = "the vendor folder is what go.sum names\n"
		}
		if err := a.print(text); err != nil {
			return err
		}
	}
	code := ExitOK
	for _, f := range found {
		switch {
		case !f.Incomplete():
			return verdict(ExitFinding)
		default:
			code = ExitIncomplete
		}
	}
	return verdict(code)
}
