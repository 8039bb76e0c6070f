package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/gate"
	"github.com/plugproof/plugproof/results/report"
	"github.com/plugproof/plugproof/results/store"
)

const verifySchema = "plugproof/verify/v1"

// verifyDoc is the `verify --json` document.
type verifyDoc struct {
	Schema string        `json:"schema"`
	Dir    string        `json:"dir"` // the run's directory
	Exit   int           `json:"exit"`
	Shard  string        `json:"shard"` // the part of the plan that Gate and Report are about; "" for all of it
	Usage  usage         `json:"usage"`
	Gate   gate.Decision `json:"gate"`
	Report report.Report `json:"report"`

	LeftOut []results.LeftOut `json:"left_out"` // Go's own plugin tests that --testplugin asked for and that are no cells
	Changed string            `json:"changed"`  // what of those tests is not as Go has it
}

// conclude shows a finished run, or the part of it that was this command's, and returns the gate's verdict.
func (a *app) conclude(dir string, c store.Contents, junit string, shard results.Shard, used usage) error {
	if c.Plan != nil && !shard.Whole() {
		own := *c.Plan
		own.Cells = slices.DeleteFunc(slices.Clone(own.Cells), func(p results.PlannedCell) bool { return !shard.Holds(p.ID) })
		if len(own.Cells) == 0 {
			return a.emptyShard(dir, shard, used)
		}
		c.Plan = &own
	}
	r := report.New(c.Plan, c.Records)
	d := gate.Decide(c.Plan, c.Records)
	exit, unwritten := d.Exit, a.writeJUnit(junit, r)
	if unwritten != nil && exit == ExitOK { // a finding stays one
		exit = ExitIncomplete
	}
	if kept := filepath.Join(dir, "failures"); d.Exit != ExitOK {
		if folders, _ := filepath.Glob(filepath.Join(kept, "[0-9a-f]*")); len(folders) > 0 {
			fmt.Fprintf(a.env.Stderr, "plugproof: the files of cells that are not as expected are in %s\n", a.short(kept))
		}
	}
	var err error
	if a.json {
		err = a.printJSON(verifyDoc{Schema: verifySchema, Dir: dir, Exit: exit, Shard: partName(shard), Usage: used, Gate: d, Report: r, LeftOut: r.LeftOut, Changed: r.Changed})
	} else {
		err = r.Text(a.env.Stdout, a.style())
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.env.Stderr, "plugproof: %s\n", used)
	if !shard.Whole() {
		a.note("this was shard %s; what the whole run comes to, merge and gate say", shard)
	}
	if unwritten != nil {
		return &Error{Code: exit, Err: unwritten, Hint: "'plugproof report --format junit' writes it from the records"}
	}
	return verdict(exit)
}

// writeJUnit writes a report to a file, whole or not at all, unless file is "".
func (a *app) writeJUnit(file string, r report.Report) error {
	if file == "" {
		return nil
	}
	text, err := r.JUnit()
	if err != nil {
		return fmt.Errorf("writing JUnit: %w", err)
	}
	if err := os.WriteFile(a.path(file), text, 0o644); err != nil {
		if info, err := os.Lstat(a.path(file)); err == nil && info.Mode().IsRegular() { // half of it says something else
			os.Remove(a.path(file))
		}
		return fmt.Errorf("writing JUnit: %w", err)
	}
	return nil
}

// emptyShard is the end of a shard that no cell fell into: there are more shards than the plan has cells, or nearly so.
func (a *app) emptyShard(dir string, shard results.Shard, used usage) error {
	a.note("no cell of the plan is in shard %s", shard)
	if !a.json {
		return a.print("0 cells\n")
	}
	empty := gate.Decision{Schema: gate.Schema, Verdict: gate.Pass, Findings: []gate.Obstacle{}}
	r := report.New(nil, nil)
	return a.printJSON(verifyDoc{Schema: verifySchema, Dir: dir, Shard: shard.String(), Usage: used, Gate: empty, Report: r, LeftOut: r.LeftOut})
}
