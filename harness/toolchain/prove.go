package toolchain

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Download has the go command put a release's zip into the cache's module tree, verified by the checksum database, whether or not
// this machine has that release in another form.
func (s *Store) Download(ctx context.Context, version string) error {
	env, err := s.moduleEnv(filepath.Join(s.Cache, "gopath"), filepath.Join(s.Cache, "gomod"), "")
	if err != nil {
		return err
	}
	s.log("fetching %s as a module", version)
	if _, _, err = output(ctx, !s.Offline, env, s.Bootstrap, "mod", "download", "golang.org/"+filepath.Base(s.goDir(version))); err != nil {
		return s.unavailable(version, err)
	}
	return nil
}

// DownloadModule has the go command put a module, "path@version", into the cache's module tree.
func (s *Store) DownloadModule(ctx context.Context, mod string) error {
	env, err := s.moduleEnv(filepath.Join(s.Cache, "gopath"), filepath.Join(s.Cache, "gomod"), "")
	if err != nil {
		return err
	}
	if _, _, err := output(ctx, !s.Offline, env, s.Bootstrap, "mod", "download", mod); err != nil {
		return fmt.Errorf("fetching %s: %w", mod, err)
	}
	return nil
}

// Prove has the go command ask the checksum database for every module in mods ("path@version"), also for those that a go.sum
// already names, and verify the answers. The proofs lie below the returned directory, a fresh one in dir: proofs that were made
// at different times do not fit together. tree is the module tree in which the modules are.
func (s *Store) Prove(ctx context.Context, dir, tree string, mods []string) (sumdb string, err error) {
	cache := filepath.Join(dir, "gomod")
	env, err := s.moduleEnv(filepath.Join(dir, "gopath"), cache, (&url.URL{Scheme: "file", Path: tree}).String())
	if err != nil {
		return "", err
	}
	var plain, toolchains []string
	for _, m := range mods {
		if strings.HasPrefix(m, "golang.org/toolchain@") { // which has no go.mod to list
			toolchains = append(toolchains, m)
		} else {
			plain = append(plain, m)
		}
	}
	s.log("asking the checksum database about %d modules", len(mods))
	for _, ask := range []struct {
		args, mods []string
	}{{[]string{"list", "-m", "-json"}, plain}, {[]string{"mod", "download"}, toolchains}} {
		for len(ask.mods) > 0 {
			n := min(len(ask.mods), 500) // an argument list has an end
			if _, _, err := output(ctx, !s.Offline, env, s.Bootstrap, append(ask.args, ask.mods[:n]...)...); err != nil {
				return "", fmt.Errorf("asking the checksum database: %w", err)
			}
			ask.mods = ask.mods[n:]
		}
	}
	sumdb = filepath.Join(cache, "cache", "download", "sumdb")
	_, err = os.Stat(sumdb)
	return sumdb, err
}

// moduleEnv is the environment of a go command that handles modules for us, with first before the caller's proxies.
func (s *Store) moduleEnv(gopath, modcache, first string) ([]string, error) {
	env, proxy, err := s.fetchEnv()
	if err != nil {
		return nil, err
	}
	own := []string{
		"PATH=" + strings.Join(s.path(), ":"), "GOENV=off", "GOFLAGS=-modcacherw", "GOWORK=off", "GO111MODULE=on", "GOTELEMETRY=off", "GOTOOLCHAIN=local",
		"GOPATH=" + gopath, "GOMODCACHE=" + modcache, "GOCACHE=" + filepath.Join(s.Cache, "gocache", "tools"),
	}
	if first != "" && proxy == "" { // the go command's own, which must be spelled out after another
		out, _, err := output(context.Background(), false, append(own, env...), s.Bootstrap, "env", "GOPROXY")
		if err != nil {
			return nil, err
		}
		proxy = strings.TrimSpace(out)
	}
	switch {
	case first != "" && proxy != "":
		own = append(own, "GOPROXY="+first+","+proxy)
	case proxy != "":
		own = append(own, "GOPROXY="+proxy)
	}
	return append(own, env...), nil
}
