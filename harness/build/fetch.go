package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/vary"
)

// Fetch downloads what the job's packages need into the module cache. It is the only thing here that uses the network, and only it sees
// FetchEnv; the checksum database stays as that says. The user's tree is not written to: it is seen read-only, or a copy is used where there
// are no mounts. Sources that are broken are no error, for building says that better. What was fetched once for the same sources is not asked for again.
// It reports whether it looked at all.
func (b *Builder) Fetch(ctx context.Context, j Job) (looked bool, err error) {
	if err := j.check(); err != nil {
		return false, err
	}
	mark, err := b.fetchedMark(j)
	if err != nil {
		return false, &Error{Op: "fetching modules for " + j.Subject, Err: err}
	}
	if _, err := os.Stat(mark); err == nil {
		return false, nil
	}
	proxies := b.proxies()
	if b.Offline && proxies == "" {
		return false, nil
	}
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return false, &Error{Op: "fetching modules for " + j.Subject, Err: err}
	}
	defer done()
	s, err := b.openFetch(ctx, j, scratch)
	if err != nil {
		return false, &Error{Op: "fetching modules for " + j.Subject, Err: err}
	}
	defer s.shut()
	s.cmd.Network = !b.Offline
	if proxies != "" {
		if s.env["GOPROXY"] == "" && !b.Offline { // cmd/go's own, which must be spelled out after another
			own, _, err := s.output(ctx, "go env", []string{s.goCmd(), "env", "GOPROXY"})
			if err != nil {
				return true, err
			}
			proxies += "," + strings.TrimSpace(own)
		}
		s.env["GOPROXY"] = proxies
	}
	argv := append(append([]string{s.goCmd(), "list", "-e", "-deps"}, listFlags(j.Flags)...), j.Package)
	if j.Version != "" { // go list takes no package@version; -n downloads and builds nothing
		argv = append(append([]string{s.goCmd(), "install", "-n"}, listFlags(j.Flags)...), j.Package+"@"+j.Version)
	}
	_, failed, err := s.output(ctx, "fetching modules", argv)
	if err != nil {
		if own, ok := err.(*Error); ok && own.Kind == NotFetched {
			own.hint = "is the network there? GOPROXY, GOSUMDB and the proxy variables are taken from the caller's environment"
		}
		return true, err
	}
	said := s.plain(s.log.String())
	if line, ok := unreachable(said); ok {
		return true, &Error{Op: "fetching modules for " + j.Subject, Text: line, Kind: NotFetched,
			hint: "is the network there? GOPROXY, GOSUMDB and the proxy variables are taken from the caller's environment"}
	}
	if failed != nil && j.Version != "" {
		return true, &Error{Op: "fetching " + j.Package + "@" + j.Version, Text: failed.Text, Kind: Usage,
			hint: "is it a main package of that version?"}
	}
	if failed != nil {
		return true, nil
	}
	if err := os.MkdirAll(filepath.Dir(mark), 0o755); err != nil {
		return true, &Error{Op: "fetching modules for " + j.Subject, Err: err}
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return true, &Error{Op: "fetching modules for " + j.Subject, Err: err}
	}
	return true, nil
}

// fetchedMark is the file that says that everything for these sources is in this module cache.
func (b *Builder) fetchedMark(j Job) (string, error) {
	sources := j.Version
	if sources == "" {
		d, err := j.Tree.Sources()
		if err != nil {
			return "", err
		}
		sources = string(d)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", []string{b.ModCache, sources, j.Dir, j.Package, j.Arch, j.Go.Name, string(j.Go.Digest), j.Env["GOFLAGS"], j.Env["GOWORK"], j.Env["GOEXPERIMENT"]})
	fmt.Fprintf(h, "%q\n", listFlags(j.Flags))
	return filepath.Join(b.Cache, "fetched", hex.EncodeToString(h.Sum(nil))), nil
}

// forget removes what says that the job's modules are there: a build has just found that they are not.
func (b *Builder) forget(j Job) {
	if mark, err := b.fetchedMark(j); err == nil {
		os.Remove(mark)
	}
}

// openFetch prepares a place with the network, in which the tree can be read.
func (b *Builder) openFetch(ctx context.Context, j Job, scratch string) (*side, error) {
	s := &side{b: b, job: j, name: "fetch", root: filepath.Join(scratch, "fetch"), gor: j.Go.GOROOT, cache: filepath.Join(b.Cache, "gocache", "fetch")}
	s.w = b.surround(j, vary.None(), s.root, s.cache)
	s.w.home, s.w.tmp, s.w.gopath = filepath.Join(s.root, "home"), filepath.Join(s.root, "tmp"), filepath.Join(b.Cache, "fetchpath") // what is known of the checksum database stays there
	s.w.gocache, s.w.modcache = s.cache, b.ModCache
	src := filepath.Join(b.Cache, "at", "fetch", j.Tree.key(), "src")
	for _, d := range []string{filepath.Join(s.root, "home/.config/go/telemetry"), filepath.Join(s.root, "tmp"), b.ModCache, s.cache, src,
		filepath.Join(b.Cache, "fetchpath")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(s.root, "home/.config/go/telemetry/mode"), []byte("off"), 0o644); err != nil {
		return nil, err
	}
	s.src = src
	if b.isolation().Mount {
		s.cmd.Binds = []proc.Bind{{From: j.Tree.Base, To: src, ReadOnly: true}}
	} else {
		s.src = filepath.Join(s.root, "src")
		if _, err := j.Tree.copyTo(s.src, b.MaxTree); err != nil {
			return nil, err
		}
	}
	s.dir = filepath.Join(s.src, filepath.FromSlash(j.Tree.Project), filepath.FromSlash(j.Dir))
	s.cmd.Network, s.cmd.Umask = true, s.w.umask
	s.environment()
	for _, k := range []string{"GOPROXY", "GOSUMDB"} {
		delete(s.env, k)
	}
	for _, e := range b.FetchEnv {
		k, v, ok := strings.Cut(e, "=")
		if ok && !slices.Contains([]string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOOS", "GOARCH", "GOTOOLCHAIN", "GOROOT", "GOWORK", "GOENV", "PATH", "TMPDIR"}, k) {
			s.env[k] = v
		}
	}
	return s, nil
}

// proxies is the value of GOPROXY: the user's module cache, then what FetchEnv says; offline only what is on this machine. It may be empty.
func (b *Builder) proxies() string {
	var list []string
	if b.UserMods != "" {
		if dir := filepath.Join(b.UserMods, "cache", "download"); isDir(dir) {
			list = append(list, "file://"+filepath.ToSlash(dir))
		}
	}
	theirs := ""
	for _, e := range b.FetchEnv {
		if v, ok := strings.CutPrefix(e, "GOPROXY="); ok {
			theirs = v
		}
	}
	if b.Offline && !strings.HasPrefix(theirs, "file://") {
		theirs = ""
	}
	if theirs != "" {
		list = append(list, theirs)
	}
	return strings.Join(list, ",")
}

// unreachable finds the line that says that the network was not there.
func unreachable(output string) (string, bool) {
	for line := range strings.Lines(output) {
		for _, sign := range []string{"dial tcp", "no such host", "network is unreachable", "connection refused", "i/o timeout", "TLS handshake", "proxyconnect", "module lookup disabled"} {
			if strings.Contains(line, sign) {
				return strings.TrimSpace(line), true
			}
		}
	}
	return "", false
}
