package toolchain

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// fetch has the go command download a release into our own GOMODCACHE. The user's module cache is asked first, so that what is
// on this machine is not downloaded again; the checksum database verifies it in either case, and is asked in the same place:
// a proxy that serves a part of it is taken by the go command to serve all of it.
func (s *Store) fetch(ctx context.Context, version string) (root, got string, err error) {
	env, proxy, err := s.fetchEnv()
	if err != nil {
		return "", "", err
	}
	local, err := s.userProxy(version)
	if err != nil {
		return "", "", err
	}
	if local != "" {
		s.log("taking %s from the module cache %s", version, s.UserModCache)
		root, got, err = s.goEnv(ctx, false, s.Bootstrap, version, append(env, "GOPROXY="+local)...)
		if err == nil || ctx.Err() != nil {
			return root, got, err
		}
	}
	if s.Offline && !strings.HasPrefix(proxy, "file://") { // which a kit's is
		if err == nil {
			err = errors.New("it is not on this machine")
		}
		return "", "", err
	}
	if proxy != "" {
		env = append(env, "GOPROXY="+proxy)
	}
	s.log("fetching %s", version)
	return s.goEnv(ctx, !s.Offline, s.Bootstrap, version, env...)
}

// fetchEnv is FetchEnv without what is ours to say, and its GOPROXY. A proxy that is a directory would be believed without the
// checksum database if GOSUMDB or one of its exceptions allowed it, so they may not.
func (s *Store) fetchEnv() (env []string, proxy string, err error) {
	for _, kv := range s.FetchEnv {
		switch k, v, _ := strings.Cut(kv, "="); k {
		case "GOPROXY":
			proxy = v
		case "GOSUMDB":
			if v == "off" {
				return nil, "", errors.New("the checksum database is disabled by GOSUMDB=off")
			}
			env = append(env, kv)
		case "GOTOOLCHAIN", "GOFLAGS", "GOENV", "GOWORK", "GOPATH", "GOMODCACHE", "GOCACHE", "GOROOT", "GOOS", "GOARCH", "PATH",
			"GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE":
		default:
			env = append(env, kv)
		}
	}
	return append(env, "GONOSUMDB=none.invalid", "GIT_TERMINAL_PROMPT=0"), proxy, nil
}

// userProxy makes the download directory of the user's module cache usable as GOPROXY=file://. The checksum database's part of
// a cache lacks the file "supported" that a proxy's has, so a directory of links supplies it. It is "" if the cache lacks version.
func (s *Store) userProxy(version string) (string, error) {
	if s.UserModCache == "" {
		return "", nil
	}
	from := filepath.Join(s.UserModCache, "cache", "download")
	if !exists(filepath.Join(from, "golang.org", "toolchain", "@v", filepath.Base(s.goDir(version))[len("toolchain@"):]+".zip")) {
		return "", nil
	}
	dir := filepath.Join(s.Cache, "userproxy")
	links := map[string]string{"golang.org": filepath.Join(from, "golang.org")}
	sums, err := filepath.Glob(filepath.Join(from, "sumdb", "*"))
	if err != nil {
		return "", fmt.Errorf("listing the checksum databases of %q: %w", from, err)
	}
	for _, sum := range sums {
		name := filepath.Base(sum)
		if err := os.MkdirAll(filepath.Join(dir, "sumdb", name), 0o755); err != nil {
			return "", fmt.Errorf("making a proxy of %q: %w", from, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "sumdb", name, "supported"), nil, 0o644); err != nil {
			return "", fmt.Errorf("making a proxy of %q: %w", from, err)
		}
		for _, part := range []string{"lookup", "tile"} {
			links[filepath.Join("sumdb", name, part)] = filepath.Join(sum, part)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making a proxy of %q: %w", from, err)
	}
	for link, target := range links {
		if err := symlink(target, filepath.Join(dir, link)); err != nil {
			return "", fmt.Errorf("making a proxy of %q: %w", from, err)
		}
	}
	return (&url.URL{Scheme: "file", Path: dir}).String(), nil
}

// symlink makes link lead to target, replacing it in one step.
func symlink(target, link string) error {
	if old, err := os.Readlink(link); err == nil && old == target {
		return nil
	}
	tmp := fmt.Sprintf("%s.%d", link, os.Getpid())
	os.Remove(tmp)
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, link)
}
