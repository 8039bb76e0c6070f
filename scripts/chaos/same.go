package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/merge"
	"github.com/plugproof/plugproof/results/store"
)

// timeless merges a run with itself, which sorts its records, and takes out of them who made them and what that took.
func timeless(c store.Contents) ([]string, error) {
	if c.Plan == nil {
		return nil, fmt.Errorf("the run has no plan")
	}
	set, conflicts, err := merge.Union(merge.Set{Plan: *c.Plan, Records: c.Records})
	if err != nil {
		return nil, err
	}
	if len(conflicts) > 0 {
		return nil, fmt.Errorf("the run contradicts itself: %+v", conflicts)
	}
	ledger := results.NewLedger(&set.Plan, c.Records)
	for _, o := range ledger.Outcomes {
		if o.Attempts != 1 {
			return nil, fmt.Errorf("step %s of cell %s has %d records", o.Key.Step, o.Key.Cell.Short(), o.Attempts)
		}
	}
	if n := len(ledger.Stray) + len(ledger.Forged) + len(ledger.Problems); n > 0 {
		return nil, fmt.Errorf("%d records or problems that no plan explains", n)
	}
	var out []string
	for _, r := range set.Records {
		r.Run, r.Started, r.Seconds, r.CPU, r.CPUParts, r.Boots = "", time.Time{}, 0, 0, nil, 0
		if r.Rebuild != nil { // whether both sides worked at once depends on what the caches held, and so does whether the time was varied
			detail := *r.Rebuild
			detail.Varied = slices.DeleteFunc(slices.Clone(detail.Varied), func(v results.Varied) bool { return v.Name == vary.Time })
			detail.NotVaried = slices.DeleteFunc(slices.Clone(detail.NotVaried), func(s string) bool { return strings.HasPrefix(s, vary.Time+": ") })
			r.Rebuild = &detail
		}
		line, err := r.Line()
		if err != nil {
			return nil, err
		}
		out = append(out, string(line))
	}
	return out, nil
}

// same says where two runs differ.
func same(want, got []string) error {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Errorf("%d records are missing, the first is\n%s", len(want)-len(got), want[i])
		case i >= len(want):
			return fmt.Errorf("%d records are too many, the first is\n%s", len(got)-len(want), got[i])
		case want[i] != got[i]:
			return fmt.Errorf("record %d is\n%s\nand was\n%s", i+1, got[i], want[i])
		}
	}
	return nil
}

// process is one process, which another that gets its number later is not.
type process struct {
	pid   int
	start string // field 22 of /proc/PID/stat: its start, in clock ticks since the machine's
	name  string
}

// descendants are the children of a process, and theirs.
func descendants(pid int) []process {
	parents := map[int][]process{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if p, parent, ok := look(dir); ok {
			parents[parent] = append(parents[parent], p)
		}
	}
	var all []process
	for todo := []int{pid}; len(todo) > 0; todo = todo[1:] {
		for _, p := range parents[todo[0]] {
			all = append(all, p)
			todo = append(todo, p.pid)
		}
	}
	return all
}

// look reads a process's state; a zombie runs nothing and does not count.
func look(dir string) (p process, parent int, ok bool) {
	data, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return p, 0, false
	}
	text := string(data)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return p, 0, false
	}
	fields := strings.Fields(text[end+1:]) // from field 3, the state
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return p, 0, false
	}
	p.pid, err = strconv.Atoi(filepath.Base(dir))
	parent, err2 := strconv.Atoi(fields[1])
	p.start, p.name = fields[19], text[open+1:end]
	return p, parent, err == nil && err2 == nil
}
