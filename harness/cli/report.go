package cli

import (
	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results/report"
)

func newReportCmd(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "report [RUN]",
		Short: "Show a run: a table, JSON or JUnit",
		Long: `Show a run from its records; nothing is built or run again. RUN is an id under results/runs or a
directory; the last run when omitted. Steps that left no record are shown as missing. The exit
code does not depend on what is shown: that is gate's.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.json {
				if cmd.Flags().Changed("format") && format != "json" {
					return usagef("drop one of them", "--json contradicts --format %s", format)
				}
				format = "json"
			}
			if format != "text" && format != "json" && format != "junit" {
				return usagef("formats are text, json and junit", "unknown format %q", format)
			}
			_, c, err := a.readRun(optional(args))
			if err != nil {
				return err
			}
			return a.printReport(report.New(c.Plan, c.Records), format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`FORMAT`: text, json or junit")
	return cmd
}

// printReport writes a report to stdout in a format that report takes.
func (a *app) printReport(r report.Report, format string) error {
	render := r.JSON
	switch format {
	case "text":
		return r.Text(a.env.Stdout, a.style())
	case "junit":
		render = r.JUnit
	}
	b, err := render()
	if err != nil {
		return err
	}
	return a.print(string(b))
}
