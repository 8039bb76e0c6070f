package toolchain

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

var (
	releaseSpec = regexp.MustCompile(`^go1\.[0-9]{1,3}(\.[0-9]{1,3})?((rc|beta)[0-9]{1,3})?$`)
	nameSpec    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._+-]{0,63}$`)
)

// findGo is Go without a memory.
func (s *Store) findGo(ctx context.Context, spec string) (Go, error) {
	if name, dir, ok := strings.Cut(spec, "path:"); ok {
		name, eq := strings.CutSuffix(name, "=")
		if name == "" {
			name = filepath.Base(dir)
		} else if !eq {
			name = ""
		}
		if dir == "" || !nameSpec.MatchString(name) || releaseSpec.MatchString(name) {
			return Go{}, &Error{Usage: true, Msg: fmt.Sprintf("go %q is not a toolchain", spec), hint: `write "name=path:DIR", with a name that is not a release's`}
		}
		return s.goAt(ctx, name, dir)
	}
	if !releaseSpec.MatchString(spec) {
		return Go{}, &Error{Usage: true, Msg: fmt.Sprintf("go %q is not a version", spec), hint: `versions are exact, like "go1.26.8"; a GOROOT is "name=path:DIR"`}
	}
	g, err := s.release(ctx, spec)
	if err != nil {
		return Go{}, err
	}
	g.Digest, err = s.goDigest(ctx, g.GOROOT)
	return g, err
}

// goTools are the programs in pkg/tool that build hosts and plugins.
var goTools = []string{"compile", "link", "asm", "cgo"}

// goAt is the GOROOT dir.
func (s *Store) goAt(ctx context.Context, name, dir string) (Go, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Go{}, fmt.Errorf("finding %q: %w", dir, err)
	}
	goCmd := filepath.Join(dir, "bin", "go")
	if st, err := os.Stat(goCmd); err != nil || st.Mode()&0o111 == 0 {
		return Go{}, &Error{Usage: true, Msg: fmt.Sprintf("%q is no GOROOT: it has no bin/go that runs", dir), hint: "name the directory that holds bin/go, after make.bash has run in its src"}
	}
	for _, tool := range goTools { // without the first the go command does not even find its GOROOT, and says something else
		if p := filepath.Join("pkg", "tool", runtime.GOOS+"_"+runtime.GOARCH, tool); !exists(filepath.Join(dir, p)) {
			return Go{}, &Error{Usage: true, Msg: fmt.Sprintf("the Go in %q is not whole: it has no %s", dir, p), hint: "build it with make.bash"}
		}
	}
	root, version, err := s.goEnv(ctx, false, goCmd, "local")
	if err != nil {
		return Go{}, &Error{Usage: true, Msg: fmt.Sprintf("the Go in %q does not work", dir), Err: err, hint: "build it with make.bash"}
	}
	if real, err := filepath.EvalSymlinks(dir); err != nil || !sameDir(real, root) {
		return Go{}, &Error{Usage: true, Msg: fmt.Sprintf("the Go in %q says that its GOROOT is %q", dir, root), hint: "name that directory instead"}
	}
	g := Go{Name: name, Version: version, GOROOT: dir, Origin: OriginPath}
	g.Digest, err = s.goDigest(ctx, dir)
	return g, err
}

// Unchanged reports that a GOROOT that was named is no longer what it was when it was found: someone works in it. The others are nobody's to change.
func (s *Store) Unchanged(ctx context.Context, g Go) error {
	if g.Origin != OriginPath {
		return nil
	}
	d, err := s.goDigest(ctx, g.GOROOT)
	if err != nil {
		return err
	}
	if d != g.Digest {
		return &Error{Msg: fmt.Sprintf("the Go %q in %q was changed while it was used", g.Name, g.GOROOT), hint: "run again, and leave it alone until the run has ended; or name a copy"}
	}
	return nil
}

