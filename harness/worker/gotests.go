package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/testplugin"
	"github.com/plugproof/plugproof/results"
)

// goTestProject stands for Go's own plugin tests: it carries the axes, the flags and the two directories in which they are built.
const goTestProject = `[host]
package = "./host"
[[plugin]]
package = "./plugin-mismatch"
dir = "../alt"
[build]
flags = ["-trimpath", "-buildvcs=false"]
`

// GoTestPrefix begins the project name of a cell that is one of Go's own plugin tests: "testplugin:TestRunHost".
const GoTestPrefix = results.GoTestPrefix

// LeftOut is one of Go's own plugin tests that is not a cell.
type LeftOut = results.LeftOut

// GoTestError is a choice of tests that cannot be fulfilled.
type GoTestError struct{ text, hint string }

func (e *GoTestError) Error() string { return e.text }

// Hint says what to do.
func (e *GoTestError) Hint() string { return e.hint }

// PlanGoTests makes a cell of each of Go's own plugin tests, for every Go and architecture of sel, in the order of Go's file. Paths of
// toolchains are relative to base. tests narrows the choice by name; empty means all. What Go itself or the recipes' reader leaves out is in
// the second result. The sources go into the scratch directory. A wrong choice is a *plan.Error or a *GoTestError.
func (w *Worker) PlanGoTests(ctx context.Context, base string, sel plan.Selection, tests []string) ([]plan.Cell, []LeftOut, error) {
	w.start()
	p, err := plan.ParseProject(testplugin.Module, []byte(goTestProject))
	if err != nil {
		return nil, nil, err
	}
	p.Name, p.Module = testplugin.Module, testplugin.Module
	templates, err := plan.Cells(p, sel)
	if err != nil {
		return nil, nil, err
	}
	projects := map[plan.GoSpec]*plan.Project{} // one for each Go, as each has sources of its own
	known := map[string]bool{}
	var cells []plan.Cell
	var left []LeftOut
	for _, t := range templates {
		spec := t.HostJob.Go
		if spec.Path != "" && !filepath.IsAbs(spec.Path) {
			spec.Path = filepath.Join(base, spec.Path)
		}
		t.HostJob.Go, t.Plugins[0].Go = spec, spec
		g, err := w.goOf(ctx, t, spec)
		if err != nil {
			return nil, nil, err
		}
		cases, err := testplugin.Cases(g.GOROOT, t.Arch)
		if errors.Is(err, testplugin.ErrAbsent) {
			return nil, nil, &GoTestError{fmt.Sprintf("%s: %v", spec.Name, err), "Go's distributions hold them from 1.21 on"}
		}
		if err != nil {
			return nil, nil, err
		}
		if projects[spec] == nil {
			dir := filepath.Join(w.Scratch, testplugin.Module, spec.Name)
			if err := testplugin.Prepare(g.GOROOT, dir); err != nil {
				return nil, nil, err
			}
			if err := tellApart(dir); err != nil {
				return nil, nil, fmt.Errorf("preparing Go's plugin tests: %w", err)
			}
			own := *p
			own.Place(filepath.Join(dir, testplugin.Main))
			projects[spec] = &own
		}
		t.Project = projects[spec]
		chosen, out := choose(cases, tests, t, known)
		left = append(left, out...)
		for _, tc := range chosen {
			c := goTestCell(t, tc)
			w.goTests[c.ID()] = tc
			cells = append(cells, c)
		}
	}
	for _, name := range tests {
		if !known[name] {
			return nil, nil, &GoTestError{fmt.Sprintf("no plugin test %q in %s", name, strings.Join(goNames(templates), ", ")), "leave the names out for all of them"}
		}
	}
	return cells, left, nil
}

// GoTestChange says in what the tests' sources are not Go's own.
const GoTestChange = "the second version of a shared package (altpath/testdata) lies in files of another name: Go's own test tells it apart by its directory, " +
	"which -trimpath takes out of the fingerprint, and plugin.Open accepts plugin-mismatch.so then"

// tellApart gives each file of the other version that also is in the first another name.
func tellApart(dir string) error {
	alt := filepath.Join(dir, testplugin.Alt)
	return filepath.WalkDir(alt, func(file string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".go" {
			return err
		}
		rel, err := filepath.Rel(alt, file)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(filepath.Join(dir, testplugin.Main, rel)); err != nil {
			return nil
		}
		return os.Rename(file, filepath.Join(filepath.Dir(file), "alt_"+d.Name()))
	})
}

// choose separates what becomes a cell from what is left out.
func choose(cases []testplugin.Case, tests []string, t plan.Cell, known map[string]bool) (chosen []testplugin.Case, left []LeftOut) {
	have := map[string]bool{}
	for _, tc := range cases {
		have[tc.Name], known[tc.Name] = true, true
		switch {
		case len(tests) > 0 && !slices.Contains(tests, tc.Name):
		case tc.Skip != "":
			left = append(left, LeftOut{Test: tc.Name, Go: t.HostGo, Arch: t.Arch, Reason: tc.Skip})
		default:
			chosen = append(chosen, tc)
		}
	}
	for _, name := range tests {
		if !have[name] {
			left = append(left, LeftOut{Test: name, Go: t.HostGo, Arch: t.Arch, Reason: "this Go has no such test"})
		}
	}
	return chosen, left
}

// goTestCell makes the cell of one test from its Go's and architecture's template.
func goTestCell(t plan.Cell, tc testplugin.Case) plan.Cell {
	steps := []results.Step{results.Rebuild}
	if len(tc.Runs) > 0 { // else the test is that the builds succeed
		steps = append(steps, results.Load)
	}
	if t.Steps != nil {
		steps = slices.DeleteFunc(steps, func(s results.Step) bool { return !slices.Contains(t.Steps, s) })
	}
	t.Cell.Project, t.Steps = GoTestPrefix+tc.Name, steps
	return t
}

func goNames(cells []plan.Cell) []string {
	var names []string
	for _, c := range cells {
		if !slices.Contains(names, c.HostGo) {
			names = append(names, c.HostGo)
		}
	}
	return names
}

// goTestJob is the plan's job of one output of a test.
func goTestJob(c *cell, b testplugin.Build) plan.Job {
	j := c.HostJob
	j.Subject, j.Package, j.Dir = b.Out, b.Package, ""
	if b.Dir == testplugin.Alt {
		j.Dir = "../" + testplugin.Alt
	}
	j.Flags = slices.Clone(j.Flags)
	if b.Mode == testplugin.PIE {
		j.Flags = append(j.Flags, "-buildmode="+string(testplugin.PIE))
	}
	j.Flags = append(j.Flags, b.Flags...)
	j.Rebuild = cmp.Or(j.Rebuild, identical)
	return j
}
