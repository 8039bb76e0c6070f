package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/verify/policy"
)

// evidence is what a policy is held against, on its way.
type evidence struct {
	policy.Evidence
	project *plan.Project
	archive string // its name in findings; "" for a directory
	dirs    []string
	vendors []string         // folders of modules whose vendor folder is built from, as seen from e.dirs
	zips    []string         // folders in the layout of a module proxy
	found   []policy.Finding // in vendor folders
	lost    []policy.Finding
	wanted  []policy.Wanted // built files
	app     *app

	recorded bool // findings go into a run's records, which name files as seen from the project
}

// evidence reads a project, lists what its hosts and plugins are linked from, and reads built files.
func (a *app) evidence(ctx context.Context, arg string, f policyFlags) (*evidence, func(), error) {
	all, err := a.cellsOf(request{Projects: []string{arg}, Go: f.goSpecs, Arch: f.arch, Libc: f.libc, Pairs: f.pairs})
	if err != nil {
		return nil, nil, err
	}
	if all[0].Project.Policy == nil {
		return nil, nil, usagef("'plugproof help policy-rules' lists what it may hold", "%s has no [policy]", a.short(all[0].Project.File))
	}
	shop, done, err := a.openWorkshop()
	if err != nil {
		return nil, nil, err
	}
	e, err := a.collect(ctx, shop, all, f)
	if err != nil {
		done()
		return nil, nil, err
	}
	return e, done, nil
}

func (a *app) collect(ctx context.Context, shop *workshop, all []plan.Cell, f policyFlags) (*evidence, error) {
	if err := shop.place(all); err != nil {
		return nil, err
	}
	for _, c := range all {
		if err := named(c); err != nil {
			return nil, err
		}
	}
	var zips []string
	for _, dir := range f.zips {
		if st, err := os.Stat(a.path(dir)); err != nil || !st.IsDir() {
			return nil, usagef("give --modules a folder in the layout of a module proxy", "%q is no folder", dir)
		}
		zips = append(zips, a.path(dir))
	}
	e, err := a.sources(ctx, shop, all, false, zips, nil)
	if err != nil {
		return nil, err
	}
	if !f.sourceOnly {
		if err := e.files(e.shipped(all)); err != nil {
			return nil, err
		}
		for i := range e.Files {
			e.Files[i].Shipped = true
		}
	}
	return e, e.files(f.elf)
}

// sources is all evidence of a project but built files: what the go command lists of its cells, where modules' files are, and what is in
// its vendor folders. The cells are of one project, which has a [policy] and lies in its place. Directories in skip are none of its sources.
func (a *app) sources(ctx context.Context, shop *workshop, all []plan.Cell, recorded bool, zips, skip []string) (*evidence, error) {
	e := &evidence{project: all[0].Project, app: a, recorded: recorded}
	if archive := a.archives[e.project]; archive != nil {
		e.archive = archive.Name
	}
	e.RulesFile, e.RuleLine = e.name(filepath.Join(e.project.Dir, plan.FileName)), e.project.PolicyLine
	if err := e.list(ctx, shop, all, append(skip, shop.scratch)); err != nil {
		return nil, err
	}
	e.zips = []string{filepath.Join(shop.builder.ModCache, "cache", "download")}
	if shop.builder.UserMods != "" {
		e.zips = append(e.zips, filepath.Join(shop.builder.UserMods, "cache", "download"))
	}
	e.zips = append(e.zips, zips...)
	src := policy.Sources{Zips: e.zips}
	for i, dir := range e.dirs {
		src.Roots = append(src.Roots, policy.SourceRoot{Dir: dir, Sums: e.Roots[i].Sums})
	}
	e.Texts, e.Digests = src.Texts, src.Digests
	return e, e.vendored(ctx)
}

// name is a file of the project as findings name it.
func (e *evidence) name(path string) string {
	rel, err := filepath.Rel(e.project.Dir, path)
	switch {
	case err == nil && e.recorded:
		return filepath.ToSlash(rel)
	case err == nil && e.archive != "" && filepath.IsLocal(rel):
		return e.archive + "/" + filepath.ToSlash(rel)
	}
	return e.app.short(path)
}

// lose notes evidence that is not there.
func (e *evidence) lose(file, format string, args ...any) {
	f := policy.Finding{Kind: policy.NotLooked, File: file, Text: fmt.Sprintf(format, args...), Incomplete: true}
	if !slices.Contains(e.lost, f) {
		e.lost = append(e.lost, f)
	}
}

// missing is what could not be looked at, and the hosts and plugins of which no built file was given.
func (e *evidence) missing(sourceOnly bool) []policy.Finding {
	if sourceOnly {
		return slices.Concat(e.found, e.lost)
	}
	for _, w := range policy.Unbuilt(e.wanted, e.Files) {
		e.lose(e.RulesFile, "no built file of %s was given: --elf FILE, or --source-only", w)
	}
	return slices.Concat(e.found, e.lost)
}
