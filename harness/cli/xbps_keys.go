package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/plugproof/plugproof/images/xbps/publish"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// passphraseVar is xbps-rindex's own.
const passphraseVar = "XBPS_PASSPHRASE"

func newXbpsKeygenCmd(a *app) *cobra.Command {
	var bits int
	var plain bool
	cmd := &cobra.Command{
		Use:   "keygen KEY.pem",
		Short: "Make a key that signs a repository",
		Long: `Make an RSA key in KEY.pem (mode 0600, never overwritten) and its public half in KEY.pub.pem. The
passphrase is read from ` + passphraseVar + ` or asked for on the terminal; --no-passphrase goes without.
Prints the fingerprint by which xbps names the key.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var pass []byte
			if !plain {
				var err error
				if pass, err = a.passphrase("passphrase for the new key: "); err != nil {
					return err
				}
				if len(pass) == 0 {
					return usagef("say --no-passphrase to go without", "the passphrase is empty")
				}
			}
			path := a.path(args[0])
			public := strings.TrimSuffix(path, ".pem") + ".pub.pem"
			if _, err := os.Lstat(public); err == nil {
				return usagef("a key is never overwritten: give a new name", "%q is there already", public)
			}
			k, err := sign.Generate(rand.Reader, bits)
			if err != nil {
				return usagef("", "%w", err)
			}
			if err := k.WriteFile(path, pass, rand.Reader); err != nil {
				return usagef("a key is never overwritten: give a new name", "%w", err)
			}
			if err := publish.Replace(public, k.Public().PEM()); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"schema": "plugproof/xbps-keygen/v1", "key": path, "public": public, "fingerprint": k.Public().Fingerprint(), "bits": bits})
			}
			return a.print(k.Public().Fingerprint() + "\n")
		},
	}
	cmd.Flags().IntVar(&bits, "bits", 4096, "size of the key")
	cmd.Flags().BoolVar(&plain, "no-passphrase", false, "keep the key unencrypted")
	return cmd
}

// privateKey reads a key, and its passphrase only if it has one.
func (a *app) privateKey(name string) (*sign.PrivateKey, error) {
	path := a.path(name)
	k, err := sign.ReadFile(path, []byte(a.getenv(passphraseVar)))
	if errors.Is(err, sign.ErrPassphrase) && a.getenv(passphraseVar) == "" {
		var pass []byte
		if pass, err = a.passphrase("passphrase of " + name + ": "); err != nil {
			return nil, err
		}
		k, err = sign.ReadFile(path, pass)
	}
	if err != nil {
		return nil, usagef("", "%w", err)
	}
	return k, nil
}

// passphrase comes from the environment, else from the terminal with echo off. Without either it is an error, never a wait.
func (a *app) passphrase(prompt string) ([]byte, error) {
	if s := a.getenv(passphraseVar); s != "" {
		return []byte(s), nil
	}
	hint := "set " + passphraseVar + ", or run in a terminal"
	f, ok := a.env.Stdin.(*os.File)
	if !ok {
		return nil, usagef(hint, "a passphrase is needed")
	}
	fd := int(f.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, usagef(hint, "a passphrase is needed")
	}
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return nil, usagef(hint, "the terminal does not hide a passphrase: %w", err)
	}
	defer func() {
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, old)
		fmt.Fprintln(a.env.Stderr)
	}()
	fmt.Fprint(a.env.Stderr, "plugproof: "+prompt)
	var line []byte
	one := make([]byte, 1)
	for len(line) < 1024 {
		n, err := f.Read(one)
		if n == 0 || err != nil && err != io.EOF || one[0] == '\n' {
			break
		}
		line = append(line, one[0])
	}
	return line, nil
}
