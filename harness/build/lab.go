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

	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/verify/actions"
)

// Lab builds one artifact again and again, one side at a time, in surroundings and with inputs that the caller chooses: for finding out why
// twins differ. What it builds lies in its own directory until it is closed, and no lasting build cache learns anything from it. Its methods
// must not be called at the same time.
type Lab struct {
	b       *Builder
	job     Job
	scratch string
	done    func()
	seeds   map[string]string // build caches with the standard library alone, by side and what decides how it is compiled
	n       int
	cpu     time.Duration
}

// Order is one build.
type Order struct {
	Side  string   // whose build cache is taken as the beginning: "a" or "b"
	On    vary.Set // what differs from the control
	Job   *Job     // instead of the lab's; with the same tree
	Warm  bool     // with the side's lasting cache, as the twins were built; otherwise all packages but the standard library's are compiled anew
	Log   bool     // cmd/go says what entered its hashes
	Given *Given   // inputs of another side
	Keep  bool     // the tree is kept until the lab is closed
}

// Built is what came of an Order. Either Failed is set or the artifact is there.
type Built struct {
	Side
	Failed  *Failure
	Flags   []string          // with {{cmd:...}} run
	Env     map[string]string // the same
	Tree    string            // the tree after the build, if it was to be kept
	Actions actions.Side      // if it was to be logged and could be
	Unread  error             // why a log could not be read
	files   string
}

// Lab begins. Close must be called.
func (b *Builder) Lab(ctx context.Context, j Job) (*Lab, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return nil, &Error{Op: "building " + j.Subject, Err: err}
	}
	return &Lab{b: b, job: j, scratch: scratch, done: done, seeds: map[string]string{}}, nil
}

// Close removes what was built.
func (l *Lab) Close() { l.done() }

// Builds is how many builds were made, those that only prepare others included.
func (l *Lab) Builds() int { return l.n }

// CPU is the time that they used.
func (l *Lab) CPU() time.Duration { return l.cpu }

// Build does as it is told. Source that does not build is data in the result; an error means that nothing was learned.
func (l *Lab) Build(ctx context.Context, o Order) (*Built, error) {
	j := l.job
	if o.Job != nil {
		j = *o.Job
	}
	if !slices.Contains(sideNames, o.Side) || !o.On.Given() {
		return nil, fmt.Errorf("building %s: the order names no side or no variations", j.Subject)
	}
	set := setting{name: o.Side, on: o.On, given: o.Given}
	if !o.Warm {
		var err error
		if set.cache, err = l.anew(ctx, j, o); err != nil {
			return nil, err
		}
		defer os.RemoveAll(set.cache)
	}
	return l.build(ctx, j, o, set)
}

// anew is a build cache of this order's own, with the standard library alone.
func (l *Lab) anew(ctx context.Context, j Job, o Order) (string, error) {
	from, err := l.seed(ctx, j, o)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(l.scratch, fmt.Sprintf("cache%d", l.n+1))
	if from != "" {
		if err := clone(from, dir); err != nil {
			return "", fmt.Errorf("building %s: copying a build cache: %w", j.Subject, err)
		}
	}
	return dir, nil
}

func (l *Lab) build(ctx context.Context, j Job, o Order, set setting) (*Built, error) {
	l.n++
	set.at = fmt.Sprintf("build%d", l.n)
	r := &Built{files: filepath.Join(l.scratch, fmt.Sprintf("files%d", l.n))}
	if err := os.MkdirAll(r.files, 0o755); err != nil {
		return nil, err
	}
	var hashes *hashReader
	if o.Log {
		log := newHashReader()
		defer log.close()
		hashes, set.hashes, set.graph = log, log, "graph.json"
	}
	j.Out, j.Name = r.files, "artifact"
	s, err := l.b.open(ctx, j, set, l.scratch)
	if err != nil {
		return nil, err
	}
	defer func() {
		s.shut()
		if !o.Keep {
			removeAll(s.root)
		}
	}()
	if r.Failed, err = s.work(ctx, &r.Side, make(chan time.Time, 1)); err != nil {
		return nil, err
	}
	l.cpu += r.CPU
	r.Flags, r.Env = s.job.Flags, s.job.Env
	if o.Keep {
		r.Tree = s.tree
	}
	if hashes != nil && r.Failed == nil {
		r.Actions.Log, r.Unread = hashes.close()
		r.graph(filepath.Join(s.root, "out", set.graph))
	}
	return r, nil
}

// graph takes in cmd/go's graph of actions. It is there unless the project builds by a command of its own.
func (r *Built) graph(file string) {
	f, err := os.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	if r.Actions.Graph, err = actions.ReadGraph(f); err != nil && r.Unread == nil {
		r.Unread = err
	}
}

// standardKey tells jobs apart that compile the standard library differently.
func (j Job) standardKey() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %v %q", j.Go.Digest, j.C.Digest, j.Arch, j.Plugin, j.Package)
	for _, f := range j.Flags {
		if name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "="); name != "ldflags" && name != "buildvcs" {
			fmt.Fprintf(&b, " %q", f)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(j.Env)) {
		fmt.Fprintf(&b, " %q=%q", k, j.Env[k])
	}
	return b.String()
}

// Plain takes this machine's directories out of a text.
func (l *Lab) Plain(text string) string {
	pairs := []string{l.scratch, "$SCRATCH", l.b.Cache, "$CACHE", l.b.ModCache, "$GOMODCACHE", l.job.Go.GOROOT, "$GOROOT"}
	for _, dir := range l.job.C.Path {
		pairs = append(pairs, dir+"/", "$CC_DIR/")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// seed is a build cache with the standard library alone, taken from the side's lasting one; "" if the order asks for none.
func (l *Lab) seed(ctx context.Context, j Job, o Order) (string, error) {
	if o.On.Has(vary.Cold) {
		return "", nil
	}
	j.Vary = vary.Default()
	key := o.Side + j.standardKey()
	if dir, ok := l.seeds[key]; ok {
		return dir, nil
	}
	warm := usual(o.Side)
	r, err := l.build(ctx, j, Order{Side: o.Side, On: warm.on, Warm: true, Log: true}, warm)
	if err != nil {
		return "", err
	}
	if r.Failed != nil && o.Side == "b" { // it does not build there: what it builds to in side a's surroundings is the question then
		return l.seed(ctx, j, Order{Side: "a", On: vary.None()})
	}
	if r.Failed != nil || r.Unread != nil {
		return "", nil // everything is compiled anew
	}
	store, _, release, err := l.b.gocache(ctx, j, warm)
	if err != nil {
		return "", err
	}
	defer release()
	dir := filepath.Join(l.scratch, fmt.Sprintf("seed%d", l.n))
	if err := seed(store, dir, cacheKeys(r.Actions.Log, standard(j.Go.GOROOT))); err != nil {
		return "", err
	}
	l.seeds[key] = dir
	return dir, nil
}
