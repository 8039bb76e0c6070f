// Package inquiry finds out why the two sides of a twin build differ, by building again: it looks for a minimal set of variations that
// makes the difference, sets inputs of side B back to side A's until the raw hashes meet, names the cause by what the go command says
// entered its hashes, and tries the known fixes on a further pair of builds. What it calls proven was seen in builds of this run; a fix is
// given only if a pair that was built with it came out equal.
//
// Given the same sources, toolchains, variations and seed it makes the same builds in the same order and gives the same report.
package inquiry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

// DefaultMost is how many builds of one side an inquiry makes at most.
const DefaultMost = 48

// Options are the caller's.
type Options struct {
	Seed uint64       // decides the order of the search
	Most int          // builds of one side; 0 means DefaultMost
	Say  func(string) // is told what begins; may be nil
}

// Report is what was found.
type Report struct {
	// Steady is set if the control, built again in the same surroundings, has the bytes of side A. Otherwise something changes from build
	// to build that no variation controls: the clock, chance, the order of parallel work.
	Steady bool
	Groups []Group // each minimal set of variations that makes a difference, with its cause; one without variations if not steady
	Met    bool    // with all that the groups name set back, side B has the bytes of side A
	Fix    *Fix    // all causes' fixes together: the pair built with them came out equal
	Builds int     // that were made
	CPU    float64 // seconds that they took
	Short  string  // why it was ended early; "" if it was not
}

// Group is one reason for the difference.
type Group struct {
	Variations []string // sorted; none: it differs in the same surroundings, too
	Minimal    bool     // without any one of them there is no difference
	Causes     []Cause  // most often one
}

// Cause is a named reason.
type Cause struct {
	ID       string
	Evidence string
	Guess    bool     // named by the shape of a value
	Proven   bool     // by intervention: with what is named set back the raw hashes met, or with the fix
	Action   string   // the first action of the go command that differs, "build example.test/x"; "" if none does
	Input    string   // what of its inputs differs, "-ldflags", "file gen.go"; "" if that is not known
	Cascade  int      // further actions that differ only by what they import
	Fix      *Fix     // nil: no known fix converged
	Tried    []string // fixes that were tried and did not make the pair equal
	InPlace  []string // fixes that need not be tried, for it is built like that already
	Upstream []string // issues, where there is no fix
}

// Fix is a change that was seen to make a pair of builds equal.
type Fix struct {
	Text  string
	Flags []string          // all of go build's flags, the project's own included
	Env   map[string]string // all of the project's variables, those added included
}

// errSpent ends an inquiry that may make no more builds.
var errSpent = errors.New("the number of builds that may be made is spent")

// work is an inquiry under way.
type work struct {
	lab     *build.Lab
	job     build.Job
	opt     Options
	on      vary.Set // of side B
	control *build.Built
	search  *vary.Search
	made    int
	good    []change     // fixes that made a pair equal
	basis   []change     // of those, the ones without which no pair can be equal, for they are of what changes from build to build
	held    *build.Given // inputs that side B takes from the control in all further builds: what is explained already
}

// Twins inquires into twins that differ. The error says that nothing was learned, by the machine's fault; what the project does is in the report.
func Twins(ctx context.Context, b *build.Builder, j build.Job, r *build.TwinResult, opt Options) (*Report, error) {
	if opt.Most <= 0 {
		opt.Most = DefaultMost
	}
	lab, err := b.Lab(ctx, j)
	if err != nil {
		return nil, err
	}
	defer lab.Close()
	w := &work{lab: lab, job: j, opt: opt, on: j.Vary.OrDefault()}
	rep := &Report{}
	err = w.twins(ctx, r, rep)
	rep.Builds, rep.CPU = lab.Builds(), lab.CPU().Seconds()
	if errors.Is(err, errSpent) {
		rep.Short, err = fmt.Sprintf("%v (%d)", errSpent, opt.Most), nil
	}
	if err != nil {
		return nil, err
	}
	for _, g := range rep.Groups {
		for i := range g.Causes {
			g.Causes[i].Evidence = lab.Plain(g.Causes[i].Evidence)
		}
	}
	return rep, nil
}

func (w *work) twins(ctx context.Context, r *build.TwinResult, rep *Report) (err error) {
	w.say("building the control again")
	if w.control, err = w.build(ctx, build.Order{Side: "a", On: vary.None(), Log: true, Keep: true}); err != nil {
		return err
	}
	w.say("building side b in side a's surroundings")
	base, err := w.build(ctx, build.Order{Side: "b", On: vary.None(), Log: true, Keep: true})
	if err != nil {
		return err
	}
	rep.Steady = w.same(base) && w.control.SHA256 == r.A.SHA256 && w.control.Failed == nil
	if !rep.Steady {
		return w.unsteady(ctx, base, rep)
	}
	if err := w.guilty(ctx, rep); err != nil || !rep.Met {
		return err
	}
	return w.fixes(ctx, rep)
}

