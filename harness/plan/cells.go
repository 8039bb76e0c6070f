package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/results"
)

// Shipped stands in a cell for the Go of a host or of plugins that are files, or of a host's lock: they are not built.
const Shipped = results.Shipped

// Predicted is the expectation of a load about which nobody said anything: prediction and load must agree.
const Predicted = "predicted"

// Cell is one combination of axes with everything that is needed to run it.
type Cell struct {
	results.Cell
	Project *Project
	HostJob Job
	Plugins []PluginJob   // in the order in which they are opened
	Before  [][]string    // commands run on each side before building
	Command []string      // instead of go build; empty otherwise
	Limit   time.Duration // for one of Before, Command and {{cmd:...}}; 0 where the project does not say
	CC      string        // the configured C compiler for this architecture; empty means plugproof's own
	Steps   []results.Step
}

// Job is one artifact of a cell.
type Job struct {
	Subject string            // "host", or the plugin's name in records
	Package string            // empty if File or Lock is set
	Version string            // of a "path@version" host
	Dir     string            // slash-separated, relative to the project; empty means the project's own
	File    string            // a shipped file, relative to the project; not built
	Lock    string            // of a host: what stands for it in predictions, relative to the project; nothing is built or loaded
	Go      GoSpec            // with which it is built; the zero value for a file
	Flags   []string          // [build]'s, then its own; {{cmd:...}} not yet run
	Env     map[string]string // [build]'s, then its own, and the architecture's level; {{cmd:...}} not yet run
	Rebuild string            // expected verdict of the twins, or a cause id; empty for a file
	Against results.Digest    // the shipped bytes of a plugin that is built, or empty
}

// PluginJob is the Job of a plugin.
type PluginJob struct {
	Job
	Symbols  map[string]string // contract: name to type
	Expected string            // an abi verdict, or Predicted
}

// RebuildAsExpected reports whether a verdict of twins and the causes found fulfil the expectation: the same verdict, or, where a cause is
// expected, a verdict other than identical with that cause among those found.
func (j Job) RebuildAsExpected(verdict string, causes []string) bool {
	if IsCause(j.Rebuild) {
		return verdict != "identical" && slices.Contains(causes, j.Rebuild)
	}
	return verdict == j.Rebuild
}

// Selection is the caller's choice of axes. A non-empty list replaces the [matrix] axis.
type Selection struct {
	DefaultGo string   // used where neither the project nor Go says
	Go        []string // as ParseGo reads them
	Arch      []string
	Libc      []string
	Pairs     string         // "same" (or empty): host and plugin use the same Go; "all": every pair
	Image     string         // empty means "default"
	Steps     []results.Step // nil means all
}

// Cells are the project's cells, sorted and without repetition. Mistakes of the user are *Error.
func Cells(p *Project, sel Selection) ([]Cell, error) {
	combos, err := combinations(p, sel)
	if err != nil {
		return nil, err
	}
	if len(combos) == 0 {
		return nil, configError(p.File, "look at [matrix] and at the flags that narrow it", "no cell is left")
	}
	cells := make([]Cell, 0, len(combos))
	for _, c := range combos {
		cells = append(cells, newCell(p, c, sel))
	}
	Sort(cells)
	return cells, nil
}

// Sort orders cells for people: by project, architecture, libc and Go; the id decides between equals.
func Sort(cells []Cell) {
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(strings.Compare(a.Cell.Project, b.Cell.Project), strings.Compare(a.Arch, b.Arch), strings.Compare(a.Libc, b.Libc),
			compareGo(a.HostGo, b.HostGo), compareGo(a.PluginGo, b.PluginGo), strings.Compare(string(a.ID()), string(b.ID())))
	})
}

