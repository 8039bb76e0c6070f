package cli

import (
	"errors"
	"math"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/verify/cause"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

func newDiffCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two ELF files: what differs, how grave it is, and why",
		Long: `Compare two ELF files. The verdict is the least grave class that was shown to be the whole difference:
identical, build-id-only, debug-only, symbol-table, data, code, abi, incomparable. Causes are named
where the two files prove them; otherwise the cause is unknown, with what is known. -v shows every
place and symbol. Exit code: 0 identical, 1 otherwise, 2 if either is unreadable or no ELF file.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := a.diff(args[0], args[1])
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(r)
			} else {
				err = a.print(elfdiff.Text(r, a.verbose))
			}
			if err != nil || r.Identical {
				return err
			}
			return verdict(ExitFinding)
		},
	}
}

// diffMemory is where the garbage collector begins to work harder, in bytes. Two builds of a host of 158 MB fit below it.
const diffMemory = 320 << 20

// diff opens and compares two files. Paths appear in the report as they were given.
func (a *app) diff(nameA, nameB string) (*elfdiff.Report, error) {
	inA, closeA, err := a.openInput(nameA)
	if err != nil {
		return nil, err
	}
	defer closeA()
	inB, closeB, err := a.openInput(nameB)
	if err != nil {
		return nil, err
	}
	defer closeB()
	if debug.SetMemoryLimit(-1) == math.MaxInt64 { // nobody set GOMEMLIMIT
		debug.SetMemoryLimit(diffMemory)
	}
	r, err := elfdiff.Compare(inA, inB)
	var bad *elfdiff.InputError
	switch {
	case errors.As(err, &bad):
		return nil, usagef("give two ELF files: plugins or hosts that were built", "%w", err)
	case err != nil:
		return nil, err
	}
	cause.Annotate(r)
	return r, nil
}

func (a *app) openInput(name string) (elfdiff.Input, func() error, error) {
	const hint = "give two ELF files: plugins or hosts that were built"
	info, err := os.Stat(a.path(name)) // first, for opening a pipe would wait
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(a.path(name))
	}
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	if err != nil {
		return elfdiff.Input{}, nil, usagef(hint, "opening %q: %w", name, err)
	}
	return elfdiff.Input{Path: name, R: f, Size: info.Size()}, f.Close, nil
}
