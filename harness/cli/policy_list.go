package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/verify/policy"
)

// list asks the go command about every host and plugin of every cell; equal questions once.
func (e *evidence) list(ctx context.Context, shop *workshop, all []plan.Cell, skip []string) error {
	tree, err := build.TreeOf(all[0], skip...)
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
	l := &listing{shop, tree, gos, asked}
	for _, c := range all {
		wanted, err := e.cell(ctx, l, c)
		if err != nil {
			return err
		}
		for i := range wanted {
			if !several {
				wanted[i].Go = ""
			}
		}
		e.wanted = append(e.wanted, wanted...)
	}
	return e.rest(ctx, l, all)
}

// rest lists what the project's other architectures are linked from, which the caller left out: what they alone need is not unused. Where
// that cannot be done, nobody can tell.
func (e *evidence) rest(ctx context.Context, l *listing, all []plan.Cell) error {
	whole, err := plan.Cells(e.project, plan.Selection{DefaultGo: defaultGo})
	if err != nil {
		return err
	}
	of := func(list []plan.Cell) map[string]bool {
		out := map[string]bool{}
		for _, c := range list {
			out[c.Arch] = true
		}
		return out
	}
	left := of(whole)
	maps.DeleteFunc(left, func(arch string, _ bool) bool { return of(all)[arch] })
	for _, c := range whole {
		if left[c.Arch] && !slices.ContainsFunc(c.Jobs(), func(j plan.Job) bool { return j.Go != (plan.GoSpec{}) && l.gos[goName(c, j.Go)].GOROOT == "" }) {
			lost := len(e.lost)
			if _, err := e.cell(ctx, l, c); ctx.Err() != nil {
				return ctx.Err()
			} else if err == nil && len(e.lost) == lost {
				delete(left, c.Arch)
			}
			e.lost = e.lost[:lost]
		}
	}
	if len(left) > 0 {
		e.app.note("%s is left out, so that unused modules and critical patterns that fit nothing are not looked for", strings.Join(slices.Sorted(maps.Keys(left)), " and "))
		for i := range e.Roots {
			e.Roots[i].Partial = append(e.Roots[i].Partial, slices.Collect(maps.Keys(left))...)
		}
	}
	return nil
}

// listing is what the go command is asked with, and the import paths of main packages that it answered.
type listing struct {
	shop  *workshop
	tree  *build.Tree
	gos   map[string]toolchain.Go
	asked map[string]string
}

// cell lists what a cell's host and plugins are linked from, and returns what built files there should be.
func (e *evidence) cell(ctx context.Context, l *listing, c plan.Cell) (wanted []policy.Wanted, err error) {
	cc, err := l.shop.store.C(ctx, c.Arch, c.Libc, toolchain.Elsewhere(c.CC, e.app.programPath()))
	if err != nil {
		return nil, err
	}
	for i, j := range c.Jobs() {
		if j.Package == "" {
			continue
		}
		name := goName(c, j.Go)
		want := policy.Wanted{Path: j.Package, Arch: c.Arch, Go: l.gos[name].Version}
		if j.Version != "" {
			if wanted = append(wanted, want); !slices.Contains(e.Published, j.Package) {
				e.Published = append(e.Published, j.Package)
			}
			continue
		}
		question := fmt.Sprintf("%q %q %q %q %q %v", c.Arch, j.Dir, j.Package, name, j.Flags, j.Env)
		path, ok := l.asked[question]
		if !ok {
			r, err := e.root(l.tree, j)
			if err != nil {
				return nil, err
			}
			e.vendor(r, l.tree, j)
			job := build.JobOf(l.tree, c, j, i > 0, l.gos[name], cc)
			job.Out, job.Name = l.shop.scratch, "listed" // nothing is built
			if path, err = e.build(ctx, l.shop, r, job); err != nil {
				return nil, err
			}
			l.asked[question] = path
		}
		want.Path = path
		wanted = append(wanted, want)
	}
	return wanted, e.listShipped(ctx, l, c, cc)
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
	b, ok, err := e.linked(ctx, shop, job)
	if err != nil {
		return "", err
	}
	if !ok {
		e.Roots[r].Partial = append(e.Roots[r].Partial, job.Arch)
		return "", nil
	}
	e.Roots[r].Builds = append(e.Roots[r].Builds, b)
	return b.Path, nil
}

// linked asks the go command. What it cannot list is lost, and not ok.
func (e *evidence) linked(ctx context.Context, shop *workshop, job build.Job) (b policy.Build, ok bool, err error) {
	if _, err := shop.builder.Fetch(ctx, job); err != nil {
		return b, false, err
	}
	list, failed, err := shop.builder.Linked(ctx, job)
	if err != nil {
		return b, false, err
	}
	if failed != nil {
		e.lose(e.RulesFile, "the packages of %s for %s cannot be listed: %s: %s", job.Subject, job.Arch, failed.Op, failed.Text)
		return b, false, nil
	}
	b = policy.Build{Subject: job.Subject, Arch: job.Arch}
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
	return b, true, nil
}
