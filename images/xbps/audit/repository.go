package audit

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// Repository audits a directory: its indexes, every package file in it, and for each architecture the dependencies, the
// conflicts and the libraries of all packages.
func Repository(ctx context.Context, dir string, opt Options) ([]Finding, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	rep := &report{}
	a := &auditor{ctx: ctx, root: root, opt: opt, report: rep}
	indexes := map[string]*repo.Index{}
	var own []*sign.PublicKey
	var names []string
	for _, e := range entries {
		if arch, ok := strings.CutSuffix(e.Name(), repo.Suffix); ok {
			x, err := a.index(e.Name())
			if err != nil {
				return nil, err
			}
			if x == nil {
				continue
			}
			indexes[arch] = x
			if x.Meta != nil {
				own = append(own, x.Meta.Key)
			}
		}
		if strings.HasSuffix(e.Name(), ".xbps") {
			names = append(names, e.Name())
		}
	}
	if len(indexes) == 0 && len(rep.findings) == 0 {
		rep.add(".", "", NoIndex, "the directory has no ARCH-repodata")
	}
	files := map[string]found{}
	for _, name := range names {
		f, err := a.file(name, own)
		if err != nil {
			return nil, err
		}
		files[name] = f
	}
	for _, arch := range slices.Sorted(maps.Keys(indexes)) {
		a.listed(arch, indexes[arch], files)
		a.closure(arch+repo.Suffix, indexes[arch])
		a.since(arch, indexes[arch])
	}
	a.unlisted(indexes, files)
	return rep.sorted(), nil
}

// index reads one index and judges its key. A nil index without an error has become a finding.
func (a *auditor) index(name string) (*repo.Index, error) {
	f, size, err := openRegular(a.root, name)
	if err != nil {
		a.add(name, "", Unreadable, "%v", reason(err))
		return nil, nil
	}
	defer f.Close()
	x, err := repo.Read(f, size)
	if err != nil {
		a.add(name, "", BadIndex, "%v", err)
		return nil, nil
	}
	switch {
	case x.Meta == nil:
		if !a.opt.AllowUnsigned {
			a.add(name, "", Unsigned, "the repository is not signed: its index names no key")
		}
	case len(a.opt.Keys) == 0:
		a.add(name, "", NoKey, "signed by %q with the key %s, and no key is given to trust", x.Meta.SignatureBy, x.Meta.Key.Fingerprint())
	case !a.opt.trusts(x.Meta.Key):
		a.add(name, "", UnknownKey, "signed by %q with the key %s, which is not trusted", x.Meta.SignatureBy, x.Meta.Key.Fingerprint())
	}
	return x, nil
}

// listed compares each package of an index with its file.
func (a *auditor) listed(arch string, x *repo.Index, files map[string]found) {
	index := arch + repo.Suffix
	for _, part := range []map[string]manifest.Props{x.Packages, x.Stage} {
		for _, name := range slices.Sorted(maps.Keys(part)) {
			p := part[name]
			if p.Architecture != arch && p.Architecture != "noarch" {
				a.add(index, "", WrongArch, "%s is for %s", p.Pkgver, p.Architecture)
			}
			f, ok := files[p.FileName()]
			switch {
			case !ok:
				a.add(index, "", MissingFile, "%s is not in the directory", p.FileName())
				continue
			case f.hash == "":
				continue // unreadable, already said
			case f.size != p.FileSize:
				a.add(f.name, "", WrongSize, "has %d bytes, %s says %d", f.size, index, p.FileSize)
			case !strings.EqualFold(f.hash, p.FileSHA256):
				a.add(f.name, "", WrongHash, "SHA-256 is %s, %s says %s", f.hash, index, p.FileSHA256)
			}
			if keys := differing(p, f.props); f.props.Pkgver != "" && len(keys) > 0 {
				a.add(f.name, "", IndexDiffers, "%s says otherwise of %s", index, strings.Join(keys, ", "))
			}
			if f.props.Pkgver == "" {
				a.problems(index, p)
			}
		}
	}
}

// problems says what is wrong with an index's entry whose package cannot be asked.
func (a *auditor) problems(index string, p manifest.Props) {
	for _, problem := range p.Problems() {
		a.add(index, "", problem.Class, "%s: %s", p.Pkgver, problem.Text)
	}
}

// differing returns the keys in which an index's entry differs from the package's own properties.
func differing(index, pkg manifest.Props) (keys []string) {
	index.FileSHA256, index.FileSize = pkg.FileSHA256, pkg.FileSize
	a, b := index.IndexDict(), pkg.IndexDict()
	for key := range a {
		if _, ok := b[key]; !ok {
			b[key] = nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if !reflect.DeepEqual(a[key], b[key]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// unlisted looks at the package files that no index has: an older version is what a repository keeps, a newer one says
// that the index was turned back.
func (a *auditor) unlisted(indexes map[string]*repo.Index, files map[string]found) {
	if len(indexes) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p := files[name].props
		if p.Pkgver == "" {
			continue
		}
		known := false
		for arch, x := range indexes {
			if p.Architecture != arch && p.Architecture != "noarch" {
				continue
			}
			in, ok := x.Packages[p.Name()]
			staged, held := x.Stage[p.Name()]
			known = known || ok || held
			if ok && repo.Newer(p, in) && staged.Pkgver != p.Pkgver {
				a.add(name, "", Downgrade, "is newer than %s, which %s has", in.Pkgver, arch+repo.Suffix)
			}
		}
		if !known {
			a.add(name, "", NotIndexed, "is in no index")
		}
	}
}

// since compares an index with one that was known before.
func (a *auditor) since(arch string, x *repo.Index) {
	before := a.opt.Since[arch]
	if before == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(before.Packages)) {
		was := before.Packages[name]
		now, ok := x.Packages[name]
		if !ok {
			a.add(arch+repo.Suffix, "", Downgrade, "%s was known and is gone", was.Pkgver)
			continue
		}
		if xbps.CompareVersions(now.Pkgver, was.Pkgver) != 0 && !repo.Newer(now, was) {
			a.add(arch+repo.Suffix, "", Downgrade, "%s is older than %s, which was known", now.Pkgver, was.Pkgver)
		}
	}
}
