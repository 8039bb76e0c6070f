package cli

import (
	"context"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/fixtures"
	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/supply"
)

// gather lists the files of the kit.
func (a *app) gather(ctx context.Context, cache, scratch string, args []string, w kitWishes) ([]supply.File, error) {
	files := []supply.File{{Kind: supply.Program, Path: "bin/plugproof", From: selfExe, Exec: true}}
	if len(args) > 0 {
		more, err := a.gatherProjects(ctx, cache, scratch, args, w)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	if w.tools == "debian" || w.tools == "" && len(args) > 0 {
		a.note("fetching the packages of QEMU and the C compilers")
		more, err := supply.FetchTools(ctx, filepath.Join(scratch, "tools"), a.env.Environ)
		if err != nil {
			return nil, incompletef("is this Debian, with package lists (apt-get update)? --tools host leaves them out", "%w", err)
		}
		files = append(files, more...)
	}
	repos := map[string]string{}
	for _, dir := range w.xbps {
		name := filepath.Base(a.path(dir))
		if other, twice := repos[name]; twice {
			return nil, usagef("give one of the directories another name", "--xbps %q and %q would both be xbps/%s in the kit", other, dir, name)
		}
		repos[name] = dir
		more, err := a.kitPackages(ctx, dir, name)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	if (len(args) > 0 || w.run != "") && !w.noExpected {
		expected, err := a.kitExpected(ctx, scratch, args, w)
		if err != nil {
			return nil, err
		}
		files = append(files, expected)
	}
	if w.run != "" {
		dir, err := a.runDir(w.run)
		if err != nil {
			return nil, err
		}
		files = append(files, supply.File{Kind: supply.Expected, Path: "expected/records.jsonl", From: filepath.Join(dir, "records.jsonl")},
			supply.File{Kind: supply.Expected, Path: "expected/plan.json", From: filepath.Join(dir, "plan.json")})
	}
	bom, err := supply.BOM(w.name, files)
	if err != nil {
		return nil, err
	}
	return append(files, supply.File{Kind: supply.SBOM, Path: "sbom.cdx.json", Data: bom}), nil
}

// gatherProjects fetches what projects need into a cache of its own, checks it, and lists it.
func (a *app) gatherProjects(ctx context.Context, cache, scratch string, args []string, w kitWishes) ([]supply.File, error) {
	if off := a.unproven(); len(off) > 0 {
		return nil, usagef("unset it: nothing in a kit goes without the checksum database's proof", "the environment has %s, by which the go command takes what nobody vouches for", strings.Join(off, ", "))
	}
	sources, err := a.projects(args)
	if err != nil {
		return nil, err
	}
	cells, err := a.cellsOf(request{Projects: args, Go: w.goSpecs, Arch: w.arch, Libc: w.libc, Pairs: w.pairs})
	if err != nil {
		return nil, err
	}
	own := filepath.Join(scratch, "cache")
	if err := os.MkdirAll(own, 0o755); err != nil {
		return nil, err
	}
	if err := os.Symlink(filepath.Join(cache, "inputs"), filepath.Join(own, "inputs")); err != nil {
		return nil, err
	}
	shop := *a // with a cache of its own and no module cache of the user's
	shop.env.Environ = withEnv(a.env.Environ, "PLUGPROOF_CACHE="+own, "GOMODCACHE="+filepath.Join(scratch, "nomods"))
	if _, err := shop.fetch(ctx, args, w.axes); err != nil {
		return nil, err
	}
	files, err := shop.provenModules(ctx, cells, own, scratch)
	if err != nil {
		return nil, err
	}
	inputs, err := a.kitInputs(cache, cells)
	if err != nil {
		return nil, err
	}
	files = append(files, inputs...)
	for _, src := range sources {
		more, err := a.kitSource(src, cells, scratch)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	var zips []string
	for _, dir := range []string{own, cache} {
		zips = append(zips, filepath.Join(dir, filepath.FromSlash(supply.Modules)))
	}
	return files, a.checkVendorFolders(ctx, files, zips...)
}

// provenModules lists toolchains and modules of the cache own, with proofs that were made and checked for them.
func (a *app) provenModules(ctx context.Context, cells []plan.Cell, own, scratch string) ([]supply.File, error) {
	s, done, err := a.openWorkshop()
	if err != nil {
		return nil, err
	}
	defer done()
	releases := map[string]bool{defaultGo: true}
	for _, c := range cells {
		for _, j := range c.Jobs() {
			switch {
			case j.Go.Path != "":
				return nil, usagef("name a release", "a kit holds releases of Go, and %q is a directory", j.Go.String())
			case j.Go != (plan.GoSpec{}):
				releases[j.Go.String()] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(releases)) {
		if err := s.store.Download(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := a.fetchVendored(ctx, s.store, cells); err != nil {
		return nil, err
	}
	g, err := s.store.Go(ctx, defaultGo)
	if err != nil {
		return nil, err
	}
	key, err := supply.DatabaseKey(g.GOROOT)
	if err != nil {
		return nil, err
	}
	tree := filepath.Join(own, filepath.FromSlash(supply.Modules))
	files, mods, err := supply.ModuleTree(tree)
	if err != nil {
		return nil, err
	}
	sumdb, err := s.store.Prove(ctx, filepath.Join(scratch, "proofs"), tree, mods)
	if err != nil {
		return nil, usagef("a kit holds only what the checksum database vouches for: private modules belong into a vendor folder", "%w", err)
	}
	proofs, err := supply.Proofs(sumdb)
	if err != nil {
		return nil, err
	}
	files = append(files, proofs...)
	if err := proveModules(ctx, files, key); err != nil {
		return nil, err
	}
	return append(files, supply.File{Kind: supply.Proof, Path: keyPart, Data: []byte(key + "\n")}), nil
}

// keyPart holds the checksum database's verifier key.
const keyPart = "sumdb.key"

// selfExe is this program.
const selfExe = "/proc/self/exe"

// withEnv replaces variables.
func withEnv(environ []string, set ...string) []string {
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, name+"=") }) {
			out = append(out, kv)
		}
	}
	return append(out, set...)
}

// kitInputs lists kernels and libraries of the cells' architectures.
func (a *app) kitInputs(cache string, cells []plan.Cell) ([]supply.File, error) {
	var files []supply.File
	names := map[string]bool{}
	for _, arch := range archesOf(cells) {
		names["kernel-"+arch] = true
		if arch == "arm" {
			names["musl-armhf"] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		more, err := supply.Tree(supply.Input, filepath.Join(cache, "inputs", name), "inputs/"+name, nil)
		if err != nil {
			return nil, usagef("run scripts/deps", "the input %q is not whole: %w", name, err)
		}
		files = append(files, more...)
	}
	return files, nil
}

// kitSource lists a project's files: everything that may enter its builds.
func (a *app) kitSource(src source, cells []plan.Cell, scratch string) ([]supply.File, error) {
	name := path.Base(filepath.ToSlash(strings.TrimPrefix(src.Arg, fixtures.Prefix)))
	if src.Archive != nil {
		return []supply.File{{Kind: supply.Source, Path: "projects/" + strings.TrimSuffix(name, ".txtar") + ".txtar", Data: src.Archive.Bytes()}}, nil
	}
	if name == "." || name == ".." {
		name = filepath.Base(src.Project.Dir)
	}
	var dirs []string
	for _, c := range cells {
		if c.Project != nil && c.Project.Dir == src.Project.Dir {
			dirs = build.Dirs(c)
			break
		}
	}
	tree, err := build.NewTree(src.Project.Dir, dirs, scratch)
	if err != nil {
		return nil, err
	}
	if len(tree.Fixed) > 0 {
		return nil, usagef("replace modules by relative paths", "project %q uses %q, which would not be there", src.Arg, tree.Fixed[0])
	}
	var files []supply.File
	for _, root := range tree.Roots {
		more, err := supply.Sources(filepath.Join(tree.Base, filepath.FromSlash(root)), path.Join("projects", name, root))
		if err != nil {
			return nil, usagef("put a copy of what a link leads to in its place", "reading project %q: %w", src.Arg, err)
		}
		files = append(files, more...)
	}
	if link, ok := supply.Dangling(files); ok {
		return nil, usagef("remove it, or put a copy of what it leads to in its place", "project %q: the link %q leads to nothing that is in the kit: to nothing, to an empty folder or through another link", src.Arg, link)
	}
	return files, nil
}
