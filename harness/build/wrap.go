package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// wrapperModule is the main module in which a versioned host's probe is built.
const wrapperModule = "plugproof.invalid/probe"

// wrap makes the side's directory a module that requires the host's at its version and replaces it by a writable copy of itself: an overlay
// beneath GOMODCACHE is refused by cmd/go, and a replacement keeps MODULE@VERSION in the positions, so the fingerprints stay as shipped.
// All of the host's own requirements are repeated, so the build list is the one that go install uses.
func (s *side) wrap(ctx context.Context) (*Failure, error) {
	mod, err := s.versioned()
	if err != nil {
		return nil, err
	}
	from, err := s.moduleDir(mod)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(s.root, "wrapper")
	copied := filepath.Join(root, "module")
	if err := os.MkdirAll(copied, 0o755); err != nil {
		return nil, err
	}
	t := &Tree{Base: from, Roots: []string{"."}}
	if _, err := t.copyTo(copied, s.b.MaxTree); err != nil {
		return nil, err
	}
	data, err := readSmall(filepath.Join(from, "go.mod"))
	if err != nil {
		if !os.IsNotExist(err) {
			return nil, err
		}
		data = []byte("module " + modfile.AutoQuote(mod.Path) + "\n") // from before modules
		if err := os.WriteFile(filepath.Join(copied, "go.mod"), data, 0o644); err != nil {
			return nil, err
		}
	}
	theirs, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return &Failure{Op: "go install", Text: err.Error(), Side: s.name}, nil
	}
	ours := new(modfile.File)
	ours.AddModuleStmt(wrapperModule)
	if theirs.Go != nil {
		ours.AddGoStmt(theirs.Go.Version)
	}
	for _, g := range theirs.Godebug { // go install's main package takes them from there
		ours.AddGodebug(g.Key, g.Value)
	}
	ours.AddNewRequire(mod.Path, mod.Version, false)
	for _, r := range theirs.Require {
		ours.AddNewRequire(r.Mod.Path, r.Mod.Version, r.Indirect)
	}
	ours.AddReplace(mod.Path, mod.Version, "./module", "")
	ours.Cleanup()
	text, err := ours.Format()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), text, 0o644); err != nil {
		return nil, err
	}
	if sums, err := os.ReadFile(filepath.Join(from, "go.sum")); err == nil {
		if err := os.WriteFile(filepath.Join(root, "go.sum"), sums, 0o644); err != nil {
			return nil, err
		}
	}
	s.dir = root
	s.env["GOWORK"] = "off"
	// The wrapper's go.mod and go.sum are completed from the module cache, which Fetch filled under the checksum database's eyes.
	s.env["GOFLAGS"] = strings.TrimSpace(s.env["GOFLAGS"] + " -mod=mod")
	return nil, nil
}

// versioned finds the module of the job's package: the longest path whose version is in the module cache.
func (s *side) versioned() (module.Version, error) {
	for path := s.job.Package; path != "." && path != "/"; path = filepath.Dir(path) {
		m := module.Version{Path: path, Version: s.job.Version}
		if dir, err := s.moduleDir(m); err == nil {
			if rest := strings.TrimPrefix(strings.TrimPrefix(s.job.Package, path), "/"); isDir(filepath.Join(dir, rest)) {
				return m, nil
			}
		}
	}
	return module.Version{}, &Error{Op: "building a probe of " + s.job.Subject, Kind: NotFetched,
		Text: fmt.Sprintf("no module of %s@%s is in the module cache", s.job.Package, s.job.Version), hint: "fetch first, with the network on"}
}

func (s *side) moduleDir(m module.Version) (string, error) {
	path, err := module.EscapePath(m.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(m.Version)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(s.b.ModCache, filepath.FromSlash(path)+"@"+version)
	if !isDir(dir) {
		return "", os.ErrNotExist
	}
	return dir, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
