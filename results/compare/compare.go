// Package compare says what changed between two runs, such as those of two toolchains: verdicts, outcomes of loads, causes, the layout of
// the module data, sizes, and which packages have another fingerprint. It reads what the runs left behind and judges nothing but equality.
package compare

import (
	"regexp"
	"slices"

	"github.com/plugproof/plugproof/results"
)

// Schema of a Comparison.
const Schema = "plugproof/compare/v1"

// Side is one of the two runs.
type Side struct {
	Plan    results.Plan
	Records []results.Record
	Shapes  map[results.Digest]results.Shape
}

// Options choose cells.
type Options struct {
	From string // only cells of the first run whose host and plugins are of this Go; "" for all
	To   string // the same of the second run

	// Standard reports whether a package is of the standard library of a Go, by its runtime.Version. Nil goes by the path alone: one whose first
	// element has no dot, which may also be a module of a workspace.
	Standard func(pkg, version string) bool
}

// Comparison is what changed from the first run to the second.
type Comparison struct {
	Schema   string        `json:"schema"`
	From     Run           `json:"from"`
	To       Run           `json:"to"`
	Gos      []Renamed     `json:"gos"`      // which Go stands against which
	Pairs    int           `json:"pairs"`    // cells that were compared
	Unpaired Unpaired      `json:"unpaired"` // cells with no counterpart
	Inputs   []InputChange `json:"inputs"`   // what differs besides the Gos that stand against each other: a comparison of two toolchains wants this empty
	Cells    []CellChange  `json:"cells"`    // those in which something came out otherwise
	Layouts  []Layout      `json:"layouts"`  // of the module data, where it differs or is not known
	Files    []FileChange  `json:"files"`    // of which the bytes differ
	Packages []Packages    `json:"packages"` // fingerprints, where they differ
	Unknown  int           `json:"unknown"`  // steps of the pairs of which one run, or both, have no evidence: a missing record, or an error
}

// Changed reports whether something came out otherwise, or a cell has no counterpart. Layouts, sizes and fingerprints may change without that.
func (c Comparison) Changed() bool {
	for _, cell := range c.Cells {
		for _, s := range cell.Steps {
			if s.From.evidence() && s.To.evidence() {
				return true
			}
		}
	}
	return len(c.Unpaired.From)+len(c.Unpaired.To) > 0
}

// Run names one of the two.
type Run struct {
	Run  string `json:"run"`
	Tool string `json:"tool"`
}

// Renamed is a Go of the first run with its counterpart in the second.
type Renamed struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Unpaired are cells, in words, that only one run has.
type Unpaired struct {
	From []string `json:"from"`
	To   []string `json:"to"`
}

// InputChange is an input, other than Go, that differs in some pairs of records.
type InputChange struct {
	Input string `json:"input"` // "cc", "kernel", ...; "go NAME" where the Go of that name is not the same in both
	From  string `json:"from"`  // of the first such pair
	To    string `json:"to"`
	Steps int    `json:"steps"` // in how many pairs of records
}

// CellChange is a cell in which something came out otherwise.
type CellChange struct {
	From  string       `json:"from"` // the cells in words
	To    string       `json:"to"`
	Steps []StepChange `json:"steps"`
}

// StepChange is one step of it.
type StepChange struct {
	Step       results.Step    `json:"step"`
	From       Outcome         `json:"from"`
	To         Outcome         `json:"to"`
	Subjects   []SubjectChange `json:"subjects"`
	NewCauses  []string        `json:"new_causes"`
	GoneCauses []string        `json:"gone_causes"`
}

// Outcome is what a step came to.
type Outcome struct {
	State   results.State `json:"state"`
	Verdict string        `json:"verdict"`
}

// SubjectChange is a host or plugin of which something came out otherwise, or that only one of the runs knows: the other's state is missing.
type SubjectChange struct {
	Name     string  `json:"name"`
	From     Outcome `json:"from"`
	To       Outcome `json:"to"`
	FromText string  `json:"from_text"`
	ToText   string  `json:"to_text"`
}

