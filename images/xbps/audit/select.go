package audit

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// Selection is what a set of wanted packages comes down to.
type Selection struct {
	Packages []manifest.Props // as the index has them, dependencies before dependents where there is no cycle
	Key      *sign.PublicKey  // of the index, nil if it is unsigned
	By       string           // who signed it
	Findings []Finding        // of the index, the packages and the set; with any, nothing may be installed

	Tolerated []Finding // of classes that the options tolerate
}

// Select resolves wanted packages (names, patterns or pkgvers) in the index of an architecture and audits what they
// need, and nothing else of the repository.
func Select(ctx context.Context, dir, arch string, want []string, opt Options) (*Selection, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer root.Close()
	rep := &report{}
	a := &auditor{ctx: ctx, root: root, opt: opt, report: rep}
	index := arch + repo.Suffix
	x, err := a.index(index)
	if err != nil {
		return nil, err
	}
	out := &Selection{}
	if x == nil {
		out.Findings = rep.sorted()
		return out, nil
	}
	var own []*sign.PublicKey
	if x.Meta != nil {
		out.Key, out.By = x.Meta.Key, x.Meta.SignatureBy
		own = append(own, x.Meta.Key)
	}
	a.since(arch, x)
	var missing []repo.Unresolved
	out.Packages, missing = repo.NewPool(x).Closure(want...)
	for _, m := range missing {
		if !a.assumes(m.Dependency) {
			a.add(index, "", MissingDep, "%s needs %q, which no package satisfies", cmp.Or(m.Pkgver, "the image"), m.Dependency)
		}
	}
	files, part := map[string]found{}, &repo.Index{Packages: map[string]manifest.Props{}}
	for _, p := range out.Packages {
		part.Packages[p.Name()] = p
		if _, err := root.Lstat(p.FileName()); err != nil {
			continue // said as missing-file
		}
		if files[p.FileName()], err = a.file(p.FileName(), own); err != nil {
			return nil, err
		}
	}
	a.listed(arch, part, files)
	a.set(index, out.Packages)
	if err := a.newer(index, x, out.Packages); err != nil {
		return nil, err
	}
	for _, f := range rep.sorted() {
		if slices.Contains(opt.Tolerate, f.Class) && slices.Contains(Tolerable, f.Class) {
			out.Tolerated = append(out.Tolerated, f)
		} else {
			out.Findings = append(out.Findings, f)
		}
	}
	return out, nil
}

// newer looks for files of the chosen packages in newer versions, by their names: they say that the index was turned back.
func (a *auditor) newer(index string, x *repo.Index, chosen []manifest.Props) error {
	entries, err := fs.ReadDir(a.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	byName := map[string]manifest.Props{}
	for _, p := range chosen {
		byName[p.Name()] = p
	}
	for _, e := range entries {
		pkgver, arch, ok := xbps.SplitFile(e.Name())
		if !ok {
			continue
		}
		name, version, ok := xbps.Split(pkgver)
		p, wanted := byName[name]
		if !ok || !wanted || arch != p.Architecture || x.Stage[name].Pkgver == pkgver {
			continue
		}
		if xbps.CompareVersions(pkgver, p.Pkgver) > 0 && !slices.Contains(p.Reverts, version) {
			a.add(e.Name(), "", Downgrade, "is newer than %s, which %s has", p.Pkgver, index)
		}
	}
	return nil
}

// set checks the libraries and conflicts of packages that are installed together.
func (a *auditor) set(index string, packages []manifest.Props) {
	provided := map[string]bool{}
	for _, lib := range a.opt.Assume {
		provided[lib] = true
	}
	for _, p := range packages {
		for _, lib := range p.ShlibProvides {
			provided[lib] = true
		}
	}
	for _, p := range packages {
		for _, lib := range p.ShlibRequires {
			if !provided[lib] {
				a.add(index, "", MissingLibrary, "%s needs the library %s, which no package of the set provides", p.Pkgver, lib)
			}
		}
	}
	for _, c := range repo.Conflicts(packages) {
		a.add(index, "", Conflicting, "%s conflicts with %s (%q), and both are needed", c.Pkgver, c.With, c.Pattern)
	}
}

// Refused is the error of an installation that has findings.
type Refused struct{ Findings []Finding }

func (r *Refused) Error() string {
	lines := make([]string, len(r.Findings))
	for i, f := range r.Findings {
		lines[i] = f.String()
	}
	return "refused: " + strings.Join(lines, "; ")
}
