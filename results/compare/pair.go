package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// couple is a cell of the first run with its counterpart.
type couple struct{ from, to results.PlannedCell }

// pair finds each cell's counterpart: the same cell; else the cell that is the same but for its Gos, where the Gos that only one run has
// stand against each other in the order of their versions. What has no counterpart, and the Gos, go into c.
func pair(from, to results.Plan, opt Options, c *Comparison) []couple {
	a, b := of(from.Cells, opt.From), of(to.Cells, opt.To)
	renamed := map[string]string{}
	if opt.From != "" && opt.To != "" {
		renamed[opt.From] = opt.To
	} else if only, others := without(gos(a), gos(b)), without(gos(b), gos(a)); len(only) == len(others) {
		for i, g := range only {
			renamed[g] = others[i]
		}
	}
	find := map[results.CellID]results.PlannedCell{}
	for _, cell := range b {
		find[cell.Cell.ID()] = cell
	}
	var pairs []couple
	used := map[results.CellID]bool{}
	for _, cell := range a {
		want := cell.Cell
		want.HostGo, want.PluginGo = cmp.Or(renamed[want.HostGo], want.HostGo), cmp.Or(renamed[want.PluginGo], want.PluginGo)
		other, ok := find[want.ID()]
		if !ok {
			c.Unpaired.From = append(c.Unpaired.From, cell.Cell.String())
			continue
		}
		used[want.ID()] = true
		pairs = append(pairs, couple{cell, other})
		for _, r := range []Renamed{{cell.Cell.HostGo, want.HostGo}, {cell.Cell.PluginGo, want.PluginGo}} {
			if r.From != r.To && !slices.Contains(c.Gos, r) {
				c.Gos = append(c.Gos, r)
			}
		}
	}
	for _, cell := range b {
		if !used[cell.Cell.ID()] {
			c.Unpaired.To = append(c.Unpaired.To, cell.Cell.String())
		}
	}
	return pairs
}

// of are the cells of one Go. Files that are not built are of no Go.
func of(cells []results.PlannedCell, name string) []results.PlannedCell {
	if name == "" {
		return cells
	}
	return slices.DeleteFunc(slices.Clone(cells), func(c results.PlannedCell) bool {
		return c.Cell.HostGo != name && c.Cell.HostGo != results.Shipped || c.Cell.PluginGo != name && c.Cell.PluginGo != results.Shipped
	})
}

// gos are the names of the Gos in cells, in order.
func gos(cells []results.PlannedCell) []string {
	var out []string
	for _, c := range cells {
		out = append(out, c.Cell.HostGo, c.Cell.PluginGo)
	}
	slices.SortFunc(out, byVersion)
	return slices.Compact(out)
}

// byVersion orders releases by their numbers, before and among other names.
func byVersion(a, b string) int {
	x, y := numbers(a), numbers(b)
	return cmp.Or(-cmp.Compare(min(len(x), 1), min(len(y), 1)), slices.Compare(x, y), strings.Compare(a, b))
}

func numbers(name string) []int {
	rest, ok := strings.CutPrefix(name, "go")
	if !ok {
		return nil
	}
	var out []int
	for part := range strings.SplitSeq(rest, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			digits, _, _ := strings.Cut(strings.NewReplacer("rc", " ", "beta", " ").Replace(part), " ")
			if n, err = strconv.Atoi(digits); err != nil {
				return nil
			}
			return append(out, n, -1) // before the release
		}
		out = append(out, n)
	}
	return out
}

// String is "go1.25.3 -> go1.26.8".
func (r Renamed) String() string { return fmt.Sprintf("%s -> %s", r.From, r.To) }
