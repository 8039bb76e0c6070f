package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results/compare"
	"github.com/plugproof/plugproof/results/store"
	"github.com/plugproof/plugproof/verify/abi"
)

func newCompareCmd(a *app) *cobra.Command {
	var opt compare.Options
	cmd := &cobra.Command{
		Use:   "compare RUN RUN",
		Short: "Say what changed between two runs, such as two toolchains",
		Long: `Say what changed from one run to another: verdicts, what became of loads, causes, the layout of Go's module data,
sizes, and which packages have another fingerprint. Nothing is built or run again. Cells that differ in nothing but
their Go are held against each other: the Gos that only one of the runs has, in the order of their versions; or
those that --from and --to name, which may also be in one run. RUN is an id under results/runs or a directory.
Exit 1 if a verdict, an outcome or a cause changed, or a cell has no counterpart; 3 if that is not known of a step, for
a run has no record of it or an error, or is damaged; else 0.`,
		Example: "  plugproof compare run-of-1.25 run-of-1.26\n  plugproof compare --from go1.26.8 --to tip RUN RUN",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var sides [2]compare.Side
			for i, arg := range args {
				dir, c, err := a.readRun(arg)
				if err != nil {
					return err
				}
				if c.Plan == nil {
					return incompletef("compare needs the plan of both runs", "run %q has no plan", arg)
				}
				sides[i] = compare.Side{Plan: *c.Plan, Records: c.Records}
				if sides[i].Shapes, err = store.Shapes(dir); err != nil {
					return incompletef("a damaged run cannot be compared; run it again", "%w", err)
				}
			}
			opt.Standard = func(pkg, version string) bool { return abi.IsStandard(pkg, strings.TrimPrefix(version, "devel ")) }
			doc := compare.Runs(sides[0], sides[1], opt)
			if doc.Pairs == 0 {
				return usagef("compare runs of the same projects and architectures; --from and --to name their Gos", "no cell of %q has a counterpart in %q", args[0], args[1])
			}
			var err error
			if a.json {
				err = a.printJSON(doc)
			} else {
				err = a.print(doc.Text())
			}
			switch {
			case err != nil:
				return err
			case doc.Changed():
				return exitCode(ExitFinding)
			case doc.Unknown > 0:
				return exitCode(ExitIncomplete)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&opt.From, "from", "", "of the first run, only cells of this `GO`")
	cmd.Flags().StringVar(&opt.To, "to", "", "of the second run, only cells of this `GO`")
	return cmd
}
