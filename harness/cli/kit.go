package cli

import (
	"github.com/spf13/cobra"
)

func newKitCmd(a *app) *cobra.Command {
	return holder("kit", "Make, check and unpack what an offline site is given", `Put all that an offline site needs into one signed file, check it there, and put it to use. The site trusts a public key
that it was given by another way, and nothing else.`,
		newKitKeygenCmd(a), newKitCreateCmd(a), newKitVerifyCmd(a), newKitUnpackCmd(a), newKitServeCmd(a), newKitSyncCmd(a))
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
