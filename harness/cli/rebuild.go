package cli

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// varying are the flags that say what differs between the sides.
type varying struct {
	vary choice
	seed uint64
}

// choice is the text of --vary. An empty one that was given is not the same as none.
type choice string

func (c *choice) String() string { return string(*c) }
func (c *choice) Type() string   { return "CHOICE" }
func (c *choice) Set(text string) error {
	if *c = choice(text); text == "" {
		*c = " "
	}
	return nil
}

// defaultSeed is the seed of a search for which none is given: equal runs make equal searches.
const defaultSeed = 1

func (v *varying) register(fl *pflag.FlagSet) {
	fl.Var(&v.vary, "vary", "what differs on side b: `+NAME,-NAME,@NAME,NAME=VALUE`, all and default among the names; see 'plugproof help variations'")
	fl.Uint64Var(&v.seed, "seed", defaultSeed, "decides the order of the search for what makes a difference")
}

// variations reads the choice of a request.
func (r request) variations() (vary.Set, error) {
	if r.Vary == "" {
		return vary.Default(), nil
	}
	on, err := vary.Parse(r.Vary)
	var e *vary.Error
	if errors.As(err, &e) {
		return on, usagef(e.Hint(), "%w", err)
	}
	return on, err
}

func newRebuildCmd(a *app) *cobra.Command {
	f := verifyFlags{steps: []results.Step{results.Rebuild}, inquire: true}
	var fixFile string
	cmd := &cobra.Command{
		Use:   "rebuild [PROJECT...]",
		Short: "Rebuild twice and compare, and find out why twins differ",
		Long: `Build the host and each plugin of every cell twice, in deliberately different surroundings, and compare: the
rebuild step of verify alone. It is a run like verify's and kept in the same place.

Where twins differ, further builds find a minimal set of variations that makes the difference, set inputs of side b
back to side a's until the raw hashes meet, and try the known fixes on one more pair: what is printed as a fix came
out equal in this run. --vary chooses what differs; equal runs with equal --seed make equal searches.

--against compares side a with what was shipped, a file or a digest, and looks for the settings that give these
bytes. Where there are several plugins, PLUGIN=FILE or host=FILE says whose it is.`,
		Example: "  plugproof rebuild --vary +all,-cold\n  plugproof rebuild --fix-file fix.toml\n  plugproof rebuild --against dist/greet.so\n  plugproof rebuild --against ./plugins/greet=sha256:...",
		RunE: func(cmd *cobra.Command, args []string) error {
			f.after = func(c store.Contents, all []plan.Cell) error {
				if err := a.details(c); err != nil || fixFile == "" {
					return err
				}
				return a.writeFix(fixFile, c, all)
			}
			return a.verify(cmd.Context(), f, args)
		},
	}
	f.axes.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the run's `DIR`; default results/runs/ID")
	fl.BoolVar(&f.cold, "cold", false, "throw both sides' build caches away first")
	fl.StringVar(&f.keep, "keep", "", "keep what was built, of cells that are as expected, in `DIR`/CELL")
	fl.StringVar(&f.junit, "junit", "", "also write the report as JUnit to `FILE`")
	f.varying.register(fl)
	fl.StringArrayVar(&f.against, "against", nil, "compare with what was shipped: `[PLUGIN=]FILE|sha256:...`; may be repeated")
	fl.StringVar(&fixFile, "fix-file", "", "write to `FILE` the tables of plugproof.toml with which pairs came out equal, to take the place of those of the same name")
	return cmd
}
