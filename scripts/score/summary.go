package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/fixtures/leaks"
)

// schema names the form of the result.
const schema = "plugproof/score/v1"

// result is a whole scoring.
type result struct {
	Schema string    `json:"schema"`
	Corpus string    `json:"corpus"` // digest of what was scored: the leaks and what this program makes of them
	Total  total     `json:"total"`
	Cases  []finding `json:"cases"`
}

// total is what the table shows.
type total struct {
	Leaks       int     `json:"leaks"`    // leaks in the corpus
	Controls    int     `json:"controls"` // clean controls
	Causes      int     `json:"causes"`   // different cause ids
	Pairs       int     `json:"pairs"`    // leaks and controls, by Go and architecture
	Decidable   int     `json:"decidable"`
	Named       int     `json:"named"` // of the decidable ones, those that were named
	Undecidable int     `json:"undecidable"`
	Unknown     int     `json:"unknown"` // of the undecidable ones, those that were left unnamed
	Wrong       int     `json:"wrong"`   // names that are not the cause
	Alarms      int     `json:"alarms"`  // controls that were said to differ
	Partly      int     `json:"partly"`  // pairs with a named cause of which bytes stayed unexplained
	Fixes       int     `json:"fixes"`
	Proved      int     `json:"proved"` // of the fixes, those that made the pair equal
	CPU         float64 `json:"cpu"`    // median seconds of one diff
	MaxCPU      float64 `json:"max_cpu"`
	MaxMB       float64 `json:"max_mb"`
	Sourced     int     `json:"sourced"`   // leaks that were asked about with their sources
	AllNamed    int     `json:"all_named"` // of them, those of which every cause was named
	Bad         int     `json:"bad"`       // pairs of which anything is not as it must be
}

func summarise(found []finding, fixes bool) *result {
	r := &result{Schema: schema, Corpus: leaks.Digest(), Cases: found}
	slices.SortFunc(r.Cases, func(x, y finding) int { return strings.Compare(x.Case, y.Case) })
	seen, ids := map[string]bool{}, map[string]bool{}
	var cpu []float64
	t := &r.Total
	for _, f := range r.Cases {
		l := f.leak
		t.Pairs++
		if !seen[l.Name] {
			seen[l.Name] = true
			if l.Control() {
				t.Controls++
			} else {
				t.Leaks++
			}
		}
		for _, id := range l.Cause {
			ids[id] = true
		}
		cpu = append(cpu, f.CPU)
		t.MaxCPU, t.MaxMB = max(t.MaxCPU, f.CPU), max(t.MaxMB, f.MB)
		t.Wrong += len(f.Wrong)
		if f.bad() {
			t.Bad++
		}
		switch {
		case l.Control():
			if f.Verdict != "identical" {
				t.Alarms++
			}
			continue
		case l.Files == leaks.FilesCause:
			t.Decidable++
			if !slices.ContainsFunc(f.Missed, func(id string) bool { return !strings.HasSuffix(id, ")") }) {
				t.Named++
			}
		default:
			t.Undecidable++
			if len(f.Named) == 0 {
				t.Unknown++
			}
		}
		if len(f.Named) > 0 && len(l.Unseen) == 0 && f.Explained != f.Differing {
			t.Partly++
		}
		if f.Sourced != nil {
			t.Sourced++
			if !slices.ContainsFunc(l.Cause, func(id string) bool { return !slices.Contains(f.Sourced, id) }) {
				t.AllNamed++
			}
		}
		if fixes && l.Fix != nil {
			t.Fixes++
			if f.Fixed {
				t.Proved++
			}
		}
	}
	slices.Sort(cpu)
	t.Causes, t.CPU = len(ids), cpu[len(cpu)/2]
	return r
}

func (r *result) status() int {
	if r.Total.Bad > 0 {
		return 1
	}
	return 0
}

func (r *result) text() string {
	t := r.Total
	var b strings.Builder
	row := func(what, value string) { fmt.Fprintf(&b, "| %s | %s |\n", what, value) }
	b.WriteString("| | |\n|---|---|\n")
	row("corpus", fmt.Sprintf("%d leaks over %d causes, %d clean controls; %d pairs", t.Leaks, t.Causes, t.Controls, t.Pairs))
	row("recall by two files alone, of what they decide", fmt.Sprintf("%d of %d", t.Named, t.Decidable))
	row("left unknown by two files alone, of what they do not decide", fmt.Sprintf("%d of %d", t.Unknown, t.Undecidable))
	row("recall with the sources: what entered the go command's hashes, beside the files", fmt.Sprintf("%d of %d", t.AllNamed, t.Sourced))
	row("wrong names, either way", fmt.Sprint(t.Wrong))
	row("false alarms", fmt.Sprint(t.Alarms))
	row("named, but not every byte explained", fmt.Sprint(t.Partly))
	row("fixes that made the pair equal", fmt.Sprintf("%d of %d", t.Proved, t.Fixes))
	row("CPU seconds of one diff, median and most", fmt.Sprintf("%.2f, %.2f", t.CPU, t.MaxCPU))
	row("megabytes of one diff, at most", fmt.Sprintf("%.0f", t.MaxMB))
	return b.String()
}

func writeJSON(file string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}
