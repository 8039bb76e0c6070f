package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// groups are the headings of the help, each with the commands beneath it, in the order of the help. A command that is not
// built is not here.
var groups = []struct {
	title string
	verbs []func(*app) *cobra.Command
}{
	{"The main job:", []func(*app) *cobra.Command{newVerifyCmd, newRebuildCmd, newLoadCmd, newPlanCmd, newFetchCmd, newInitCmd}},
	{"In a machine:", []func(*app) *cobra.Command{newExecCmd, newShellCmd, newScriptCmd}},
	{"Looking at files:", []func(*app) *cobra.Command{newABICmd, newDiffCmd, newPolicyCmd, newExplainCmd}},
	{"Runs:", []func(*app) *cobra.Command{newReportCmd, newGateCmd, newMergeCmd, newCompareCmd, newAttestCmd}},
	{"Supply:", []func(*app) *cobra.Command{newKitCmd, newSignCmd, newVerifySigCmd, newXbpsCmd, newImageCmd}},
	{"Housekeeping:", []func(*app) *cobra.Command{newDoctorCmd, newCacheCmd, newVersionCmd, newCompletionCmd}},
}

func init() { cobra.EnableCommandSorting = false } // the order of groups, which cobra asks for only globally

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "plugproof",
		Short: "Prove that a Go plugin rebuilds to the same bytes and will load",
		Long: "plugproof proves, before it ships, that a Go plugin rebuilds to the same bytes and that plugin.Open\n" +
			"will take it on the machine it is bound for; when it does not, it names the cause.",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Version:           readVersion().Version,
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.enter() },
	}
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("run 'plugproof help' for the commands", "no command given")
		}
		return unknownCommand(cmd, args[0])
	}
	root.SetVersionTemplate("plugproof {{.Version}}\n")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON document")
	root.PersistentFlags().StringVarP(&a.dir, "directory", "C", a.dir, "work in `DIR`")
	root.PersistentFlags().Lookup("directory").DefValue = "" // the help is the same everywhere
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on stderr")
	root.SetHelpCommand(newHelpCmd())
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, newCmd := range g.verbs {
			cmd := newCmd(a)
			cmd.GroupID = g.title
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID(groups[len(groups)-1].title)
	root.AddCommand(topics()...)
	return root
}

func unknownCommand(root *cobra.Command, name string) error {
	hint := "run 'plugproof help' for the commands"
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef(hint, "unknown command %q", name)
}

// newHelpCmd replaces cobra's, which exits 0 for topics that do not exist.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command or a topic",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 || found == nil {
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// topics are pages of help that are no commands.
func topics() []*cobra.Command {
	page := func(name, short, long string) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Long: long}
	}
	return []*cobra.Command{
		page("exit-codes", "What the exit codes mean", fmt.Sprintf(`%d    all as expected
%d    a finding: not reproducible, will not load, or not as expected in another way
%d    usage or configuration
%d    incomplete or infrastructure: a step left no record, QEMU is missing, something timed out
%d  interrupted

%[2]d beats %[4]d when both occur. Missing evidence is never %[1]d.`, ExitOK, ExitFinding, ExitUsage, ExitIncomplete, ExitInterrupted)),
		page("config", "What plugproof.toml holds", configPage),
		page("policy-rules", "What [policy] in plugproof.toml holds", policyPage),
		page("variations", "What differs between the sides of a twin build", variationsPage()),
		page("environment", "Which environment variables matter", `PLUGPROOF_CACHE   where everything cached lies; default $XDG_CACHE_HOME/plugproof, else $HOME/.cache/plugproof
NO_COLOR          set to anything: no colour on a terminal
TERM              "dumb": no colour either
COLUMNS           how wide tables may be, where the terminal does not say

`+shardHelp()),
	}
}