func newCell(p *Project, c combo, sel Selection) Cell {
	key, value := level(c.arch, p.Build.Env)
	cell := Cell{
		Cell: results.Cell{
			Project: p.Name, HostGo: c.host.Name, PluginGo: c.plugin.Name, Arch: c.arch, Level: key + "=" + value, Libc: c.libc,
			Flags: slices.Clone(p.Build.Flags), Env: maps.Clone(p.Build.Env), Image: cmp.Or(sel.Image, "default"),
		},
		Project: p, Before: p.Build.Before, Command: p.Build.Command, CC: p.CC[c.arch].CC, Steps: sel.Steps,
	}
	if cell.Steps == nil {
		cell.Steps = []results.Step{results.Rebuild, results.ABI, results.Load}
		if p.Policy != nil {
			cell.Steps = append(cell.Steps, results.Policy)
		}
	}
	cell.Limit, _ = p.Build.limit() // it was checked when the project was read
	base := map[string]string{key: value}
	h := p.Host
	cell.HostJob = Job{Subject: "host", Dir: h.Dir, File: h.File, Lock: h.Lock}
	if h.Package != "" {
		cell.HostJob.Package, cell.HostJob.Version, _ = strings.Cut(h.Package, "@")
		cell.HostJob.build(c.host, base, p.Build, h.Flags, h.Env, h.Rebuild)
	}
	names := p.Subjects()
	for i, pl := range p.Plugins {
		job := PluginJob{Job: Job{Subject: names[i], Package: pl.Package, Dir: pl.Dir, File: pl.File, Against: pl.Against}, Symbols: pl.Symbols}
		pluginGo := GoSpec{Name: Shipped}
		if pl.Package != "" {
			pluginGo = pluginGoOf(p, pl, c)
			job.build(pluginGo, base, p.Build, pl.Flags, pl.Env, pl.Rebuild)
		}
		job.Expected = expected(p, i, names[i], c, pluginGo.Name)
		cell.Plugins = append(cell.Plugins, job)
	}
	return cell
}

func (j *Job) build(g GoSpec, base map[string]string, b Build, flags []string, env map[string]string, rebuild string) {
	j.Go = g
	j.Flags = slices.Concat(b.Flags, flags)
	j.Env = maps.Clone(base)
	maps.Copy(j.Env, b.Env)
	maps.Copy(j.Env, env)
	j.Rebuild = cmp.Or(rebuild, "identical")
}

// expected is the verdict that the i-th plugin must get in a cell.
func expected(p *Project, i int, subject string, c combo, pluginGo string) string {
	for _, e := range slices.Backward(p.Expects) { // the last one that fits wins
		if e.fits(p.Plugins[i].Package, subject, c, pluginGo) {
			return e.Verdict
		}
	}
	if c.host.Name == pluginGo || c.host.Name == Shipped || pluginGo == Shipped {
		return cmp.Or(p.Plugins[i].Expect, "ok")
	}
	return Predicted
}

// fits reports whether an expectation is about a plugin in a cell.
func (e Expect) fits(pkg, subject string, c combo, pluginGo string) bool {
	return (e.Plugin == "" || e.Plugin == subject || e.Plugin == pkg) && e.When.matches(c.host.Name, pluginGo, c.arch, c.libc)
}

// ToPlan lists the cells with the steps that must leave a record.
func ToPlan(run, tool string, seed uint64, cells []Cell) results.Plan {
	out := results.Plan{Schema: results.PlanSchema, Run: run, Tool: tool, Seed: seed, Cells: make([]results.PlannedCell, 0, len(cells))}
	for _, c := range cells {
		out.Cells = append(out.Cells, results.PlannedCell{ID: c.ID(), Cell: c.Cell, Steps: c.Steps})
	}
	return out
}

// Distinct reports two cells of the same id, which can only come from one project that was named twice.
func Distinct(cells []Cell) error {
	seen := map[results.CellID]bool{}
	for _, c := range cells {
		if seen[c.ID()] {
			return configError("", "a project is known by its module path and its place in the module: name each once, and two checkouts of one module in two runs",
				"cell %s occurs twice: %s", c.ID().Short(), fmt.Sprint(c.Cell))
		}
		seen[c.ID()] = true
	}
	return nil
}

// Jobs are the cell's artifacts: the host's job, then the plugins'.
func (c Cell) Jobs() []Job {
	jobs := []Job{c.HostJob}
	for _, p := range c.Plugins {
		jobs = append(jobs, p.Job)
	}
	return jobs
}
