package worker

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// sourceEdits looks into both sides' sources where a fingerprint differs and the files alone do not show why: a shared package that is
// replaced by a directory has no version. A file that differs is named; if all are equal the cause stays unknown.
func (w *Worker) sourceEdits(ctx context.Context, c *cell, rec *results.Record) error {
	for i, p := range c.report.Plugins {
		if p.Verdict != abi.Mismatch || p.Cause == nil || p.Cause.ID != "unknown" || len(p.Mismatches) == 0 {
			continue
		}
		owner := c.HostJob
		for k, other := range c.report.Plugins {
			if p.Mismatches[0].Owner != "" && other.Path == p.Mismatches[0].Owner {
				owner = c.Plugins[k].Job
			}
		}
		mine := c.Plugins[i].Job
		if owner.Package == "" || mine.Package == "" {
			continue
		}
		var packages []string
		for _, m := range p.Mismatches {
			packages = append(packages, m.Package)
		}
		evidence, err := w.editedFile(ctx, c, owner, mine, packages)
		if err != nil {
			return err
		}
		if evidence == "" {
			continue
		}
		for k := range rec.Causes {
			if rec.Causes[k].Subject == mine.Subject && rec.Causes[k].ID == "unknown" {
				rec.Causes[k] = results.Cause{ID: "source-edit", Subject: mine.Subject, Evidence: evidence}
			}
		}
	}
	return nil
}

// editedFile compares the files that both jobs compile the packages from, and names the first that differs.
func (w *Worker) editedFile(ctx context.Context, c *cell, owner, mine plan.Job, packages []string) (string, error) {
	var files [2]map[string]map[string][]byte
	for i, j := range []plan.Job{owner, mine} {
		job := c.job(j, "sources", j.Subject != "host")
		var err error
		if files[i], err = w.Builder.PackageFiles(ctx, job, packages); err != nil {
			return "", err
		}
	}
	for _, pkg := range packages {
		a, b := files[0][pkg], files[1][pkg]
		if a == nil || b == nil {
			continue
		}
		names := slices.Sorted(maps.Keys(a))
		for _, n := range slices.Sorted(maps.Keys(b)) {
			if _, ok := a[n]; !ok {
				names = append(names, n)
			}
		}
		for _, n := range names {
			x, inA := a[n]
			y, inB := b[n]
			switch {
			case inA && inB && bytes.Equal(x, y):
			case inA && inB:
				return fmt.Sprintf("%s/%s: line %d is not the same in the sources of %s and of %s", pkg, n, firstLine(x, y), owner.Subject, mine.Subject), nil
			case inA:
				return fmt.Sprintf("%s/%s is among the sources of %s only", pkg, n, owner.Subject), nil
			default:
				return fmt.Sprintf("%s/%s is among the sources of %s only", pkg, n, mine.Subject), nil
			}
		}
	}
	return "", nil
}

// firstLine is the number of the first line in which two texts differ.
func firstLine(a, b []byte) int {
	n := 1
	for i := 0; i < min(len(a), len(b)) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			n++
		}
	}
	return n
}
