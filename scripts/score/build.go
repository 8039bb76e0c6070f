package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/plugproof/plugproof/fixtures/leaks"
	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/toolchain"
)

// world is what all pairs have in common.
type world struct {
	command string // plugproof, absolute
	keep    string // where pairs stay, "" if nowhere
	fixes   bool   // prove the fixes
	cache   string
	work    string
	store   *toolchain.Store
	builder *build.Builder
	mu      sync.Mutex // of the copies of GOROOT
}

func newWorld(command, keep string, fixes bool) (*world, error) {
	w := &world{fixes: fixes, cache: os.Getenv("PLUGPROOF_CACHE")}
	if w.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		w.cache = filepath.Join(dir, "plugproof")
	}
	var err error
	if w.command, err = filepath.Abs(command); err != nil {
		return nil, err
	}
	if _, err := os.Stat(w.command); err != nil {
		return nil, fmt.Errorf("finding what is scored: %w", err)
	}
	if keep != "" {
		if w.keep, err = filepath.Abs(keep); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(w.keep, 0o755); err != nil {
			return nil, err
		}
	}
	if w.work, err = os.MkdirTemp("", "score-"); err != nil {
		return nil, err
	}
	goCmd, err := bootstrap()
	if err != nil {
		return nil, err
	}
	mods := ""
	if home, err := os.UserHomeDir(); err == nil {
		mods = filepath.Join(home, "go", "pkg", "mod")
	}
	var fetch []string
	for _, k := range []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOSUMDB", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "HOME"} {
		if v, ok := os.LookupEnv(k); ok {
			fetch = append(fetch, k+"="+v)
		}
	}
	w.store = &toolchain.Store{Cache: w.cache, Bootstrap: goCmd, FetchEnv: fetch, UserModCache: mods, Once: true,
		Log: func(s string) { fmt.Fprintln(os.Stderr, "score:", s) }}
	w.builder = &build.Builder{Cache: filepath.Join(w.cache, "build"), Scratch: filepath.Join(w.work, "build"),
		ModCache: filepath.Join(w.cache, "mod"), Now: time.Now}
	return w, nil
}

// bootstrap is the go command that fetches others: the first on PATH.
func bootstrap() (string, error) {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		file := filepath.Join(dir, "go")
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return filepath.EvalSymlinks(file)
		}
	}
	return "", fmt.Errorf("no go command on PATH; run scripts/deps")
}

func (w *world) close() { os.RemoveAll(w.work) }

// built is one side.
type built struct {
	file string
	cpu  time.Duration
}

// build makes one side of a pair. dir is where its tree is extracted; both sides of a pair give the same one.
func (w *world) build(ctx context.Context, p pair, side string, fixed bool, dir string) (*built, error) {
	fail := func(err error) (*built, error) {
		return nil, fmt.Errorf("building side %s of %s: %w", side, p.name(), err)
	}
	job, surroundings, err := w.job(ctx, p, side, fixed, dir)
	if err != nil {
		return fail(err)
	}
	made, failed, err := w.builder.One(ctx, job, surroundings)
	if err != nil {
		return fail(err)
	}
	if failed != nil {
		return fail(fmt.Errorf("%s: %s", failed.Op, failed.Text))
	}
	file := filepath.Join(w.out(p), strings.TrimSuffix(job.Name, "-"+side)+"."+side)
	if err := os.Rename(made.File, file); err != nil {
		return fail(err)
	}
	return &built{file, made.CPU}, nil
}

// job extracts the tree of one side into dir and says how it is built, and in whose surroundings.
func (w *world) job(ctx context.Context, p pair, side string, fixed bool, dir string) (j build.Job, surroundings string, err error) {
	l, s := p.leak, p.leak.Side(side, fixed)
	if err := os.RemoveAll(dir); err != nil {
		return j, "", err
	}
	if err := l.Extract(dir, side, fixed); err != nil {
		return j, "", err
	}
	if err := w.setup(ctx, dir, s.Setup); err != nil {
		return j, "", err
	}
	tree, err := build.NewTree(dir, nil)
	if err != nil {
		return j, "", err
	}
	g, err := w.golang(ctx, p, s)
	if err != nil {
		return j, "", err
	}
	var cc *toolchain.CCOverride
	if s.CC != "" {
		cc = &toolchain.CCOverride{CC: s.CC}
	}
	c, err := w.store.C(ctx, p.arch, "musl", cc)
	if err != nil {
		return j, "", err
	}
	name := strings.ReplaceAll(p.name(), "/", "_")
	if fixed {
		name += ".fixed"
	}
	return build.Job{Tree: tree, Subject: p.name(), Plugin: true, Package: s.Package, Arch: p.arch, Go: g, C: c, Flags: s.Flags, Env: s.Env,
		Before: s.Before, Command: s.Command, Out: w.out(p), Name: name + "-" + side}, s.Surroundings, nil
}

func (w *world) out(p pair) string {
	if w.keep != "" {
		return w.keep
	}
	return filepath.Join(w.work, "out", p.leak.Name+"-"+p.goName+"-"+p.arch)
}

// setup runs commands such as git's in a tree. They see no configuration but one name, one address and one date.
func (w *world) setup(ctx context.Context, dir string, commands [][]string) error {
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + w.work, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.test", "GIT_AUTHOR_DATE=2024-02-03T04:05:06Z",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.test", "GIT_COMMITTER_DATE=2024-02-03T04:05:06Z"}
	for _, argv := range commands {
		var said strings.Builder
		res, err := proc.Run(ctx, proc.Cmd{Path: argv[0], Args: argv[1:], Dir: dir, Env: env, Stdout: &said, Stderr: &said})
		if err == nil && !res.OK() {
			err = fmt.Errorf("%s: %s", res, strings.TrimSpace(said.String()))
		}
		if err != nil {
			return fmt.Errorf("%q: %w", strings.Join(argv, " "), err)
		}
	}
	return nil
}

func (w *world) golang(ctx context.Context, p pair, s leaks.Side) (toolchain.Go, error) {
	name := p.goName
	if s.Go != "" {
		name = s.Go
	}
	g, err := w.store.Go(ctx, name)
	if err != nil || s.Patch == nil {
		return g, err
	}
	return w.patched(ctx, g, s.Patch)
}
