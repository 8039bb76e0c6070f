package cli

import (
	"bytes"

	"github.com/spf13/cobra"
)

// completionDoc is the `completion --json` document.
type completionDoc struct {
	Schema string `json:"schema"`
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

func newCompletionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a completion script for a shell",
		Long: `Print a completion script for a shell. To load it:

  bash   source <(plugproof completion bash)
  zsh    plugproof completion zsh > "${fpath[1]}/_plugproof"
  fish   plugproof completion fish > ~/.config/fish/completions/plugproof.fish`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			var b bytes.Buffer
			var err error
			switch root := cmd.Root(); args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&b, true)
			case "zsh":
				err = root.GenZshCompletion(&b)
			case "fish":
				err = root.GenFishCompletion(&b, true)
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(completionDoc{"plugproof/completion/v1", args[0], b.String()})
			}
			return a.print(b.String())
		},
	}
}
