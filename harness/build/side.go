package build

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/vary"
)

var sideNames = []string{"a", "b"}

// setting is how one side is to work.
type setting struct {
	name   string    // whose build caches it may use: "a" or "b"
	on     vary.Set  // what differs from the control
	at     string    // its private directory, beneath the scratch directory; "" is the side's usual one
	cache  string    // a build cache that is this build's alone; "" is the side's lasting one
	hashes io.Writer // receives cmd/go's log of hashes (GODEBUG=gocachehash=1); nil: none
	graph  string    // file that receives cmd/go's graph of actions; "" is none
	given  *Given    // inputs of another side
}

// usual is the setting in which a side's lasting build cache is filled.
func usual(name string) setting {
	if name == "a" {
		return setting{name: name, on: vary.None()}
	}
	return setting{name: name, on: vary.Default()}
}

// usual is the setting of a side of the job's twins.
func (j Job) usual(name string) setting {
	set := usual(name)
	if name != "a" {
		set.on = j.Vary.OrDefault()
	}
	return set
}

// insides are where a side's private directories lie beneath the scratch directory.
var insides = map[string]string{"a": "a", "b": "b/another/place"}

// side is one side of a job at work.
type side struct {
	b     *Builder
	job   Job
	name  string
	set   setting
	w     surroundings
	root  string // private directory, removed afterwards
	src   string // where the tree is seen
	tree  string // where its copy is
	dir   string // where the package is named from, in src
	gor   string // where GOROOT is seen
	out   string // what the build must write, as the side sees it
	got   string // the same file, as this process sees it
	cache string // where the build cache is stored; the side sees it at w.gocache
	warm  bool
	env   map[string]string
	cmd   proc.Cmd // Binds, Hide, Umask, Hostname
	stamp string   // of the copied tree
	log   tail
	cpu   time.Duration
	wall  time.Duration
	close []func()
}

// open prepares a side: directories, copy, cache, environment. close must be called.
func (b *Builder) open(ctx context.Context, j Job, set setting, scratch string) (_ *side, err error) {
	s := &side{b: b, job: j, name: set.name, set: set, root: filepath.Join(scratch, filepath.FromSlash(cmp.Or(set.at, insides[set.name]))), gor: j.Go.GOROOT}
	defer func() {
		if err != nil {
			s.shut()
			err = s.fail("preparing "+s.what(), err)
		}
	}()
	for _, d := range []string{"home/.config/go/telemetry", "tmp", "gopath", "out"} {
		if err := os.MkdirAll(filepath.Join(s.root, d), 0o755); err != nil {
			return nil, err
		}
	}
	// Otherwise each new HOME starts cmd/go's telemetry anew.
	if err := os.WriteFile(filepath.Join(s.root, "home/.config/go/telemetry/mode"), []byte("off"), 0o644); err != nil {
		return nil, err
	}
	if s.cache = set.cache; s.cache == "" && set.on.Has(vary.Cold) {
		s.cache = filepath.Join(s.root, "gocache")
	}
	if s.cache != "" {
		if err := os.MkdirAll(s.cache, 0o755); err != nil {
			return nil, err
		}
	} else {
		dir, warm, release, err := b.gocache(ctx, j, set)
		if err != nil {
			return nil, err
		}
		s.cache, s.warm = dir, warm
		s.close = append(s.close, release)
	}
	s.w = b.surround(j, set.on, s.root, s.cache)
	s.src, s.gor, s.out, s.got = s.w.src, s.w.goroot, filepath.Join(s.w.out, "artifact"), filepath.Join(s.root, "out", "artifact")
	if err := s.place(ctx); err != nil {
		return nil, err
	}
	s.dir = filepath.Join(cmp.Or(s.w.link, s.src), filepath.FromSlash(j.Tree.Project), filepath.FromSlash(j.Dir))
	s.environment()
	return s, nil
}

