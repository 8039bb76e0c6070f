package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/verify/supply/kit"
	"github.com/plugproof/plugproof/verify/supply/vendored"
)

// vendorList ends the path of the list that every vendor folder has.
const vendorList = "/vendor/modules.txt"

// checkVendorFolders refuses projects whose vendor folders are not what go.sum names. What no zip is at hand for is said and goes on:
// private modules travel in vendor folders.
func (a *app) checkVendorFolders(ctx context.Context, files []supply.File, zips ...string) error {
	for _, f := range files {
		in, ok := strings.CutSuffix(f.Path, vendorList)
		if f.Kind != supply.Source || !ok || f.From == "" {
			continue
		}
		found, err := vendored.Check(ctx, filepath.Dir(filepath.Dir(f.From)), vendored.Options{Zips: zips})
		if errors.Is(err, os.ErrNotExist) {
			continue // a folder of that name in no module
		}
		if err != nil {
			return fmt.Errorf("checking the vendor folder of %q: %w", in, err)
		}
		if bad := a.vendorFindings(in, found); len(bad) > 0 {
			return &Error{Code: ExitFinding, Err: fmt.Errorf("%s %s: %s (%d such findings)", bad[0].Kind, bad[0].Path, bad[0].Text, len(bad)),
				Hint: "go mod vendor makes the folder anew; 'plugproof kit verify --vendor DIR' lists all that is wrong"}
		}
	}
	return nil
}

// fetchVendored fetches the modules that projects' vendor folders are made of, so that they can be checked there, too. One that
// cannot be had is private, or gone, and is said.
func (a *app) fetchVendored(ctx context.Context, store *toolchain.Store, cells []plan.Cell) error {
	seen := map[string]bool{}
	for _, c := range cells {
		if c.Project == nil || seen[c.Project.Dir] {
			continue
		}
		seen[c.Project.Dir] = true
		list, err := os.ReadFile(filepath.Join(c.Project.Dir, filepath.FromSlash(vendorList)))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		mods, err := vendored.Modules(list)
		if err != nil {
			return &Error{Code: ExitFinding, Err: err, Hint: "go mod vendor makes the folder anew"}
		}
		for _, m := range mods {
			if seen[m] {
				continue
			}
			seen[m] = true
			if err := store.DownloadModule(ctx, m); err != nil && ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				a.note("what is vendored of %s cannot be checked: %s", m, oneLine(err.Error()))
			}
		}
	}
	return nil
}

// vendorFindings are those that say that something is wrong; the others are said.
func (a *app) vendorFindings(in string, found []vendored.Finding) (out []kitFinding) {
	for _, f := range found {
		if f.Incomplete() {
			a.note("%s: %s", oneLine(in+"/"+f.Path), oneLine(f.Text))
			continue
		}
		out = append(out, kitFinding{Kind: string(f.Kind), Path: in + "/" + f.Path, Text: f.Text})
	}
	return out
}

// kitVendor checks the vendor folders of the projects in a kit against the zips that the kit holds, in copies of both.
func (a *app) kitVendor(ctx context.Context, parts []kit.Part, open func(kit.Part) (io.ReaderAt, error)) (out []kitFinding, err error) {
	for _, list := range parts {
		in, ok := strings.CutSuffix(list.Path, vendorList)
		if !ok || list.Kind != supply.Source {
			continue
		}
		cache, err := a.openCache()
		if err != nil {
			return nil, err
		}
		scratch, done, err := a.kitScratch(cache)
		if err != nil {
			return nil, err
		}
		found, err := checkCopies(ctx, in, list, parts, open, scratch)
		done()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("checking the vendor folder of %q: %w", in, err)
		}
		out = append(out, a.vendorFindings(in, found)...)
	}
	return out, nil
}

func checkCopies(ctx context.Context, in string, list kit.Part, parts []kit.Part, open func(kit.Part) (io.ReaderAt, error), scratch string) ([]vendored.Finding, error) {
	r, err := open(list)
	if err != nil {
		return nil, err
	}
	if list.Size > vendored.MaxList {
		return []vendored.Finding{{Kind: vendored.List, Path: vendorList[1:], Text: fmt.Sprintf("it is longer than %d bytes", vendored.MaxList)}}, nil
	}
	text, err := io.ReadAll(io.NewSectionReader(r, 0, list.Size))
	if err != nil {
		return nil, err
	}
	dir, zips := filepath.Join(scratch, "module"), filepath.Join(scratch, "zips")
	for _, p := range parts {
		to := ""
		if rel, ok := strings.CutPrefix(p.Path, in+"/"); ok && (rel == "go.mod" || rel == "go.sum" || strings.HasPrefix(rel, "vendor/")) {
			to = filepath.Join(dir, filepath.FromSlash(rel))
		}
		if rel, ok := strings.CutPrefix(p.Path, supply.Modules+"/"); ok && p.Kind == supply.Module && supply.Lists(text, rel) {
			to = filepath.Join(zips, filepath.FromSlash(rel))
		}
		if to == "" {
			continue
		}
		if err := copyOut(to, p, open); err != nil {
			return nil, err
		}
	}
	return vendored.Check(ctx, dir, vendored.Options{Zips: []string{zips}})
}

func copyOut(to string, p kit.Part, open func(kit.Part) (io.ReaderAt, error)) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	r, err := open(p)
	if err != nil {
		return err
	}
	if p.Link {
		return os.Symlink(".", to) // wherever it leads to, it is none that a vendor folder has
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(r, 0, p.Size))
	return errors.Join(err, f.Close())
}
