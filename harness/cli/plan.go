package cli

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
)

func newPlanCmd(a *app) *cobra.Command {
	var x axes
	var images []string
	var which shardFlag
	cmd := &cobra.Command{
		Use:   "plan [PROJECT...]",
		Short: "Print the cells that verify would run",
		Long: `Print the cells that verify would run, with what is expected of each host and plugin, and run nothing.
PROJECT is a directory with a plugproof.toml, a .txtar file or fixture:NAME; the current directory when omitted.
--json prints the plan.json of a run. With --shard it is the cells of that part.`,
		RunE: func(_ *cobra.Command, args []string) error {
			req := request{Projects: args, Go: x.goSpecs, Arch: x.arch, Libc: x.libc, Pairs: x.pairs, Images: images}
			all, err := a.cellsOf(req)
			if err != nil {
				return err
			}
			a.noteIdle(all, req)
			shard, err := a.shard(which)
			if err != nil {
				return err
			}
			own := part(all, shard)
			if a.json {
				return a.printJSON(plan.ToPlan("", tool(), 0, own))
			}
			text := planText(own)
			if !shard.Whole() {
				text += fmt.Sprintf("shard %s of %s\n", shard, plural(len(all), "cell"))
			}
			return a.print(text)
		},
	}
	x.register(cmd)
	cmd.Flags().Var(&which, "shard", "print only the cells of `PART` i/n, or auto: the part that the CI system gives this job")
	imageFlag(cmd.Flags(), &images)
	return cmd
}

// planText is a line for each host and plugin of each cell.
func planText(all []plan.Cell) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CELL\tPROJECT\tARCH\tSUBJECT\tGO\tREBUILD\tLOAD")
	for _, c := range all {
		row := func(j plan.Job, load string) {
			fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\n", c.ID().Short(), c.Cell.Project, c.Arch, c.Level, j.Subject,
				cmp.Or(j.Go.Name, plan.Shipped), cmp.Or(j.Rebuild, "-"), load)
		}
		row(c.HostJob, "-")
		for _, pl := range c.Plugins {
			row(pl.Job, pl.Expected)
		}
	}
	w.Flush()
	fmt.Fprintf(&b, "%s\n", plural(len(all), "cell"))
	return b.String()
}

// noteIdle says which rules of the projects can fit no cell.
func (a *app) noteIdle(all []plan.Cell, req request) {
	said := map[*plan.Project]bool{}
	for _, c := range all {
		if said[c.Project] {
			continue
		}
		said[c.Project] = true
		for _, text := range plan.Idle(c.Project, plan.Selection{DefaultGo: defaultGo, Go: req.Go, Arch: req.Arch, Libc: req.Libc}) {
			a.note("%s", text)
		}
	}
}
