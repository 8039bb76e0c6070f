package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results/gate"
)

func newGateCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "gate [RUN]",
		Short: "Decide whether a run passes",
		Long: `Hold a run's records against its plan. Exit 0 if every planned step is as expected, 1 if there is
a finding, 3 if evidence is missing. RUN is an id under results/runs or a directory; the last run
when omitted.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, c, err := a.readRun(optional(args))
			if err != nil {
				return err
			}
			d := gate.Decide(c.Plan, c.Records)
			if a.json {
				err = a.printJSON(d)
			} else {
				err = a.print(gateText(d))
			}
			if err != nil {
				return err
			}
			return verdict(d.Exit)
		},
	}
}

// gateText is a line for each obstacle and one for the decision.
func gateText(d gate.Decision) string {
	var b strings.Builder
	for _, f := range d.Findings {
		line := string(f.Kind)
		if f.Cell != "" {
			line += " " + f.Cell + " " + string(f.Step)
		}
		if f.Text != "" {
			line += ": " + f.Text
		} else if f.Kind == gate.Fail {
			line += fmt.Sprintf(": expected %s, got %s", f.Expected, f.Got)
		}
		b.WriteString(oneLine(line) + "\n")
	}
	fmt.Fprintf(&b, "%s: %d of %d steps as expected\n", d.Verdict, d.Passed, d.Planned)
	return b.String()
}
