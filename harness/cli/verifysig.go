package cli

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	xbps "github.com/plugproof/plugproof/images/xbps/sign"
	"github.com/plugproof/plugproof/verify/supply/seal"
)

// verifySigDoc is the `verify-sig --json` document.
type verifySigDoc struct {
	Schema    string      `json:"schema"`
	File      string      `json:"file"`
	Signature string      `json:"signature"`
	Kind      string      `json:"kind"`     // minisign, ssh, rsa
	Claim     *seal.Claim `json:"claim"`    // null where the signature binds none, or does not hold
	Findings  []string    `json:"findings"` // none: it holds, for what was asked
}

// wishes are what the flags of verify-sig ask for.
type wishes struct {
	key, signature, host string
	seal.Wish
}

func newVerifySigCmd(a *app) *cobra.Command {
	var w wishes
	cmd := &cobra.Command{
		Use:   "verify-sig --key PUB FILE",
		Short: "Say whether a signature holds, and for what",
		Long: `Check FILE's signature with a public key: minisign's (FILE.minisig), OpenSSH's (FILE.sig; .pub,
authorized_keys or allowed_signers), or RSA in PEM (FILE.sig2).

A minisign seal also says what the file is. It must be for this file's name, and for the architecture and Go version
that are read from the file itself; --version, --at-least and --host ask for more. A good signature of another file, or
of an old one, is a finding. Other kinds bind the bytes alone: asking them for a version is an error.
Exit code: 0 it holds, 1 it does not, 2 a file cannot be read.`,
		Example: "  plugproof verify-sig --key release.key.pub --at-least v1.4.0 --host gateway greet.so",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := a.verifySig(args[0], w)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(doc)
			} else {
				err = a.print(doc.text())
			}
			if err != nil || len(doc.Findings) == 0 {
				return err
			}
			return verdict(ExitFinding)
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.key, "key", "", "trust the public key in `FILE`")
	f.StringVar(&w.signature, "signature", "", "the signature's `FILE`; default beside FILE")
	f.StringVar(&w.Name, "name", "", "the file's `NAME` in the seal; default FILE's own")
	f.StringVar(&w.Version, "version", "", "exactly this `VERSION`")
	f.StringVar(&w.AtLeast, "at-least", "", "no `VERSION` older than this")
	f.StringVar(&w.host, "host", "", "made for this `HOST`, or for the host of this lock")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func (d verifySigDoc) text() string {
	if len(d.Findings) == 0 {
		if d.Claim == nil {
			return fmt.Sprintf("%s: the %s signature holds\n", oneLine(d.File), d.Kind)
		}
		return fmt.Sprintf("%s: the %s signature holds: %s\n", oneLine(d.File), d.Kind, d.Claim)
	}
	out := ""
	for _, f := range d.Findings {
		out += oneLine(d.File+": "+f) + "\n"
	}
	return out
}

func (a *app) verifySig(name string, w wishes) (verifySigDoc, error) {
	doc := verifySigDoc{Schema: "plugproof/verify-sig/v1", File: name, Findings: []string{}}
	const hint = "give --key a public key of minisign, OpenSSH, or RSA in PEM"
	key, err := a.smallFile(w.key, hint)
	if err != nil {
		return doc, err
	}
	check, err := checker(key)
	if err != nil {
		return doc, usagef(hint, "reading key %q: %w", w.key, err)
	}
	doc.Kind, doc.Signature = check.kind, w.signature
	if doc.Signature == "" {
		doc.Signature = name + check.suffix
	}
	if check.kind != "minisign" && (w.Version != "" || w.AtLeast != "" || w.host != "" || w.Name != "") {
		return doc, usagef("only a minisign seal binds more", "a signature of kind %s binds the bytes alone, not a name, version or host", check.kind)
	}
	if w.host != "" {
		if w.Host, err = a.hostFingerprint(w.host); err != nil {
			return doc, err
		}
	}
	sig, err := a.smallFile(doc.Signature, "give --signature the file")
	if err != nil {
		return doc, err
	}
	path := a.path(name)
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		if err == nil {
			err = fmt.Errorf("%q is no regular file", name)
		}
		return doc, usagef("give the file that was signed", "%w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return doc, usagef("give the file that was signed", "%w", err)
	}
	defer f.Close()
	comment, err := check.check(f, sig)
	if err != nil {
		doc.Findings = append(doc.Findings, err.Error())
		return doc, nil
	}
	if check.kind != "minisign" {
		return doc, nil
	}
	c, err := seal.ParseClaim(comment)
	if err != nil {
		doc.Findings = append(doc.Findings, err.Error())
		return doc, nil
	}
	doc.Claim = &c
	if w.Name == "" {
		w.Name = filepath.Base(path)
	}
	if w.Arch, w.Go, err = builtFor(f); err != nil {
		doc.Findings = append(doc.Findings, "the seal is for a Go plugin or host; "+err.Error())
		return doc, nil
	}
	doc.Findings = append(doc.Findings, c.Differences(w.Wish)...)
	return doc, nil
}

// A check verifies one kind of signature.
type check struct {
	kind, suffix string
	check        func(r io.Reader, sig []byte) (comment string, err error)
}

// checker tells the kinds of public keys apart.
func checker(key []byte) (check, error) {
	if seal.IsMinisignKey(key) {
		k, err := seal.ParseMinisignKey(key)
		return check{"minisign", ".minisig", func(r io.Reader, sig []byte) (string, error) { return seal.CheckMinisign(r, k, sig) }}, err
	}
	if k, err := xbps.ParsePublicKey(key); err == nil {
		return check{"rsa", ".sig2", func(r io.Reader, sig []byte) (string, error) {
			h := sha256.New()
			if _, err := io.Copy(h, r); err != nil {
				return "", err
			}
			if k.Verify([32]byte(h.Sum(nil)), sig) != nil {
				return "", seal.ErrSignature
			}
			return "", nil
		}}, nil
	}
	k, err := seal.ParseSSHKeys(key)
	return check{"ssh", ".sig", func(r io.Reader, sig []byte) (string, error) { return "", seal.CheckSSH(r, k, sig) }}, err
}
