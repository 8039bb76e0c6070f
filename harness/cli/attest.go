package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/images/xbps/publish"
	"github.com/plugproof/plugproof/verify/attest"
)

// attestDoc is the `attest --json` document.
type attestDoc struct {
	Schema   string           `json:"schema"`
	File     string           `json:"file"`
	Run      string           `json:"run"`
	Result   attest.Result    `json:"result"`
	Scope    attest.Scope     `json:"scope"`
	Key      string           `json:"key"` // its id: 16 hexadecimal digits
	Subjects []attest.Subject `json:"subjects"`
}

func newAttestCmd(a *app) *cobra.Command {
	var key, out string
	cmd := &cobra.Command{
		Use:   "attest [RUN] --key KEY --out FILE",
		Short: "Sign a statement of what a run found",
		Long: `Write a signed statement of a run, PASS or FAIL: an in-toto Statement in a DSSE envelope. It names every file that was
built or looked at by its SHA-256, both twins of each host and plugin among them, and holds the plan and all records:
verdicts, causes, and the digests of sources, Go, C toolchain, libc, kernel and image. A run of which evidence is
missing is stated as nothing (exit 3). RUN is an id or a directory; the last run when omitted.

The key is minisign's, as 'plugproof kit keygen' makes it; its passphrase comes from ` + passphraseVar + ` or the
terminal. 'plugproof attest verify' checks a statement, and rebuilds what it is about.
Exit code: 0 the statement was written, whatever it says, 2 usage, 3 the run is incomplete.`,
		Example: "  plugproof verify && plugproof attest --key release.key --out run.intoto.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := a.attest(optional(args), key, out)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(doc)
			}
			return a.print(fmt.Sprintf("%s: %s, %s, signed by %s\n", oneLine(out), doc.Result, scopeText(doc.Scope), doc.Key))
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "sign with the minisign private key in `FILE`")
	cmd.Flags().StringVar(&out, "out", "", "write the statement to `FILE`")
	_ = cmd.MarkFlagRequired("key")
	_ = cmd.MarkFlagRequired("out")
	cmd.AddCommand(newAttestVerifyCmd(a))
	return cmd
}

func (a *app) attest(run, key, out string) (attestDoc, error) {
	doc := attestDoc{Schema: "plugproof/attest/v1", File: out}
	if err := a.mayState(out); err != nil {
		return doc, err
	}
	private, err := a.minisignKey(key)
	if err != nil {
		return doc, err
	}
	_, c, err := a.readRun(run)
	if err != nil {
		return doc, err
	}
	s, err := attest.New(c.Plan, c.Records)
	if err != nil {
		return doc, incompletef("'plugproof gate' says what is missing", "nothing can be stated of this run: %w", err)
	}
	payload, err := s.Encode()
	if err != nil {
		return doc, err
	}
	if _, err := attest.Parse(payload); err != nil { // what would be refused is not written
		return doc, incompletef("run it again", "nothing can be stated of this run: %w", err)
	}
	data, err := attest.Sign(payload, private)
	if err != nil {
		return doc, err
	}
	doc.Run, doc.Result, doc.Subjects, doc.Key = s.Plan.Run, s.Result, s.Subjects, fmt.Sprintf("%016X", private.ID())
	doc.Scope = s.Scope()
	return doc, publish.Replace(a.path(out), data)
}

// mayState refuses to write over anything but an older statement.
func (a *app) mayState(out string) error {
	const hint = "give --out a new name, or that of a statement to replace"
	if out == "" {
		return usagef(hint, "--out is empty")
	}
	path := a.path(out)
	if st, err := os.Stat(filepath.Dir(path)); err != nil || !st.IsDir() {
		return usagef(hint, "there is no folder %q", filepath.Dir(path))
	}
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q is no regular file", out)
	}
	if err != nil {
		return usagef(hint, "%w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return usagef(hint, "%w", err)
	}
	defer f.Close()
	head := make([]byte, len(statementHead))
	if n, err := io.ReadFull(f, head); err != nil || string(head[:n]) != statementHead {
		return usagef(hint, "%q is there, and is no statement", out)
	}
	return nil
}

// statementHead is how a statement's file begins.
const statementHead = `{"payload":"`