// release finds or fetches a release.
func (s *Store) release(ctx context.Context, version string) (Go, error) {
	if s.Bootstrap == "" {
		return Go{}, &Error{Msg: "no go command was found", hint: "run scripts/deps"}
	}
	root, boot, err := s.goEnv(ctx, false, s.Bootstrap, "local")
	if err != nil {
		return Go{}, &Error{Msg: fmt.Sprintf("the go command %q does not work", s.Bootstrap), Err: err, hint: "run scripts/deps"}
	}
	if boot == version {
		return Go{Name: version, Version: boot, GOROOT: root, Origin: OriginLocal}, nil
	}
	g := Go{Name: version, Origin: OriginProxy}
	if _, err := os.Stat(filepath.Join(s.goDir(version), "bin", "go")); err == nil {
		// The go command still marks files executable and finishes an unpacking that was broken off.
		if g.GOROOT, g.Version, err = s.goEnv(ctx, false, s.Bootstrap, version, "GOPROXY=off"); err == nil && g.Version == version {
			return g, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return Go{}, err
	}
	g.GOROOT, g.Version, err = s.fetch(ctx, version)
	if err == nil && g.Version != version {
		err = fmt.Errorf("it says that it is %q", g.Version)
	}
	if err != nil {
		return Go{}, s.unavailable(version, err)
	}
	return g, nil
}

// unavailable says why a release is not to be had, and what would help.
func (s *Store) unavailable(version string, err error) error {
	hint, usage := "is there a network, and is GOPROXY right?", false
	switch text := err.Error(); {
	case strings.Contains(text, "checksum database") && strings.Contains(text, "disabled"):
		hint = "unset GOSUMDB: a compiler that nobody verified is not used"
	case strings.Contains(text, "SECURITY ERROR") || strings.Contains(text, "checksum mismatch"):
		hint = "what the proxy served is not what the checksum database knows: do not use it"
	case s.Offline:
		hint = "run once without --offline, or name a GOROOT with \"name=path:DIR\""
	case slices.Contains(s.FetchEnv, "GOPROXY=off"):
		hint = "GOPROXY is off: allow a proxy once, or name a GOROOT with \"name=path:DIR\""
	case strings.Contains(text, "403 ") || strings.Contains(text, "404 ") || strings.Contains(text, "410 ") || strings.Contains(text, "not available"):
		usage = true
		hint = "is there such a release? From 1.21 on the first of each is .0"
	}
	return &Error{Msg: fmt.Sprintf("getting the Go toolchain %q", version), Err: err, Usage: usage, hint: hint}
}

// goEnv asks a go command for GOROOT and GOVERSION, switching to the toolchain that is named.
func (s *Store) goEnv(ctx context.Context, network bool, goCmd, toolchain string, extra ...string) (root, version string, err error) {
	env := append([]string{
		"PATH=" + strings.Join(s.path(), ":"), "GOENV=off", "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "GOTELEMETRY=off",
		"GOTOOLCHAIN=" + toolchain, "GOPATH=" + filepath.Join(s.Cache, "gopath"), "GOMODCACHE=" + filepath.Join(s.Cache, "gomod"),
		"GOCACHE=" + filepath.Join(s.Cache, "gocache", "tools"),
	}, extra...)
	out, _, err := output(ctx, network, env, goCmd, "env", "GOROOT", "GOVERSION")
	if err != nil {
		return "", "", err
	}
	root, version, _ = strings.Cut(strings.TrimSpace(out), "\n")
	if !filepath.IsAbs(root) || version == "" {
		return "", "", fmt.Errorf("running %q: GOROOT %q and GOVERSION %q are no answer", goCmd, root, version)
	}
	return root, version, nil
}

// goDir is where the go command unpacks a release beneath our GOMODCACHE; see cmd/go/internal/toolchain.
func (s *Store) goDir(version string) string {
	return filepath.Join(s.Cache, "gomod", "golang.org", fmt.Sprintf("toolchain@v0.0.1-%s.%s-%s", version, runtime.GOOS, runtime.GOARCH))
}

func sameDir(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
