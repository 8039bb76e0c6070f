package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/verify/cause"
)

// explainDoc is the `explain --json` document.
type explainDoc struct {
	Schema  string              `json:"schema"`
	Entries []cause.Explanation `json:"entries"`
}

func newExplainCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CAUSE|VERDICT|F21]",
		Short: "Say what a cause, a verdict or a failure means and what to do",
		Long: `Say what a cause id, a verdict of diff or abi, a word of theirs (drift, undecided), a failure of plugin.Open
(F1 to F27), or a kind of finding of plugproof policy means, how it comes about, and what to do.
Without an argument, list them all.`,
		Example: "  plugproof explain embedded-time\n  plugproof explain abort\n  plugproof explain F21",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return explained(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			entries := cause.Explanations()
			if len(args) == 1 {
				if entries = cause.Explain(args[0]); len(entries) == 0 {
					hint := "run 'plugproof explain' for the list"
					if near := plan.Nearest(args[0], explained()); near != "" {
						hint = "did you mean " + near + "?"
					}
					return usagef(hint, "nothing is called %q", args[0])
				}
			}
			if a.json {
				return a.printJSON(explainDoc{cause.Schema, entries})
			}
			var b strings.Builder
			for _, e := range entries {
				if len(args) == 1 {
					b.WriteString(e.Text())
				} else {
					b.WriteString(e.ID + " (" + e.Kind + "): " + e.Meaning + "\n")
				}
			}
			return a.print(b.String())
		},
	}
}

// explained is what can be asked for.
func explained() []string {
	var ids []string
	for _, e := range cause.Explanations() {
		ids = append(ids, e.ID)
	}
	return ids
}
