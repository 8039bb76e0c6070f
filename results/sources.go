package results

import (
	"fmt"
	"strings"
)

// GoTestPrefix begins the project name of a cell that is one of Go's own plugin tests: "testplugin:TestRunHost". Each Go has sources of its own
// for them.
const GoTestPrefix = "testplugin:"

// sourceOf is what has one set of sources in a run: a project, or the tests of one Go.
func sourceOf(c Cell) string {
	if strings.HasPrefix(c.Project, GoTestPrefix) {
		return c.Project + " " + c.HostGo + " " + c.PluginGo
	}
	return c.Project
}

// oneSource notes a conflict at the first step of each set of sources but a project's first: records of one run, such as those of
// its shards, speak of one project only if they were made from the same files.
func oneSource(outcomes []Outcome, byKey map[Key][]Record) {
	type sight struct {
		digest Digest
		cell   Cell
	}
	first, seen := map[string]sight{}, map[string]bool{}
	for i := range outcomes {
		o := &outcomes[i]
		for _, r := range byKey[o.Key] { // which are sorted: the order in which they came decides nothing
			d, name := r.Inputs.Sources, sourceOf(r.Cell)
			if d == "" || r.State() == Inconclusive || seen[name+"\x00"+string(d)] {
				continue
			}
			seen[name+"\x00"+string(d)] = true
			was, ok := first[name]
			if !ok {
				first[name] = sight{d, r.Cell}
				continue
			}
			text := fmt.Sprintf("the project had other files here than in another cell: its sources are %s in %s and %s in %s", was.digest.Short(), was.cell, d.Short(), r.Cell)
			if was.cell.ID() == r.CellID {
				text = fmt.Sprintf("it was made from other sources than an earlier step or attempt: %s and %s", was.digest.Short(), d.Short())
			}
			if o.Conflict == "" {
				o.State, o.Conflict = NotAsExpected, text
			} else if !strings.Contains(o.Conflict, "sources") {
				o.Conflict += "; " + text
			}
		}
	}
}