// place copies the tree and arranges that everything is seen where the surroundings say.
func (s *side) place(ctx context.Context) error {
	iso := s.b.isolation()
	s.cmd.Umask, s.cmd.Hostname = s.w.umask, s.w.hostname
	if err := os.MkdirAll(s.src, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(s.b.ModCache, 0o755); err != nil {
		return err
	}
	if s.tree = s.src; iso.Mount {
		s.tree = filepath.Join(s.root, "src")
		if err := os.Mkdir(s.tree, 0o755); err != nil {
			return err
		}
		if err := s.mounts(); err != nil {
			return err
		}
	} else {
		// Only one job at a time can have its copy at the very place.
		unlock, err := lock(ctx, filepath.Dir(s.src)+".lock", true)
		if err != nil {
			return err
		}
		s.close = append(s.close, unlock, func() { removeAll(s.src) })
		removeAll(s.src)
		if err := os.MkdirAll(s.src, 0o755); err != nil {
			return err
		}
		if s.gor != s.job.Go.GOROOT {
			if err := os.Symlink(s.job.Go.GOROOT, s.gor); err != nil {
				return err
			}
		}
	}
	var err error
	if s.stamp, err = s.job.Tree.copyTo(s.tree, s.b.MaxTree); err != nil {
		return err
	}
	return s.alter()
}

// mounts lists what is mounted where, and hides all lasting build caches: a side sees its own, at one place, and no other.
func (s *side) mounts() error {
	bind := func(from, to string, readOnly bool) error {
		if from == to {
			if readOnly {
				s.cmd.Binds = append(s.cmd.Binds, proc.Bind{From: from, To: to, ReadOnly: true})
			}
			return nil
		}
		s.cmd.Binds = append(s.cmd.Binds, proc.Bind{From: from, To: to, ReadOnly: readOnly})
		return os.MkdirAll(to, 0o755)
	}
	if s.w.link != "" {
		if err := os.MkdirAll(filepath.Dir(s.w.link), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(s.src, s.w.link); err != nil && !os.IsExist(err) {
			return err
		}
	}
	for _, m := range []struct {
		from, to string
		readOnly bool
	}{{s.tree, s.src, false}, {filepath.Join(s.root, "home"), s.w.home, false}, {filepath.Join(s.root, "gopath"), s.w.gopath, false},
		{filepath.Join(s.root, "tmp"), s.w.tmp, false}, {filepath.Join(s.root, "out"), s.w.out, false}, {s.cache, s.w.gocache, false},
		{s.job.Go.GOROOT, s.gor, s.gor != s.job.Go.GOROOT}, {s.b.ModCache, s.w.modcache, true}} {
		if err := bind(m.from, m.to, m.readOnly); err != nil {
			return err
		}
	}
	for _, name := range sideNames {
		if err := os.MkdirAll(s.b.cacheRoot(name), 0o755); err != nil {
			return err
		}
		s.cmd.Hide = append(s.cmd.Hide, s.b.cacheRoot(name))
	}
	return nil
}

// environment makes everything that a command of this side finds in its environment.
func (s *side) environment() {
	j, w := s.job, s.w
	env := map[string]string{
		"HOME": w.home, "TMPDIR": w.tmp, "USER": w.user, "LOGNAME": w.user,
		"TZ": w.zone, "LANG": w.locale, "LC_ALL": w.locale,
		"GOCACHE": w.gocache, "GOMODCACHE": w.modcache, "GOPATH": w.gopath,
		// The modules in the module cache were checked when they were fetched; go.sum is checked again by each build.
		"GOENV": "off", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOSUMDB": "off",
		"GOOS": "linux", "GOARCH": j.Arch,
	}
	if s.gor != j.Go.GOROOT && !s.b.isolation().Mount {
		env["GOROOT"] = s.gor // cmd/go resolves a symbolic link to itself
	}
	if j.Version != "" {
		// go install looks for a deprecation notice in the latest version it can find and does not build without; the module cache has this one.
		env["GOPROXY"] = "file://" + filepath.ToSlash(filepath.Join(w.modcache, "cache", "download"))
	}
	for _, e := range j.C.Env {
		if k, v, ok := strings.Cut(e, "="); ok {
			env[k] = v
		}
	}
	if w.cc != j.C.CC {
		env["CC"] = w.cc
	}
	for k, v := range j.Env {
		if !strings.Contains(v, "{{cmd:") { // those are set when they have been run
			env[k] = v
		}
	}
	env["PATH"] = strings.Join(append(append([]string{filepath.Join(s.gor, "bin")}, j.C.Path...), cmp.Or(env["PATH"], w.path)), ":")
	if !j.Tree.Work && env["GOWORK"] == "" && j.Version == "" {
		env["GOWORK"] = "off" // nothing above the copy may join in
	}
	goflags := func(f string) { env["GOFLAGS"] = strings.TrimSpace(env["GOFLAGS"] + " " + f) }
	if !j.Tree.VCS {
		goflags("-buildvcs=false") // the same
	}
	if w.parallel != "" {
		goflags("-p=" + w.parallel)
	}
	if w.vendor != "" {
		goflags("-mod=" + w.vendor)
	}
	if w.noise {
		env["PLUGPROOF_CAPTURE_ENVIRONMENT"] = "captured by the environment variation"
	}
	if w.clock != "" {
		env["LD_PRELOAD"], env["FAKETIME"], env["NO_FAKE_STAT"] = faketime(), w.clock, "1"
	}
	if w.link != "" {
		env["PWD"] = s.dir // by which cmd/go and getcwd know that the way led through a link
	}
	if s.set.hashes != nil {
		env["GODEBUG"] = strings.Trim(env["GODEBUG"]+",gocachehash=1", ",")
	}
	s.env = env
}

func (s *side) environ(extra map[string]string) []string {
	all := maps.Clone(s.env)
	maps.Copy(all, extra)
	list := make([]string, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		list = append(list, k+"="+all[k])
	}
	return list
}

// shut removes what open made.
func (s *side) shut() {
	for _, f := range slices.Backward(s.close) {
		f()
	}
	s.close = nil
}

func (s *side) what() string { return fmt.Sprintf("%s on side %s", s.job.Subject, s.name) }

func (s *side) fail(op string, err error) error {
	if own, ok := err.(*Error); ok {
		return own
	}
	return &Error{Op: op, Err: err}
}

// plain takes this side's directories out of what a tool said, so that the two sides can be compared and nothing of this machine is told.
func (s *side) plain(text string) string {
	pairs := []string{}
	if s.w.link != "" {
		pairs = append(pairs, s.w.link+"/", "", s.w.link, ".")
	}
	pairs = append(pairs, s.src+"/", "", s.src, ".", s.w.home, "$HOME", s.w.gopath, "$GOPATH", s.w.tmp, "$TMPDIR", s.w.out, "$OUT",
		s.root, "$WORK", s.gor, "$GOROOT", s.job.Go.GOROOT, "$GOROOT", s.w.modcache, "$GOMODCACHE", s.b.ModCache, "$GOMODCACHE", s.w.gocache, "$GOCACHE", s.cache, "$GOCACHE")
	return strings.NewReplacer(pairs...).Replace(text)
}