// unsteady looks for what changes although the surroundings are the same.
func (w *work) unsteady(ctx context.Context, base *build.Built, rep *Report) error {
	if w.control.Failed != nil {
		rep.Groups = []Group{{Causes: []Cause{{ID: unknown, Evidence: "it built before and does not now: " + w.control.Failed.Text}}}}
		return nil
	}
	if base.Failed == nil && w.same(base) {
		// It came out the same this time: look at another one before anything is said.
		var err error
		if base, err = w.build(ctx, build.Order{Side: "b", On: vary.None(), Log: true, Keep: true}); err != nil {
			return err
		}
	}
	if w.same(base) {
		rep.Groups = []Group{{Causes: []Cause{{ID: unknown, Evidence: "two builds in the same surroundings differed, two later ones did not: it depends on chance or on what was in the build caches before; --cold throws those away"}}}}
		return nil
	}
	g := Group{Minimal: true}
	var given *build.Given
	var err error
	g.Causes, given, err = w.explain(ctx, nil, base)
	rep.Groups = append(rep.Groups, g)
	if err != nil {
		return err
	}
	whole := w.job
	if err := w.fix(ctx, &rep.Groups[0], vary.None()); err != nil {
		return err
	}
	// What is explained is held fast, so that what the variations do besides can be seen: by the inputs, else by the fix.
	switch last := rep.Groups[0].Causes[len(rep.Groups[0].Causes)-1]; {
	case given != nil:
		w.held = given
	case last.Fix != nil:
		w.job.Flags, w.job.Env = last.Fix.Flags, last.Fix.Env
		if w.control, err = w.build(ctx, build.Order{Side: "a", On: vary.None(), Log: true, Keep: true, Job: &w.job}); err != nil {
			return err
		}
	default:
		rep.Short = "what changes from build to build could not be held fast, so whether a variation makes a difference, too, was not looked for"
		return nil
	}
	err = w.guilty(ctx, rep)
	w.job, w.held, w.basis = whole, nil, w.good
	if err != nil || !rep.Met {
		return err
	}
	return w.fixes(ctx, rep)
}

// guilty looks for minimal sets of variations until nothing is left of the difference.
func (w *work) guilty(ctx context.Context, rep *Report) error {
	w.search = &vary.Search{Seed: w.opt.Seed, Most: w.opt.Most}
	rest := w.on.Without(vary.Time)
	if w.on.Has(vary.Cold) && rest.Len() > 1 { // a build of everything is dear: only if nothing else makes the difference
		if differs, err := w.differs(ctx, rest.Without(vary.Cold).Names()); err != nil {
			return err
		} else if differs {
			rest = rest.Without(vary.Cold)
		}
	}
	for rest.Len() > 0 {
		whole, err := w.build(ctx, build.Order{Side: "b", On: rest, Log: true, Keep: true})
		if err != nil {
			return err
		}
		if w.same(whole) {
			break
		}
		if w.search.Suspects, err = w.suspects(whole); err != nil {
			return err
		}
		w.say("looking for the variations that make the difference")
		found, err := w.search.Minimize(ctx, rest.Names(), w.differs)
		if err != nil {
			return err
		}
		g := Group{Variations: found.Guilty, Minimal: found.Minimal}
		seen, err := w.build(ctx, build.Order{Side: "b", On: w.on.Only(found.Guilty...), Log: true, Keep: true})
		if err == nil && w.same(seen) {
			g.Minimal = false
			g.Causes = []Cause{{ID: unknown, Evidence: "a build in these surroundings differed and a later one did not: it depends on chance"}}
			rep.Groups = append(rep.Groups, g)
			return nil
		}
		if err == nil {
			g.Causes, _, err = w.explain(ctx, found.Guilty, seen)
		}
		rep.Groups = append(rep.Groups, g)
		if err != nil || !found.Minimal {
			return errors.Join(err, map[bool]error{false: errSpent}[found.Minimal])
		}
		rest = rest.Without(found.Guilty...)
	}
	if len(rep.Groups) == 0 { // nothing differs any more, though it did
		rep.Groups = []Group{{Causes: []Cause{{ID: unknown, Evidence: "side b, compiled anew, has the bytes of side a: what differed came from chance, or from a build cache; --cold throws those away"}}}}
		return nil
	}
	rep.Met = true
	return nil
}

// differs is the test of the search: does side B with these variations differ from the control?
func (w *work) differs(ctx context.Context, names []string) (bool, error) {
	if len(names) == 0 {
		return false, nil
	}
	r, err := w.build(ctx, build.Order{Side: "b", On: w.on.Only(names...)})
	if err != nil {
		return false, err
	}
	return !w.same(r), nil
}

// build makes one build, unless too many were made.
func (w *work) build(ctx context.Context, o build.Order) (*build.Built, error) {
	if w.made >= w.opt.Most {
		return nil, errSpent
	}
	w.made++
	if o.Job == nil {
		o.Job = &w.job
	}
	if o.Given == nil && o.Side == "b" {
		o.Given = w.held
	}
	return w.lab.Build(ctx, o)
}

func (w *work) same(r *build.Built) bool {
	return r.Failed == nil && w.control.Failed == nil && r.SHA256 == w.control.SHA256
}

func (w *work) say(text string) {
	if w.opt.Say != nil {
		w.opt.Say(text)
	}
}

// compare compares two built files; nil if one of them cannot be read as such.
func compare(a, b build.Artifact) *elfdiff.Report {
	var in [2]elfdiff.Input
	for i, art := range []build.Artifact{a, b} {
		f, err := os.Open(art.File)
		if err != nil {
			return nil
		}
		defer f.Close()
		in[i] = elfdiff.Input{Path: art.File, R: f, Size: art.Size}
	}
	r, err := elfdiff.Compare(in[0], in[1])
	if err != nil {
		return nil
	}
	return r
}

// IDs are the names of all causes, each once, in the order in which they were found.
func (r *Report) IDs() (ids []string) {
	for _, g := range r.Groups {
		for _, c := range g.Causes {
			if !slices.Contains(ids, c.ID) {
				ids = append(ids, c.ID)
			}
		}
	}
	return ids
}
