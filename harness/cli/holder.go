package cli

import "github.com/spf13/cobra"

// holder is a command that only holds others.
func holder(name, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			hint := "run 'plugproof help " + name + "' for its commands"
			if len(args) == 0 {
				return usagef(hint, "%s needs a command", name)
			}
			return usagef(hint, "unknown command %q", name+" "+args[0])
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}
