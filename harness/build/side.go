package build

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/harness/proc"
)

var sideNames = []string{"a", "b"}

// surroundings are what differs between the sides besides directories. Side a is what a careful person would set.
type surroundings struct {
	at       string // where trees are seen, beneath Builder.Cache; b's is longer and deeper
	inside   string // where HOME and the like lie, beneath the scratch directory
	zone     string
	locale   string
	user     string
	hostname string
	umask    int
	parallel string // GOFLAGS -p; "" is go's own choice
	movedGo  bool   // GOROOT is seen at another place
}

var surround = map[string]surroundings{
	"a": {at: "at/a", inside: "a", zone: "UTC", locale: "C.UTF-8", user: "builder", hostname: "control", umask: 0o22},
	"b": {at: "at/b/rebuilt/somewhere/else", inside: "b/another/place", zone: "Asia/Kolkata", locale: "tr_TR.UTF-8", user: "somebody",
		hostname: "different.example", umask: 0o77, parallel: "1", movedGo: true},
}

// side is one side of a job at work.
type side struct {
	b     *Builder
	job   Job
	name  string
	root  string // private directory, removed afterwards
	src   string // where the tree is seen
	dir   string // where the package is named from, in src
	gor   string // where GOROOT is seen
	out   string // what the build must write
	cache string // GOCACHE
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
func (b *Builder) open(ctx context.Context, j Job, name, scratch string) (_ *side, err error) {
	w := surround[name]
	s := &side{b: b, job: j, name: name, root: filepath.Join(scratch, filepath.FromSlash(w.inside))}
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
	dir, warm, release, err := b.gocache(ctx, j, name)
	if err != nil {
		return nil, err
	}
	s.cache, s.warm = dir, warm
	s.close = append(s.close, release)
	s.src = filepath.Join(b.Cache, filepath.FromSlash(w.at), j.Tree.key(), "src")
	s.gor = j.Go.GOROOT
	s.out = filepath.Join(s.root, "out", "artifact")
	s.dir = filepath.Join(s.src, filepath.FromSlash(j.Tree.Project), filepath.FromSlash(j.Dir))
	if err := s.place(ctx, w); err != nil {
		return nil, err
	}
	s.environment(w)
	return s, nil
}

// place copies the tree and arranges that it is seen at s.src, and GOROOT at another place on side b.
func (s *side) place(ctx context.Context, w surroundings) error {
	iso := s.b.isolation()
	s.cmd.Umask, s.cmd.Hostname = w.umask, w.hostname
	if err := os.MkdirAll(s.src, 0o755); err != nil {
		return err
	}
	copied := s.src
	if iso.Mount {
		copied = filepath.Join(s.root, "src")
		if err := os.Mkdir(copied, 0o755); err != nil {
			return err
		}
		s.cmd.Binds = append(s.cmd.Binds, proc.Bind{From: copied, To: s.src})
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
	}
	var err error
	if s.stamp, err = s.job.Tree.copyTo(copied, s.b.MaxTree); err != nil {
		return err
	}
	if w.movedGo {
		moved := filepath.Join(s.b.Cache, filepath.FromSlash(w.at), "go", s.job.Go.Digest.Short())
		if !iso.Mount {
			moved = filepath.Join(s.root, "go")
			if err := os.Symlink(s.job.Go.GOROOT, moved); err != nil {
				return err
			}
		} else if err := os.MkdirAll(moved, 0o755); err != nil {
			return err
		} else {
			s.cmd.Binds = append(s.cmd.Binds, proc.Bind{From: s.job.Go.GOROOT, To: moved, ReadOnly: true})
		}
		s.gor = moved
	}
	if iso.Mount {
		s.cmd.Binds = append(s.cmd.Binds, proc.Bind{From: s.b.ModCache, To: s.b.ModCache, ReadOnly: true})
		for _, other := range sideNames {
			if other == s.name {
				continue
			}
			if err := os.MkdirAll(s.b.cacheRoot(other), 0o755); err != nil {
				return err
			}
			s.cmd.Hide = append(s.cmd.Hide, s.b.cacheRoot(other))
		}
	}
	return os.MkdirAll(s.b.ModCache, 0o755)
}

// environment makes everything that a command of this side finds in its environment.
func (s *side) environment(w surroundings) {
	j := s.job
	env := map[string]string{
		"PATH": "/usr/local/bin:/usr/bin:/bin",
		"HOME": filepath.Join(s.root, "home"), "TMPDIR": filepath.Join(s.root, "tmp"), "USER": w.user, "LOGNAME": w.user,
		"TZ": w.zone, "LANG": w.locale, "LC_ALL": w.locale,
		"GOCACHE": s.cache, "GOMODCACHE": s.b.ModCache, "GOPATH": filepath.Join(s.root, "gopath"),
		// The modules in the module cache were checked when they were fetched; go.sum is checked again by each build.
		"GOENV": "off", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOSUMDB": "off",
		"GOOS": "linux", "GOARCH": j.Arch,
	}
	if s.gor != j.Go.GOROOT && !s.b.isolation().Mount {
		env["GOROOT"] = s.gor // cmd/go resolves a symbolic link to itself
	}
	if j.Version != "" {
		// go install looks for a deprecation notice in the latest version it can find and does not build without; the module cache has this one.
		env["GOPROXY"] = "file://" + filepath.ToSlash(filepath.Join(s.b.ModCache, "cache", "download"))
	}
	for _, e := range j.C.Env {
		if k, v, ok := strings.Cut(e, "="); ok {
			env[k] = v
		}
	}
	for k, v := range j.Env {
		if !strings.Contains(v, "{{cmd:") { // those are set when they have been run
			env[k] = v
		}
	}
	env["PATH"] = strings.Join(append(append([]string{filepath.Join(s.gor, "bin")}, j.C.Path...), env["PATH"]), ":")
	if !j.Tree.Work && env["GOWORK"] == "" && j.Version == "" {
		env["GOWORK"] = "off" // nothing above the copy may join in
	}
	if !j.Tree.VCS {
		env["GOFLAGS"] = strings.TrimSpace(env["GOFLAGS"] + " -buildvcs=false") // the same
	}
	if w.parallel != "" {
		env["GOFLAGS"] = strings.TrimSpace(env["GOFLAGS"] + " -p=" + w.parallel)
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
	return strings.NewReplacer(s.src+"/", "", s.src, ".", s.root, "$WORK", s.gor, "$GOROOT", s.job.Go.GOROOT, "$GOROOT",
		s.b.ModCache, "$GOMODCACHE", s.cache, "$GOCACHE").Replace(text)
}
