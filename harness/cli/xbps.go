package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

func newXbpsCmd(a *app) *cobra.Command {
	return holder("xbps", "Read, check and make Void Linux packages and repositories", `Read, check and make Void Linux (XBPS) packages and repositories. xbps itself checks no signature when
a repository is a directory, which is how a USB stick arrives; 'xbps verify' does.`,
		newXbpsVerifyCmd(a), newXbpsPackCmd(a), newXbpsIndexCmd(a), newXbpsKeygenCmd(a), newXbpsCmpverCmd(a), newXbpsPkgmatchCmd(a))
}

// xbpsVerifyDoc is the `xbps verify --json` document.
type xbpsVerifyDoc struct {
	Schema   string          `json:"schema"`
	Path     string          `json:"path"`
	Findings []audit.Finding `json:"findings"`
}

func newXbpsVerifyCmd(a *app) *cobra.Command {
	var keys, setuid, assume []string
	var since string
	var unsigned bool
	cmd := &cobra.Command{
		Use:   "verify [--key PUB.pem ...] DIR|FILE",
		Short: "Say what is wrong with a repository or a package",
		Long: `Check a repository in a directory, or one package file: signatures against the keys that are given,
hashes, the index against the files, dependencies and libraries, modes and owners, and the ELF
files inside against the package's architecture and libc. One finding per line; exit 1 if there is
one. Without --key nothing is trusted, and that is a finding.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt := audit.Options{AllowUnsigned: unsigned, AllowSetuid: setuid, Assume: assume}
			for _, name := range keys {
				k, err := a.publicKey(name)
				if err != nil {
					return err
				}
				opt.Keys = append(opt.Keys, k)
			}
			if since != "" {
				var err error
				if opt.Since, err = readIndexes(a.path(since)); err != nil {
					return usagef("give --since a directory with the index of before", "%w", err)
				}
			}
			target := a.path(args[0])
			st, err := os.Stat(target)
			if err != nil {
				return usagef("give a directory or a package file", "%w", err)
			}
			run := audit.Package
			if st.IsDir() {
				run = audit.Repository
			}
			findings, err := run(cmd.Context(), target, opt)
			if err != nil {
				return err
			}
			lacks := func(f audit.Finding) bool { return f.Class == audit.MissingLibrary || f.Class == audit.MissingDep }
			if slices.ContainsFunc(findings, lacks) {
				a.note("what the target has already, such as libc.so of musl, --assume NAME says")
			}
			return a.showFindings(args[0], findings)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&keys, "key", nil, "trust the public key in `FILE` (PEM, or xbps's keys/*.plist); repeatable")
	f.BoolVar(&unsigned, "unsigned", false, "a repository without signatures is wanted")
	f.StringArrayVar(&setuid, "allow-setuid", nil, "this `PATH` may be setuid or setgid; repeatable")
	f.StringArrayVar(&assume, "assume", nil, "the target already has the library, package or pkgver `NAME`; repeatable")
	f.StringVar(&since, "since", "", "no version may be older than in the indexes of `DIR`")
	return cmd
}

func (a *app) showFindings(path string, findings []audit.Finding) error {
	if a.json {
		if findings == nil {
			findings = []audit.Finding{}
		}
		if err := a.printJSON(xbpsVerifyDoc{"plugproof/xbps-verify/v1", path, findings}); err != nil {
			return err
		}
	} else {
		var b strings.Builder
		for _, f := range findings {
			b.WriteString(oneLine(f.String()) + "\n")
		}
		if err := a.print(b.String()); err != nil {
			return err
		}
	}
	if len(findings) > 0 {
		return verdict(ExitFinding)
	}
	return nil
}

// publicKey reads a key file that the user named.
func (a *app) publicKey(name string) (*sign.PublicKey, error) {
	const hint = "give --key an RSA public key in PEM"
	data, err := a.smallFile(name, hint)
	if err != nil {
		return nil, err
	}
	k, err := sign.ParsePublicKey(data)
	if err != nil {
		return nil, usagef(hint, "reading %q: %w", name, err)
	}
	return k, nil
}

// readIndexes reads every index of a directory, by architecture.
func readIndexes(dir string) (map[string]*repo.Index, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := map[string]*repo.Index{}
	for _, e := range entries {
		arch, ok := strings.CutSuffix(e.Name(), repo.Suffix)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(dir + "/" + e.Name())
		if err != nil {
			return nil, err
		}
		st, err := f.Stat()
		if err == nil {
			out[arch], err = repo.Read(f, st.Size())
		}
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%q: %w", e.Name(), err)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q has no index", dir)
	}
	return out, nil
}