// Runs compares two runs.
func Runs(from, to Side, opt Options) Comparison {
	c := Comparison{Schema: Schema, From: Run{from.Plan.Run, from.Plan.Tool}, To: Run{to.Plan.Run, to.Plan.Tool}, Unpaired: Unpaired{[]string{}, []string{}},
		Gos: []Renamed{}, Inputs: []InputChange{}, Cells: []CellChange{}, Layouts: []Layout{}, Files: []FileChange{}, Packages: []Packages{}}
	pairs := pair(from.Plan, to.Plan, opt, &c)
	c.Pairs = len(pairs)
	a, b := outcomes(from), outcomes(to)
	seen := map[any]bool{}
	for _, p := range pairs {
		change := CellChange{From: p.from.Cell.String(), To: p.to.Cell.String()}
		for _, s := range append(slices.Clone(p.from.Steps), without(p.to.Steps, p.from.Steps)...) {
			x, y := a[results.Key{Cell: p.from.ID, Step: s}], b[results.Key{Cell: p.to.ID, Step: s}]
			sc, changed := step(s, x, y)
			if changed {
				change.Steps = append(change.Steps, sc)
			}
			if !sc.From.evidence() || !sc.To.evidence() {
				c.Unknown++
			}
			c.inputs(p, x.Record, y.Record)
		}
		if len(change.Steps) > 0 {
			c.Cells = append(c.Cells, change)
		}
		c.files(p, a, b, from.Shapes, to.Shapes, opt.Standard, seen)
	}
	return c
}

// outcomes are the run's planned steps with the records that count.
func outcomes(s Side) map[results.Key]results.Outcome {
	out := map[results.Key]results.Outcome{}
	for _, o := range results.NewLedger(&s.Plan, s.Records).Outcomes {
		out[o.Key] = o
	}
	return out
}

func step(s results.Step, a, b results.Outcome) (StepChange, bool) {
	c := StepChange{Step: s, From: outcome(a), To: outcome(b), Subjects: []SubjectChange{}, NewCauses: []string{}, GoneCauses: []string{}}
	if leftOut(a) != leftOut(b) { // --no-boot on one side: that shows nothing of what changed
		for _, side := range []struct {
			out *Outcome
			of  results.Outcome
		}{{&c.From, a}, {&c.To, b}} {
			if leftOut(side.of) {
				*side.out = Outcome{results.Missing, string(results.Skip)}
			}
		}
		return c, true
	}
	changed := c.From != c.To
	if a.Record == nil || b.Record == nil {
		return c, changed
	}
	for i, x := range a.Record.Subjects {
		y, ok := counterpart(a.Record.Subjects, i, b.Record.Subjects)
		if !ok {
			c.Subjects = append(c.Subjects, SubjectChange{x.Name, outcomeOf(x), Outcome{State: results.Missing}, x.Text, ""})
			continue
		}
		sc := SubjectChange{x.Name, outcomeOf(x), outcomeOf(y), x.Text, y.Text}
		if sc.From != sc.To || words(s, x) != words(s, y) {
			c.Subjects = append(c.Subjects, sc)
		}
	}
	for i, y := range b.Record.Subjects {
		if _, ok := counterpart(b.Record.Subjects, i, a.Record.Subjects); !ok {
			c.Subjects = append(c.Subjects, SubjectChange{y.Name, Outcome{State: results.Missing}, outcomeOf(y), "", y.Text})
		}
	}
	c.NewCauses, c.GoneCauses = without(causes(b.Record), causes(a.Record)), without(causes(a.Record), causes(b.Record))
	return c, changed || len(c.Subjects)+len(c.NewCauses)+len(c.GoneCauses) > 0
}

