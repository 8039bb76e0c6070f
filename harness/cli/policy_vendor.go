package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/verify/policy"
	"github.com/plugproof/plugproof/verify/supply/vendored"
)

// vendor notes the vendor folder that a job is built from: the go command takes one that is there unless -mod says otherwise.
func (e *evidence) vendor(r int, tree *build.Tree, j plan.Job) {
	for _, flag := range slices.Concat(j.Flags, strings.Fields(j.Env["GOFLAGS"])) {
		switch strings.TrimLeft(flag, `-'"`) {
		case "mod=mod", "mod=readonly":
			return
		}
	}
	dir, _, err := plan.Module(filepath.Join(e.project.Dir, filepath.FromSlash(j.Dir)))
	if err != nil || tree.Work && j.Env["GOWORK"] != "off" && upwards(dir, "go.work") != "" {
		dir = e.dirs[r]
	}
	if _, err := os.Lstat(filepath.Join(dir, "vendor")); err == nil && !slices.Contains(e.vendors, dir) {
		e.vendors = append(e.vendors, dir)
	}
}

// vendored holds vendor folders against the zips that go.sum names, and what they have of replacements' directories against those.
func (e *evidence) vendored(ctx context.Context) error {
	for _, dir := range e.vendors {
		at := e.name(filepath.Join(dir, "vendor"))
		found, err := vendored.Check(ctx, dir, vendored.Options{Zips: e.zips})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			e.lose(at, "what is built is taken from this folder, and it cannot be compared with what go.sum names: %v", err)
			continue
		}
		for _, f := range found {
			file := e.name(filepath.Join(dir, filepath.FromSlash(f.Path)))
			if f.Kind == vendored.Local {
				e.local(dir, f.Path, f.Module)
				continue
			}
			if f.Incomplete() {
				e.lose(file, "what is built is taken from this folder: %s", f.Text)
				continue
			}
			e.found = append(e.found, policy.Finding{Kind: policy.Vendored, File: file, Module: f.Module, Text: f.Text})
		}
	}
	return nil
}

// local compares what a vendor folder has of a module that is replaced by a directory with that directory.
func (e *evidence) local(dir, path, mod string) {
	for _, r := range e.Roots {
		from, ok := r.Directory(dir, mod)
		if !ok {
			continue
		}
		differ, err := policy.Copied(filepath.Join(dir, filepath.FromSlash(path)), from)
		if err != nil {
			break
		}
		for _, d := range differ {
			e.found = append(e.found, policy.Finding{Kind: policy.Vendored, File: e.name(filepath.Join(dir, filepath.FromSlash(path), filepath.FromSlash(d.Name))), Module: mod, Text: d.Text})
		}
		return
	}
	e.lose(e.name(filepath.Join(dir, filepath.FromSlash(path))), "what is built is taken from this folder, and it cannot be compared with the directory that replaces %s", mod)
}
