package audit

import (
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// A Listed is a file of a repository whose digest was checked already.
type Listed struct {
	Name   string
	Size   int64
	SHA256 [32]byte
	Open   func() (io.ReaderAt, error)
}

// Listing audits a repository by its indexes, its signatures and the digests of its packages, none of which it reads. The findings
// are of classes of Damage: signatures are held against the indexes' own keys.
func Listing(list []Listed) []Finding {
	rep := &report{}
	a := &auditor{report: rep, opt: Options{AllowUnsigned: true}}
	all, files := map[string]Listed{}, map[string]found{}
	indexes := map[string]*repo.Index{}
	var own []*sign.PublicKey
	for _, f := range list {
		all[f.Name] = f
		if strings.HasSuffix(f.Name, ".xbps") {
			files[f.Name] = found{name: f.Name, hash: hex.EncodeToString(f.SHA256[:]), size: f.Size}
		}
		arch, ok := strings.CutSuffix(f.Name, repo.Suffix)
		if !ok {
			continue
		}
		r, err := f.Open()
		if err != nil {
			a.add(f.Name, "", Unreadable, "%v", err)
			continue
		}
		x, err := repo.Read(r, f.Size)
		if err != nil {
			a.add(f.Name, "", BadIndex, "%v", err)
			continue
		}
		indexes[arch] = x
		if x.Meta != nil {
			own = append(own, x.Meta.Key)
		}
	}
	if len(indexes) == 0 && len(rep.findings) == 0 {
		a.add(".", "", NoIndex, "the directory has no ARCH-repodata")
	}
	for _, arch := range slices.Sorted(maps.Keys(indexes)) {
		a.listed(arch, indexes[arch], files)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a.named(name, indexes)
		if len(own) > 0 {
			a.signed(all[name], all, own)
		}
	}
	return slices.DeleteFunc(rep.sorted(), func(f Finding) bool { return !slices.Contains(Damage, f.Class) })
}

// named looks a package file up in the indexes by its name.
func (a *auditor) named(file string, indexes map[string]*repo.Index) {
	pkgver, arch, ok := xbps.SplitFile(file)
	name, _, split := xbps.Split(pkgver)
	if !ok || !split {
		a.add(file, "", WrongName, "the name is none of a package")
		return
	}
	known := len(indexes) == 0
	for index, x := range indexes {
		if arch != index && arch != "noarch" {
			continue
		}
		in, ok := x.Packages[name]
		staged, held := x.Stage[name]
		known = known || ok || held
		if ok && repo.Newer(manifest.Props{Pkgver: pkgver}, in) && staged.Pkgver != pkgver {
			a.add(file, "", Downgrade, "is newer than %s, which %s has", in.Pkgver, index+repo.Suffix)
		}
	}
	if !known {
		a.add(file, "", NotIndexed, "is in no index")
	}
}

// signed holds a package of a signed repository against the signature beside it.
func (a *auditor) signed(f Listed, all map[string]Listed, own []*sign.PublicKey) {
	s, ok := all[f.Name+".sig2"]
	if !ok {
		if _, old := all[f.Name+".sig"]; !old {
			a.add(f.Name, "", NoSignature, "has no signature (.sig2)")
		}
		return
	}
	sig := make([]byte, min(s.Size, maxSignature+1))
	r, err := s.Open()
	if err == nil {
		_, err = r.ReadAt(sig, 0)
	}
	if err != nil && err != io.EOF {
		a.add(f.Name, "", BadSignature, "its signature cannot be read: %v", err)
		return
	}
	if !slices.ContainsFunc(own, func(k *sign.PublicKey) bool { return k.Verify(f.SHA256, sig) == nil }) {
		a.add(f.Name, "", BadSignature, "its signature is not of the repository's key over this file")
	}
}
