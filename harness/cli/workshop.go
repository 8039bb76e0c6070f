package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sync/semaphore"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/images/base"
	"github.com/plugproof/plugproof/results"
)

// workshop is what building and loading need from outside: the cache, toolchains, machines.
type workshop struct {
	app     *app
	cache   string
	store   *toolchain.Store
	builder *build.Builder
	scratch string

	freshBoot bool     // boot for each load instead of restoring a saved machine
	images    []string // what --image was given, to be used in place of the default images
	kernel    string   // what --kernel was given: the kernel that the image is for; "" is the one that is here
}

// fetchNames are the variables that only fetching sees.
var fetchNames = []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOINSECURE", "GOVCS", "GOAUTH", "NETRC", "HOME", "PATH",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"SSH_AUTH_SOCK", "GIT_SSH_COMMAND"}

// openWorkshop prepares the cache and a scratch directory. done removes the scratch directory.
func (a *app) openWorkshop() (s *workshop, done func(), err error) {
	cache, err := a.openCache()
	if err != nil {
		return nil, nil, err
	}
	s = &workshop{app: a, cache: cache}
	free, err := holdCache(cache, syscall.LOCK_SH)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			free()
		} else {
			remove := done
			done = func() { remove(); free() }
		}
	}()
	base := filepath.Join(cache, "scratch")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, nil, err
	}
	if s.scratch, done, err = ownScratch(base); err != nil {
		return nil, nil, err
	}
	var fetch []string
	for _, name := range fetchNames {
		if v := a.getenv(name); v != "" {
			fetch = append(fetch, name+"="+v)
		}
	}
	s.store = &toolchain.Store{Cache: cache, Bootstrap: a.findProgram("go"), FetchEnv: fetch, UserModCache: a.userModCache(), Programs: a.programPath(), Offline: a.offline, Once: true, Log: func(line string) { a.note("%s", line) }}
	if s.store.Bootstrap == "" {
		if own := filepath.Join(cache, "bin", "go"); executable(own) {
			s.store.Bootstrap = own
		}
	}
	buildCache := filepath.Join(cache, "build")
	if real, err := filepath.EvalSymlinks(buildCache); err == nil { // trees are mounted beneath it, by real paths
		buildCache = real
	}
	s.builder = &build.Builder{
		Cache: buildCache, Scratch: filepath.Join(s.scratch, "build"), ModCache: filepath.Join(cache, "gomod"), UserMods: a.userModCache(), FetchEnv: fetch,
		Slots: semaphore.NewWeighted(int64(max(2, runtime.NumCPU()))), Now: a.env.Now,
	}
	return s, done, nil
}

// findProgram looks a program up in the PATH, absolute directories only, or returns "".
func (a *app) findProgram(name string) string {
	for _, dir := range filepath.SplitList(a.getenv("PATH")) {
		if file := filepath.Join(dir, name); filepath.IsAbs(dir) && executable(file) {
			return file
		}
	}
	return ""
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// userModCache is the user's own module cache, which is read before the network.
func (a *app) userModCache() string {
	if dir := a.getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	gopath := a.getenv("GOPATH")
	if gopath == "" {
		home := a.getenv("HOME")
		if home == "" {
			return ""
		}
		gopath = filepath.Join(home, "go")
	}
	first, _, _ := strings.Cut(gopath, string(filepath.ListSeparator))
	return filepath.Join(first, "pkg", "mod")
}

// ground prepares the machine on which loads of an architecture are made: with the image that --image names for it, else with
// the default one.
func (s *workshop) ground(ctx context.Context, arch, libc string) (*worker.Ground, error) {
	if len(s.images) > 0 {
		return s.chosenGround(ctx, arch)
	}
	setup, err := s.setup(ctx, arch, libc, nil)
	if err != nil {
		return nil, err
	}
	setup.Accel = "" // the one that really works
	m, err := vm.Prepare(ctx, setup)
	if err != nil {
		return nil, err
	}
	return &worker.Ground{Machine: m, Kernel: m.KernelDigest, Image: m.ImageDigest, ImageOrigin: base.Origin}, nil
}

// setup is what a machine is made from; a nil root is the default image's. The accelerator is not tried out, but tcg.
func (s *workshop) setup(ctx context.Context, arch, libc string, root *vm.Root) (vm.Setup, error) {
	c, err := s.store.C(ctx, arch, libc, nil)
	if err != nil {
		return vm.Setup{}, err
	}
	g, err := s.store.Go(ctx, defaultGo)
	if err != nil {
		return vm.Setup{}, err
	}
	return vm.Setup{
		Arch: arch, Cache: s.cache, Go: filepath.Join(g.GOROOT, "bin", "go"), Loader: c.Loader, LoaderPath: c.LoaderPath, Accel: "tcg", Root: root,
		Path: s.app.programPath(), Scratch: s.scratch, Userland: true, ModCache: s.builder.ModCache, FetchEnv: s.store.FetchEnv, FreshBoot: s.freshBoot, Log: func(line string) { s.app.note("%s", line) },
	}, nil
}

// programPath is the absolute directories of PATH.
func (a *app) programPath() []string {
	dirs := []string{}
	for _, d := range filepath.SplitList(a.getenv("PATH")) {
		if filepath.IsAbs(d) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// tool is plugproof's own version, as records give it. A binary that has none is known by its own digest: records of two
// different builds are not of one tool.
var tool = sync.OnceValue(func() string {
	name := "plugproof " + readVersion().Version
	if readVersion().Version == "(devel)" {
		if d, _, err := digestOf("/proc/self/exe"); err == nil {
			name += " " + d.Short()
		}
	}
	return name
})

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// digestOf is a file's digest.
func digestOf(path string) (results.Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return results.DigestReader(f)
}
