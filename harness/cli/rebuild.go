package cli

import (
	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results"
)

func newRebuildCmd(a *app) *cobra.Command {
	f := verifyFlags{steps: []results.Step{results.Rebuild}}
	cmd := &cobra.Command{
		Use:   "rebuild [PROJECT...]",
		Short: "Rebuild twice and compare, nothing else",
		Long: `Build the host and each plugin of every cell twice, in deliberately different surroundings, and compare: the rebuild
step of verify alone. It is a run like verify's and kept in the same place.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), f, args)
		},
	}
	f.axes.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the run's `DIR`; default results/runs/ID")
	fl.BoolVar(&f.cold, "cold", false, "throw both sides' build caches away first")
	fl.StringVar(&f.junit, "junit", "", "also write the report as JUnit to `FILE`")
	return cmd
}
