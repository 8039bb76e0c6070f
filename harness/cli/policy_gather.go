package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
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
	files := f.elf
	if !f.sourceOnly {
		files = append(slices.Clone(files), e.shipped(all)...)
	}
	return e, e.files(files)
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

// list asks the go command about every host and plugin of every cell; equal questions once.
func (e *evidence) list(ctx context.Context, shop *workshop, all []plan.Cell, skip []string) error {
	tree, err := build.NewTree(e.project.Dir, build.Dirs(all[0]), skip...)
	if err != nil {
		return err
	}
	gos, err := e.libraries(ctx, shop, all)
	if err != nil {
		return err
	}
	asked := map[string]string{} // import paths of main packages
	several := false
	for _, c := range all {
		several = several || goName(c, c.Jobs()[0].Go) != goName(all[0], all[0].Jobs()[0].Go)
		for _, j := range c.Jobs() {
			several = several || j.Package != "" && goName(c, j.Go) != goName(all[0], all[0].Jobs()[0].Go)
		}
	}
	for _, c := range all {
		cc, err := shop.store.C(ctx, c.Arch, c.Libc, toolchain.Elsewhere(c.CC, e.app.programPath()))
		if err != nil {
			return err
		}
		for i, j := range c.Jobs() {
			if j.Package == "" {
				continue
			}
			want := policy.Wanted{Path: j.Package, Arch: c.Arch}
			if several {
				want.Go = gos[goName(c, j.Go)].Version
			}
			if j.Version != "" {
				e.wanted = append(e.wanted, want)
				if !slices.Contains(e.Published, j.Package) {
					e.Published = append(e.Published, j.Package)
				}
				continue
			}
			question := fmt.Sprintf("%q %q %q %q %q %v", c.Arch, j.Dir, j.Package, goName(c, j.Go), j.Flags, j.Env)
			if path, ok := asked[question]; ok {
				want.Path = path
				e.wanted = append(e.wanted, want)
				continue
			}
			r, err := e.root(tree, j)
			if err != nil {
				return err
			}
			e.vendor(r, tree, j)
			job := build.JobOf(tree, c, j, i > 0, gos[goName(c, j.Go)], cc)
			job.Out, job.Name = shop.scratch, "listed" // nothing is built
			if want.Path, err = e.build(ctx, shop, r, job); err != nil {
				return err
			}
			asked[question] = want.Path
			e.wanted = append(e.wanted, want)
		}
	}
	return nil
}

// libraries finds the toolchains of all cells, by what they are asked for, and the standard library of each.
func (e *evidence) libraries(ctx context.Context, shop *workshop, all []plan.Cell) (map[string]toolchain.Go, error) {
	gos := map[string]toolchain.Go{}
	e.Std = map[string]map[string]bool{}
	for _, c := range all {
		for _, j := range c.Jobs() {
			name := goName(c, j.Go)
			if _, ok := gos[name]; ok || j.Go == (plan.GoSpec{}) {
				continue
			}
			g, err := shop.store.Go(ctx, name)
			if err != nil {
				return nil, err
			}
			std, err := policy.Standard(os.DirFS(filepath.Join(g.GOROOT, "src")))
			if err != nil {
				return nil, fmt.Errorf("reading the standard library of %s: %w", g.Name, err)
			}
			gos[name], e.Std[g.Version] = g, std
		}
	}
	return gos, nil
}

// build lists the packages of one host or plugin, and returns the import path of its main package; "" if they cannot be listed.
func (e *evidence) build(ctx context.Context, shop *workshop, r int, job build.Job) (string, error) {
	if _, err := shop.builder.Fetch(ctx, job); err != nil {
		return "", err
	}
	list, failed, err := shop.builder.Linked(ctx, job)
	if err != nil {
		return "", err
	}
	if failed != nil {
		e.lose(e.RulesFile, "the packages of %s for %s cannot be listed: %s: %s", job.Subject, job.Arch, failed.Op, failed.Text)
		e.Roots[r].Partial = true
		return "", nil
	}
	b := policy.Build{Subject: job.Subject, Arch: job.Arch}
	for _, p := range list {
		one := policy.Package{Path: p.ImportPath, Standard: p.Standard}
		for _, im := range p.Imports {
			if to := p.ImportMap[im]; to != "" {
				im = to
			}
			one.Imports = append(one.Imports, im)
		}
		if m := p.Module; m != nil {
			one.Module.Path, one.Module.Version, one.Main = m.Path, m.Version, m.Main
			if m.Replace != nil {
				one.Replace = &policy.Version{Path: m.Replace.Path, Version: m.Replace.Version}
			}
		}
		b.Path = p.ImportPath // the package that was asked about is the last
		b.Packages = append(b.Packages, one)
	}
	e.Roots[r].Builds = append(e.Roots[r].Builds, b)
	return b.Path, nil
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
