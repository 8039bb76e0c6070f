package supply

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

// Repositories is where repositories of Void packages lie in a kit and in a cache.
const Repositories = "xbps"

// Packages lists a folder of repositories as parts below xbps/NAME. Every repository in it must hold together: what is damaged is
// said in findings, by the file's path, which begins with name. unsigned names repositories without a key, of which xbps-install takes nothing
// over HTTP. A folder without any repository is an error.
func Packages(ctx context.Context, dir, name string) (files []File, damage []audit.Finding, unsigned []string, err error) {
	at := path.Join(Repositories, name)
	if files, err = Tree(Package, dir, at, nil); err != nil {
		return nil, nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, nil, errors.New("there is no file in it")
	}
	folders := map[string]bool{}
	for _, f := range files {
		if inRepository(f.Path) {
			folders[strings.TrimPrefix(path.Dir(f.Path)+"/", at+"/")] = true
		}
	}
	if len(folders) == 0 {
		return nil, nil, nil, errors.New("there is no repository in it: neither ARCH" + repo.Suffix + " nor a package")
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		found, err := audit.Repository(ctx, filepath.Join(dir, filepath.FromSlash(folder)), audit.Options{})
		if err != nil {
			return nil, nil, nil, err
		}
		free := slices.ContainsFunc(found, func(f audit.Finding) bool { return f.Class == audit.Unsigned })
		if free {
			unsigned = append(unsigned, path.Join(name, folder))
		}
		for _, f := range found {
			if slices.Contains(audit.Damage, f.Class) && !(free && f.Class == audit.NoSignature) {
				f.File = path.Join(name, folder, f.File)
				damage = append(damage, f)
			}
		}
	}
	return files, damage, unsigned, nil
}

func inRepository(name string) bool {
	return strings.HasSuffix(name, ".xbps") || strings.HasSuffix(name, repo.Suffix)
}

// CheckRepositories holds the repositories among a kit's parts together: each index against the sizes and digests that the manifest
// names, and the packages' signatures. open gives a part's bytes; the packages themselves are not read. Findings name parts by their
// paths.
func CheckRepositories(parts []kit.Part, open func(kit.Part) (io.ReaderAt, error)) ([]audit.Finding, error) {
	folders, in := map[string][]audit.Listed{}, map[string]bool{}
	for _, p := range parts {
		if !strings.HasPrefix(p.Path, Repositories+"/") {
			continue
		}
		dir, base := path.Split(p.Path)
		sum, err := hex.DecodeString(p.SHA256.Hex())
		if err != nil || len(sum) != 32 {
			return nil, fmt.Errorf("the digest of %q: %s", p.Path, p.SHA256)
		}
		folders[dir] = append(folders[dir], audit.Listed{Name: base, Size: p.Size, SHA256: [32]byte(sum), Open: func() (io.ReaderAt, error) { return open(p) }})
		in[dir] = in[dir] || inRepository(base)
	}
	var out []audit.Finding
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		if !in[dir] {
			continue
		}
		for _, f := range audit.Listing(folders[dir]) {
			f.File = path.Join(dir, f.File)
			out = append(out, f)
		}
	}
	return out, nil
}
