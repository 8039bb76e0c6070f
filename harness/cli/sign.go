package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/images/xbps/publish"
	"github.com/plugproof/plugproof/verify/abi"
	"github.com/plugproof/plugproof/verify/goelf"
	"github.com/plugproof/plugproof/verify/supply/seal"
)

// signDoc is the `sign --json` document.
type signDoc struct {
	Schema     string       `json:"schema"`
	Signatures []signResult `json:"signatures"`
}

type signResult struct {
	File      string      `json:"file"`
	Signature string      `json:"signature"` // the file that was written
	Claim     *seal.Claim `json:"claim"`     // null where the kind of signature binds none
}

func newSignCmd(a *app) *cobra.Command {
	var key, version, host string
	cmd := &cobra.Command{
		Use:   "sign --key KEY FILE...",
		Short: "Sign plugins so that the signature says what they are",
		Long: `Sign files. The kind of signature follows from the key:

  minisign   FILE.minisig   the signed comment binds name, version, architecture, Go version and, with --host,
                            the fingerprint of the host that the plugin was made for
  OpenSSH    FILE.sig       as "ssh-keygen -Y sign -n ` + seal.Namespace + `"; binds the bytes alone
  RSA (PEM)  FILE.sig2      raw RSA-SHA256, as openssl and xbps make it; binds the bytes alone

An encrypted key's passphrase comes from ` + passphraseVar + ` or the terminal. 'plugproof kit keygen' makes a minisign
key. A host checks and loads without a window in between by the Go package verify/sealed.`,
		Example: "  plugproof sign --key release.key --version v1.4.0 --host gateway.lock greet.so",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := a.signer(key)
			if err != nil {
				return err
			}
			if !s.claims && (version != "" || host != "") {
				return usagef("use a minisign key: 'plugproof kit keygen' makes one", "this kind of signature binds the bytes alone, not --version or --host")
			}
			fingerprint := ""
			if host != "" {
				if fingerprint, err = a.hostFingerprint(host); err != nil {
					return err
				}
			}
			doc := signDoc{Schema: "plugproof/sign/v1"}
			for _, name := range args {
				r, err := a.sign(s, name, seal.Claim{Version: version, Host: fingerprint})
				if err != nil {
					return err
				}
				doc.Signatures = append(doc.Signatures, r)
			}
			if a.json {
				return a.printJSON(doc)
			}
			text := ""
			for _, r := range doc.Signatures {
				text += oneLine(r.Signature)
				if r.Claim != nil {
					text += "  " + r.Claim.String()
				}
				text += "\n"
			}
			return a.print(text)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "sign with the private key in `FILE`")
	cmd.Flags().StringVar(&version, "version", "", "the plugin's `VERSION`; a semantic version can be compared later")
	cmd.Flags().StringVar(&host, "host", "", "the `HOST`, or its lock, that the plugin was made for")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

// sign writes one signature beside its file. Architecture and Go version are read from the file.
func (a *app) sign(s signer, name string, c seal.Claim) (signResult, error) {
	const hint = "give files that were built"
	path := a.path(name)
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		if err == nil {
			err = fmt.Errorf("%q is no regular file", name)
		}
		return signResult{}, usagef(hint, "%w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return signResult{}, usagef(hint, "%w", err)
	}
	defer f.Close()
	r := signResult{File: name, Signature: name + s.suffix}
	if s.claims {
		c.Name = filepath.Base(path)
		if c.Arch, c.Go, err = builtFor(f); err != nil {
			return r, usagef("a seal binds the architecture and the Go version: give a Go plugin or host", "%q: %w", name, err)
		}
		if err := c.Valid(); err != nil {
			return r, usagef("", "%w", err)
		}
		r.Claim = &c
	}
	sig, err := s.sign(f, c)
	if err != nil {
		return r, fmt.Errorf("signing %q: %w", name, err)
	}
	if err := publish.Replace(a.path(r.Signature), sig); err != nil {
		return r, err
	}
	return r, nil
}

// builtFor reads GOARCH and the Go version that a file was built for and with.
func builtFor(f *os.File) (arch, version string, err error) {
	st, err := f.Stat()
	if err != nil {
		return "", "", err
	}
	e, err := goelf.Open(f, st.Size())
	if err != nil {
		return "", "", err
	}
	info, err := e.BuildInfo()
	if err != nil {
		return "", "", err
	}
	for _, s := range info.Settings {
		if s.Key == "GOARCH" {
			arch = s.Value
		}
	}
	version, _, _ = strings.Cut(info.GoVersion, " ") // "go1.26.8 X:loopvar" names experiments, too
	if arch == "" || version == "" {
		return "", "", errors.New("its build information lacks GOARCH or the Go version")
	}
	return arch, version, nil
}

// hostFingerprint is the fingerprint of a host or of its lock.
func (a *app) hostFingerprint(name string) (string, error) {
	in, done := abi.OpenInput(a.path(name))
	defer done()
	in.Path = name
	if in.R != nil && in.Size <= abi.MaxLock {
		data, err := io.ReadAll(io.NewSectionReader(in.R, 0, in.Size))
		if err != nil {
			return "", fmt.Errorf("reading %q: %w", name, err)
		}
		if abi.IsLock(data) {
			l, err := abi.ParseLock(data)
			if err != nil {
				return "", usagef("export the lock again: plugproof abi export HOST", "reading %q: %w", name, err)
			}
			return string(l.Fingerprint()), nil
		}
	}
	l, err := abi.Export(in)
	if err != nil {
		return "", hostError(err)
	}
	return string(l.Fingerprint()), nil
}
