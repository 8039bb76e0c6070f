package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/images/userland"
)

// MissingModulesError says that the userland's modules are not in the module cache and may not be fetched.
type MissingModulesError struct{ Err error }

func (e *MissingModulesError) Error() string {
	return fmt.Sprintf("the modules of the guest's userland are not there: %v", e.Err)
}
func (e *MissingModulesError) Unwrap() error { return e.Err }

// Hint is what to do about it.
func (e *MissingModulesError) Hint() string { return "run `make deps` once with a network" }

// compileUserland returns the shell and commands for the architecture, from the cache or compiled. The build has no network;
// modules that are missing are fetched before, in a step of their own.
func (s Setup) compileUserland(ctx context.Context) ([]byte, error) {
	b := goBuild{Go: s.Go, Arch: s.Arch, Cache: s.Cache, Name: "userland", Package: ".", Flags: guestFlags, ModCache: s.ModCache}
	if b.ModCache == "" {
		b.ModCache = filepath.Join(s.Cache, "gomod")
	}
	for name, data := range userland.Sources() {
		b.Sources = append(b.Sources, source{name, data})
	}
	sort.Slice(b.Sources, func(i, j int) bool { return b.Sources[i].Name < b.Sources[j].Name })
	program, err := b.run(ctx)
	if err != nil && ctx.Err() == nil {
		if s.Offline {
			return nil, &MissingModulesError{err}
		}
		if err := s.fetchModules(ctx, b); err != nil {
			return nil, &MissingModulesError{err}
		}
		program, err = b.run(ctx)
	}
	if err != nil {
		return nil, err
	}
	return program, nil
}

// fetchModules downloads the module's requirements; their sums are in its go.sum.
func (s Setup) fetchModules(ctx context.Context, b goBuild) error {
	if s.Log != nil {
		s.Log("fetching the modules of the guest's userland (u-root)")
	}
	dir, err := os.MkdirTemp("", "plugproof-guest-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, f := range b.Sources {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			return err
		}
	}
	env := slices.DeleteFunc(b.env(dir), func(e string) bool { return strings.HasPrefix(e, "GOPROXY=") || strings.HasPrefix(e, "GOFLAGS=") }) // cmd/go's own default, or the caller's
	env = append(env, "GOFLAGS=-modcacherw")
	_, err = output(ctx, proc.Cmd{Path: b.Go, Args: []string{"mod", "download"}, Dir: dir, Env: append(env, s.FetchEnv...), Network: true})
	return err
}
