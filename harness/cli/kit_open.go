package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/verify/supply/kit"
	"github.com/plugproof/plugproof/verify/supply/seal"
)

// openKit opens a kit whose manifest the key signed. A kit that is refused is a finding; a file that cannot be read is not.
func (a *app) openKit(name string, key minisign.PublicKey) (*kit.Kit, func() error, error) {
	const hint = "give a kit that 'plugproof kit create' wrote"
	path := a.path(name)
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q is no regular file", name)
	}
	if err != nil {
		return nil, nil, usagef(hint, "%w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, usagef(hint, "%w", err)
	}
	k, err := kit.Open(f, st.Size(), key)
	if err != nil {
		f.Close()
		return nil, nil, kitError(name, err)
	}
	return k, f.Close, nil
}

// kitError tells refusals from failures of this machine.
func kitError(name string, err error) error {
	for _, refusal := range []error{kit.ErrFormat, kit.ErrSignature, kit.ErrPart, kit.ErrOld, kit.ErrBase} {
		if errors.Is(err, refusal) {
			hint := "use nothing of it; get it again from whom you trust"
			switch refusal {
			case kit.ErrBase:
				hint = "unpack the kit that it follows first, into the same folder"
			case kit.ErrOld:
				hint = "a kit that was taken is not followed by an older one"
			}
			return &Error{Code: ExitFinding, Err: fmt.Errorf("kit %q is refused: %w", name, err), Hint: hint}
		}
	}
	return fmt.Errorf("kit %q: %w", name, err)
}

// minisignPublic reads a public key file.
func (a *app) minisignPublic(name string) (minisign.PublicKey, error) {
	const hint = "give --key the minisign public key that you were given by another way than the kit"
	data, err := a.smallFile(name, hint)
	if err != nil {
		return minisign.PublicKey{}, err
	}
	k, err := seal.ParseMinisignKey(data)
	if err != nil {
		return k, usagef(hint, "reading key %q: %w", name, err)
	}
	return k, nil
}

func newKitUnpackCmd(a *app) *cobra.Command {
	var key, into string
	cmd := &cobra.Command{
		Use:   "unpack FILE.kit --key PUB",
		Short: "Verify a kit and put it to use",
		Long: `Verify a kit as 'kit verify' does and unpack it, by default into plugproof's cache, which 'plugproof verify' then uses
without a network. Nothing is written if anything is wrong. A kit with a lower serial than one of its name that was
unpacked there before is refused, and so is one that leaves out parts that are not there.
Projects lie in projects/ below the directory, records to compare with in expected/.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := a.minisignPublic(key)
			if err != nil {
				return err
			}
			dir := a.path(into)
			if into == "" {
				if dir, err = a.openCache(); err != nil {
					return err
				}
			}
			k, done, err := a.openKit(args[0], public)
			if err != nil {
				return err
			}
			defer done()
			bar := a.bytesBar(k.Size())
			err = k.Verify(cmd.Context(), bar.add)
			bar.end()
			if err != nil {
				return kitError(args[0], err)
			}
			if err := a.checkProofs(cmd.Context(), args[0], k, dir); err != nil {
				return err
			}
			if err := k.Unpack(cmd.Context(), dir); err != nil {
				return kitError(args[0], err)
			}
			gos, err := supply.UnpackToolchains(cmd.Context(), dir)
			if err != nil {
				return err
			}
			for _, g := range gos {
				a.note("unpacked %s", g)
			}
			tools, err := supply.UnpackTools(cmd.Context(), dir)
			if err != nil {
				return err
			}
			if tools > 0 {
				a.note("unpacked %d packages into %s", tools, supply.ToolRoot)
			}
			doc := describeKit("plugproof/kit-unpack/v1", args[0], k.Length(), k.Manifest)
			dir = filepath.Clean(dir)
			doc.Into = &dir
			if a.json {
				return a.printJSON(doc)
			}
			return a.print(doc.text())
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "trust the minisign public key in `FILE`")
	cmd.Flags().StringVar(&into, "into", "", "unpack to `DIR`; default plugproof's cache")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}