// counterpart is the subject in there of the name that list[i] has: the second one of that name if list[i] is the second. Plugins have a name
// each, lines of a policy need not.
func counterpart(list []results.Subject, i int, there []results.Subject) (results.Subject, bool) {
	nth := 0
	for _, s := range list[:i] {
		if s.Name == list[i].Name {
			nth++
		}
	}
	for _, s := range there {
		if s.Name != list[i].Name {
			continue
		}
		if nth == 0 {
			return s, true
		}
		nth--
	}
	return results.Subject{}, false
}

func outcomeOf(s results.Subject) Outcome { return Outcome{results.State(s.Status), s.Verdict} }

// addresses are what no two processes have in common.
var addresses = regexp.MustCompile(`0x[0-9a-f]+`)

// words is what of a subject's text does not vary from one run to the next: nothing of a rebuild, and nothing that a process said when it died.
// What a plugin of another layout does to its host depends on where the kernel laid them.
func words(s results.Step, x results.Subject) string {
	if s == results.Rebuild || s == results.Load && (x.Verdict == "throw" || x.Verdict == "signal") {
		return ""
	}
	return addresses.ReplaceAllString(x.Text, "0x")
}

func outcome(o results.Outcome) Outcome {
	if o.Record == nil {
		return Outcome{State: results.Missing}
	}
	return Outcome{o.State, o.Record.Verdict}
}

// leftOut reports whether a step was skipped on request: that passes, and nothing was looked at.
func leftOut(o results.Outcome) bool {
	return o.Record != nil && o.Record.Status == results.Skip && o.Record.Reason == results.SkipRequested
}

// evidence says that something was found out.
func (o Outcome) evidence() bool {
	return o.State == results.AsExpected || o.State == results.NotAsExpected
}

// causes are "ID" or "ID in SUBJECT", each once.
func causes(r *results.Record) []string {
	var out []string
	for _, c := range r.Causes {
		name := c.ID
		if c.Subject != "" {
			name += " in " + c.Subject
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func without[T comparable](list, others []T) []T {
	out := []T{}
	for _, s := range list {
		if !slices.Contains(others, s) {
			out = append(out, s)
		}
	}
	return out
}

// inputs adds what differs besides the Gos that stand against each other and the sources' own change. A GOROOT that was edited between the
// runs has the name that it had.
func (c *Comparison) inputs(p couple, a, b *results.Record) {
	if a == nil || b == nil {
		return
	}
	x, y := a.Inputs, b.Inputs
	type input struct{ name, from, to string }
	list := []input{
		{"sources", string(x.Sources), string(y.Sources)}, {"cc", string(x.CC), string(y.CC)}, {"libc", string(x.Libc), string(y.Libc)},
		{"kernel", string(x.Kernel), string(y.Kernel)}, {"kernel_name", x.KernelName, y.KernelName}, {"image", string(x.Image), string(y.Image)},
		{"image_origin", x.ImageOrigin, y.ImageOrigin}, {"qemu", x.QEMU, y.QEMU}, {"accelerator", x.Accelerator, y.Accelerator}, {"tool", x.Tool, y.Tool},
	}
	if name := p.from.Cell.HostGo; name == p.to.Cell.HostGo {
		list = append(list, input{"go " + name, string(x.HostGo), string(y.HostGo)})
	}
	if name := p.from.Cell.PluginGo; name == p.to.Cell.PluginGo && name != p.from.Cell.HostGo {
		list = append(list, input{"go " + name, string(x.PluginGo), string(y.PluginGo)})
	}
	for _, in := range list {
		if in.from == in.to || in.from == "" || in.to == "" { // what a step did not come to is not another
			continue
		}
		at := slices.IndexFunc(c.Inputs, func(i InputChange) bool { return i.Input == in.name })
		if at < 0 {
			c.Inputs = append(c.Inputs, InputChange{in.name, in.from, in.to, 0})
			at = len(c.Inputs) - 1
		}
		c.Inputs[at].Steps++
	}
}
