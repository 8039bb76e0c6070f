package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/verify/abi"
)

// counts is the result: how many opens of what were predicted rightly.
type counts struct {
	sequences int
	fates     map[string]int // of opens
	per       map[string]map[string]*tally
	matching  int // opens that were predicted to be well, of sources that the host has too: nothing may be reported
	orders    int // sets of plugins for which an order was found rightly
	noOrders  int // sets of which it was said rightly that there is none
	wrong     []string
	alive     []string // sequences in which an open was predicted to crash the process later, and nothing crashed
	made      int
	building  time.Duration
	observing time.Duration
}

// tally is one row of a table.
type tally struct{ sequences, opens, right, apart, wrong int }

func newCounts() *counts {
	return &counts{fates: map[string]int{}, per: map[string]map[string]*tally{}}
}

// tables are the tables, and what their rows are.
var tables = []string{"target", "go", "verdict", "kind"}

func (c *counts) row(table, name string) *tally {
	if c.per[table] == nil {
		c.per[table] = map[string]*tally{}
	}
	if c.per[table][name] == nil {
		c.per[table][name] = &tally{}
	}
	return c.per[table][name]
}

// add counts a sequence. text and lock say what is wrong with it, if anything.
func (c *counts) add(sc *scene, rep *abi.Report, fates []string, text, lock string) {
	c.sequences++
	rows := []*tally{c.row("target", sc.target.String()), c.row("go", sc.goName), c.row("kind", sc.what)}
	for _, r := range rows {
		r.sequences++
	}
	verdicts := map[abi.Verdict]bool{}
	for i, f := range fates {
		c.fates[f]++
		v := rep.Plugins[i].Verdict
		own := c.row("verdict", string(v))
		if !verdicts[v] {
			verdicts[v] = true
			own.sequences++
		}
		for _, r := range append(rows, own) {
			r.opens++
			switch f {
			case right, crashed:
				r.right++
			case apart:
				r.apart++
			case wrong:
				r.wrong++
			}
		}
	}
	for i, p := range rep.Plugins {
		if p.Verdict == abi.OK {
			c.drifted(sc, i, p)
		}
		if p.Verdict == abi.Poisoned && p.KillsHost && fates[i] == right {
			c.alive = append(c.alive, fmt.Sprintf("%s: %s", sc, p.Cause.Evidence))
		}
	}
	if text != "" {
		c.wrong = append(c.wrong, fmt.Sprintf("%s\n%s", sc, text))
	}
	if lock != "" {
		c.wrong = append(c.wrong, fmt.Sprintf("%s\n  the host's lock gives other answers (-host +lock):\n%s", sc, lock))
	}
}

// drifted holds what is said of the code against what is known of the sources: one function of one variant differs where the fingerprints agree.
func (c *counts) drifted(sc *scene, i int, p abi.Plugin) {
	rec := recipeOf(sc.ref(sc.plugins[i]).name)
	if rec == nil {
		return
	}
	if rec.from != "" {
		rec = recipeOf(rec.from)
	}
	var want []string
	if rec.tree == "body" && minor(sc.goName) > 20 { // plugins of Go 1.20 do not record their flags, so what differs is undecided
		want = []string{"example.test/agree/shared.Itoa"}
	}
	c.matching++
	if !slices.Equal(p.Drift, want) && (len(p.Drift) > 0 || len(want) > 0) {
		c.wrong = append(c.wrong, fmt.Sprintf("%s\n  open %d, %s: drift %q, want %q", sc, i, sc.plugins[i], p.Drift, want))
	}
}

func (c *counts) disagreements() int { return len(c.wrong) }

func (c *counts) text() string {
	var b strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&b, "%-18s %10s %6s %6s %6s %6s\n", table, "sequences", "opens", "right", "apart", "wrong")
		for _, name := range slices.Sorted(maps.Keys(c.per[table])) {
			t := c.per[table][name]
			fmt.Fprintf(&b, "%-18s %10d %6d %6d %6d %6d\n", name, t.sequences, t.opens, t.right, t.apart, t.wrong)
		}
		b.WriteByte('\n')
	}
	for _, w := range c.wrong {
		fmt.Fprintf(&b, "DISAGREEMENT, a defect of plugproof's own: %s\n", w)
	}
	for _, w := range c.alive {
		fmt.Fprintf(&b, "poisoned, and nothing crashed: %s\n", w)
	}
	decided := c.fates[right] + c.fates[crashed] + c.fates[wrong]
	fmt.Fprintf(&b, "agree: %d sequences, %d opens decided from the files, %d right, %d disagreements; %d opens apart (init code, damage that is said to be undecided, or after a poisoned open)\n",
		c.sequences, decided, c.fates[right]+c.fates[crashed], len(c.wrong), c.fates[apart])
	fmt.Fprintf(&b, "agree: of %d opens that were predicted to open and crash, %d crashed at once\n", len(c.alive)+c.fates[crashed], c.fates[crashed])
	fmt.Fprintf(&b, "agree: of sets of plugins that were opened in every order, %d have an order, and it was found, %d have none, and that was said\n", c.orders, c.noOrders)
	fmt.Fprintf(&b, "agree: drift was looked for in %d opens\n", c.matching)
	fmt.Fprintf(&b, "agree: %d files made, %.0f CPU s; observed now: %.0f CPU s\n", c.made, c.building.Seconds(), c.observing.Seconds())
	return b.String()
}
