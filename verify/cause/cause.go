// Package cause holds the one table of cause ids: what each means, how it comes about, which fixture plants it and what cures it;
// and what the verdicts of diff and abi and the failures F1 to F27 of plugin.Open mean. The lists are closed: an id that is not
// here is not a cause.
package cause

import (
	"sort"
	"strings"

	"github.com/plugproof/plugproof/verify/elfdiff"
)

// Cause is a named reason why two builds differ.
type Cause struct {
	ID       string
	Meaning  string   // one line
	How      string   // how it comes about
	Fixture  string   // the built-in project that plants it, "" if there is none
	Fix      string   // the known change that cures it, "" if none is known
	Upstream []string // issues, "golang/go#22491"
	Remedies []Remedy // what a third pair of builds can try, the likeliest first
}

// Remedy is a change of flags and environment that may make two builds equal. Until a pair was built with it, it is a guess.
type Remedy struct {
	Text  string            // what it does, in words
	Flags []string          // added to go build's; -ldflags= is merged into one that is there
	Env   map[string]string // added to the environment; {{epoch}} stands for the commit's time, in seconds since 1970
}

// Lookup finds a cause by its id.
func Lookup(id string) (Cause, bool) {
	for _, c := range causes {
		if c.ID == id {
			return c, true
		}
	}
	return Cause{}, false
}

// All lists the causes, sorted by id.
func All() []Cause {
	out := append([]Cause{}, causes...)
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Annotate writes the known fix into each cause of a report that has none. It stays unproven until a third build shows it.
func Annotate(r *elfdiff.Report) {
	for i := range r.Causes {
		if c, ok := Lookup(r.Causes[i].ID); ok && r.Causes[i].Fix == "" {
			r.Causes[i].Fix = c.Fix
		}
	}
}

// Explanation is what `plugproof explain` prints about one id.
type Explanation struct {
	ID       string   `json:"id"`
	Kind     string   `json:"kind"` // "cause", "diff verdict", "abi verdict", "word of a run", "word of a prediction", "policy finding" or "failure"
	Meaning  string   `json:"meaning"`
	How      string   `json:"how"`
	Texts    []string `json:"texts"` // what plugin.Open says, glibc's before musl's where they differ
	Fix      *string  `json:"fix"`   // null: no fix is known, or none is needed
	Fixture  *string  `json:"fixture"`
	Script   *string  `json:"script"` // the scenario that shows it, scripts/SCRIPT.txtar
	Upstream []string `json:"upstream"`
}

// Schema names the form of `plugproof explain --json`: {schema, entries: [Explanation]}.
const Schema = "plugproof/explain/v1"

// Explain finds everything that goes by an id. Failures may be written in lower case.
func Explain(id string) []Explanation {
	var out []Explanation
	for _, e := range Explanations() {
		if e.ID == id || (e.Kind == kindFailure && strings.EqualFold(e.ID, id)) {
			out = append(out, e)
		}
	}
	return out
}

const (
	kindCause   = "cause"
	kindDiff    = "diff verdict"
	kindABI     = "abi verdict"
	kindFailure = "failure"
	kindRun     = "word of a run"
	kindPredict = "word of a prediction"
	kindPolicy  = "policy finding"
)

// Explanations lists all that can be explained: causes by id, verdicts from harmless to grave, failures by number.
func Explanations() []Explanation {
	var out []Explanation
	for _, c := range All() {
		out = append(out, newExplanation(kindCause, c.ID, c.Meaning, c.How, c.Fix, c.Fixture, nil, c.Upstream))
	}
	for _, v := range diffVerdicts {
		out = append(out, newExplanation(kindDiff, v.id.String(), v.meaning, v.how, v.fix, "", nil, nil))
	}
	for _, v := range abiVerdicts {
		out = append(out, newExplanation(kindABI, v.id, v.meaning, v.how, v.fix, "", nil, nil))
	}
	for _, w := range abiWords {
		out = append(out, newExplanation(kindPredict, w.id, w.meaning, w.how, w.fix, w.fixture, nil, nil))
	}
	for _, w := range runWords {
		out = append(out, newExplanation(kindRun, w.id, w.meaning, w.how, w.fix, "", nil, nil))
	}
	for _, w := range policyFindings {
		out = append(out, newExplanation(kindPolicy, w.id, w.meaning, w.how, w.fix, "", nil, nil))
	}
	for _, f := range failures {
		e := newExplanation(kindFailure, f.id, f.meaning, f.how, f.fix, shown[f.id].fixture, f.texts, f.upstream)
		if name := shown[f.id].script; name != "" {
			e.Script = &name
		}
		out = append(out, e)
	}
	return out
}

func newExplanation(kind, id, meaning, how, fix, fixture string, texts, upstream []string) Explanation {
	e := Explanation{Kind: kind, ID: id, Meaning: meaning, How: how, Texts: append([]string{}, texts...), Upstream: append([]string{}, upstream...)}
	if fix != "" {
		e.Fix = &fix
	}
	if fixture != "" {
		e.Fixture = &fixture
	}
	return e
}

// Text is an Explanation for people.
func (e Explanation) Text() string {
	var b strings.Builder
	b.WriteString(e.ID + " (" + e.Kind + "): " + e.Meaning + "\n")
	line := func(label, text string) {
		if text != "" {
			b.WriteString("  " + label + ": " + text + "\n")
		}
	}
	line("how it comes about", e.How)
	for _, t := range e.Texts {
		line("plugin.Open says", t)
	}
	switch {
	case e.Fix != nil:
		line("what to do", *e.Fix)
	case e.Kind == kindCause:
		line("what to do", "no known fix")
	}
	if e.Fixture != nil {
		line("fixture", *e.Fixture)
	}
	if e.Script != nil {
		line("script", "scripts/"+*e.Script+".txtar")
	}
	line("upstream", strings.Join(e.Upstream, ", "))
	return b.String()
}
