package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
)

// fetchDoc is the `fetch --json` document.
type fetchDoc struct {
	Schema     string           `json:"schema"`
	Toolchains []fetchedGo      `json:"toolchains"`
	Jobs       []fetchedModules `json:"modules"` // one for each host and plugin whose modules were looked at
}

type fetchedGo struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Origin string `json:"origin"`
}

type fetchedModules struct {
	Project string `json:"project"`
	Subject string `json:"subject"`
	Arch    string `json:"arch"`
	Looked  bool   `json:"looked"` // false: it was known to be there
}

func newFetchCmd(a *app) *cobra.Command {
	var x axes
	cmd := &cobra.Command{
		Use:   "fetch [PROJECT...]",
		Short: "Download the toolchains and modules that verify needs",
		Long: `Download what verify needs for these projects: Go toolchains and modules, checked against the checksum database.
After it verify needs no network. GOPROXY, GOSUMDB, GOPRIVATE and the proxy variables are taken from the
environment; the user's own module cache is read first.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := a.fetch(cmd.Context(), args, x)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(doc)
			}
			text := ""
			for _, g := range doc.Toolchains {
				text += fmt.Sprintf("%s from %s\n", g.Name, g.Origin)
			}
			return a.print(text + fmt.Sprintf("modules for %d hosts and plugins\n", len(doc.Jobs)))
		},
	}
	x.register(cmd)
	return cmd
}

// fetch downloads what the projects' cells need into the cache.
func (a *app) fetch(ctx context.Context, projects []string, x axes) (doc fetchDoc, err error) {
	all, err := a.cellsOf(request{Projects: projects, Go: x.goSpecs, Arch: x.arch, Libc: x.libc, Pairs: x.pairs})
	if err != nil {
		return doc, err
	}
	shop, done, err := a.openWorkshop()
	if err != nil {
		return doc, err
	}
	defer done()
	if err := shop.place(all); err != nil {
		return doc, err
	}
	doc = fetchDoc{Schema: "plugproof/fetch/v1", Toolchains: []fetchedGo{}, Jobs: []fetchedModules{}}
	gos, err := shop.toolchains(ctx, all)
	if err != nil {
		return doc, err
	}
	for _, name := range slices.Sorted(maps.Keys(gos)) {
		g := gos[name]
		doc.Toolchains = append(doc.Toolchains, fetchedGo{g.Name, string(g.Digest), g.Origin})
	}
	for _, arch := range archesOf(all) { // the image's userland is compiled from modules, too
		if _, err := shop.ground(ctx, arch, plan.Libcs[0]); err != nil {
			return doc, err
		}
	}
	trees := map[*plan.Project]*build.Tree{}
	for _, c := range all {
		tree, ok := trees[c.Project]
		if !ok {
			if tree, err = build.TreeOf(c, shop.scratch); err != nil {
				return doc, err
			}
			trees[c.Project] = tree
		}
		cc, err := shop.store.C(ctx, c.Arch, c.Libc, toolchain.Elsewhere(c.CC, a.programPath()))
		if err != nil {
			return doc, err
		}
		for i, j := range c.Jobs() {
			if j.Package == "" {
				continue
			}
			job := build.JobOf(tree, c, j, i > 0, gos[goName(c, j.Go)], cc)
			job.Out, job.Name = shop.scratch, "fetched" // nothing is built
			looked, err := shop.builder.Fetch(ctx, job)
			if err != nil {
				return doc, err
			}
			doc.Jobs = append(doc.Jobs, fetchedModules{c.Cell.Project, j.Subject, c.Arch, looked})
		}
	}
	return doc, nil
}

// archesOf is every architecture of the cells, once.
func archesOf(all []plan.Cell) []string {
	seen := map[string]bool{}
	for _, c := range all {
		seen[c.Arch] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// toolchains finds or fetches the Gos of all cells, and the one that compiles what runs in the guest.
func (s *workshop) toolchains(ctx context.Context, all []plan.Cell) (map[string]toolchain.Go, error) {
	gos := map[string]toolchain.Go{}
	for _, c := range append([]plan.Cell{{HostJob: plan.Job{Go: plan.GoSpec{Name: defaultGo}}}}, all...) {
		for _, j := range c.Jobs() {
			name := goName(c, j.Go)
			if _, ok := gos[name]; ok || j.Go == (plan.GoSpec{}) {
				continue
			}
			g, err := s.store.Go(ctx, name)
			if err != nil {
				return nil, err
			}
			gos[name] = g
		}
	}
	return gos, nil
}

// goName is what toolchain.Store is asked for: a path toolchain's directory is seen from its project.
func goName(c plan.Cell, spec plan.GoSpec) string {
	if spec.Path == "" || filepath.IsAbs(spec.Path) || c.Project == nil {
		return spec.String()
	}
	spec.Path = filepath.Join(c.Project.Dir, spec.Path)
	return spec.String()
}
