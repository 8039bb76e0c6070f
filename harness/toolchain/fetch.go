package toolchain

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// fetch has the go command download a release into our own GOMODCACHE. The user's module cache is read first, as a file proxy,
// so that what is on this machine is not downloaded again. The checksum database verifies it in either case.
func (s *Store) fetch(ctx context.Context, version string) (root, got string, err error) {
	local, err := s.userProxy()
	if err != nil {
		return "", "", err
	}
	env := make([]string, 0, len(s.FetchEnv)+2)
	var proxy string
	for _, kv := range s.FetchEnv {
		switch k, v, _ := strings.Cut(kv, "="); k {
		case "GOPROXY":
			proxy = v
		case "GOTOOLCHAIN", "GOFLAGS", "GOENV", "GOWORK", "GOPATH", "GOMODCACHE", "GOCACHE", "GOROOT", "GOOS", "GOARCH", "GONOSUMDB", "PATH":
			// ours; GOPRIVATE does not name golang.org, and the go command insists on the checksum database for toolchains
		default:
			env = append(env, kv)
		}
	}
	proxies := []string{}
	if local != "" {
		proxies = append(proxies, local)
	}
	switch {
	case s.Offline && strings.HasPrefix(proxy, "file://"):
		proxies = append(proxies, proxy) // a kit
	case s.Offline:
		if local == "" {
			return "", "", fmt.Errorf("it is not on this machine")
		}
	case proxy != "":
		proxies = append(proxies, proxy)
	default: // the go command's own, which must be spelled out after another
		if proxy, _, err = output(ctx, false, []string{"GOENV=off", "GOTOOLCHAIN=local"}, s.Bootstrap, "env", "GOPROXY"); err != nil {
			return "", "", err
		}
		proxies = append(proxies, strings.TrimSpace(proxy))
	}
	s.log("fetching %s", version)
	env = append(env, "GOPROXY="+strings.Join(proxies, ","), "GONOSUMDB=", "GIT_TERMINAL_PROMPT=0")
	return s.goEnv(ctx, !s.Offline, s.Bootstrap, version, env...)
}

// userProxy makes the download directory of the user's module cache usable as GOPROXY=file://. The checksum database's part of
// a cache lacks the file "supported" that a proxy's has, so a directory of links supplies it. It is "" if there is none.
func (s *Store) userProxy() (string, error) {
	if s.UserModCache == "" {
		return "", nil
	}
	from := filepath.Join(s.UserModCache, "cache", "download")
	if _, err := os.Stat(filepath.Join(from, "golang.org", "toolchain", "@v")); err != nil {
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
