package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// lockDoc is the `abi export --json` document.
type lockDoc struct {
	Schema string         `json:"schema"`
	Host   string         `json:"host"`
	SHA256 results.Digest `json:"sha256"` // of the host
	Lock   string         `json:"lock"`   // the text
}

func newABIExportCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export HOST",
		Short: "Print a host's lock: what plugins must fit, without the host itself",
		Long: `Print a host's lock on stdout: a text with its packages and their fingerprints, the runtime's layout, needed
libraries, C symbols and build information. 'plugproof abi HOST.lock PLUGIN...' gives the same verdicts
as with the host. The same host gives the same bytes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			in, done := abi.OpenInput(a.path(args[0]))
			defer done()
			in.Path = args[0]
			l, err := abi.Export(in)
			if err != nil {
				return hostError(err)
			}
			text := string(l.Text())
			if a.json {
				return a.printJSON(lockDoc{"plugproof/abi-export/v1", args[0], l.Digest, text})
			}
			return a.print(text)
		},
	}
}

// abiHost opens a host, or reads its lock.
func (a *app) abiHost(name string) (abi.Input, func() error, error) {
	in, done := abi.OpenInput(a.path(name))
	in.Path = name
	head := make([]byte, 64)
	if in.R == nil {
		return in, done, nil
	}
	if n, _ := in.R.ReadAt(head, 0); !abi.IsLock(head[:n]) {
		return in, done, nil
	}
	defer done()
	data, err := io.ReadAll(io.LimitReader(io.NewSectionReader(in.R, 0, in.Size), abi.MaxLock+1))
	if err != nil {
		return in, nil, fmt.Errorf("reading %q: %w", name, err)
	}
	l, err := abi.ParseLock(data)
	if err != nil {
		return in, nil, usagef("export the lock again: plugproof abi export HOST", "reading %q: %w", name, err)
	}
	return l.Input(name), func() error { return nil }, nil
}
