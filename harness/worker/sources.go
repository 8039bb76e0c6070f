package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// sameSource says of a package whether the cell's host and one of its plugins, named by its path in the guest, are compiled from the same
// source. Artifacts of one directory with the same flags are; of others the source files are compared, once for each that is asked for.
func (w *Worker) sameSource(ctx context.Context, c *cell) func(plugin, pkg string) (same, known bool) {
	inputs := map[int]map[string]results.Digest{} // by plugin; the host is -1
	std := c.manyGos()
	of := func(i int) map[string]results.Digest {
		if in, ok := inputs[i]; ok {
			return in
		}
		j := c.HostJob
		if i >= 0 {
			j = c.Plugins[i].Job
		}
		inputs[i] = nil // what cannot be listed is not known
		if job := c.job(j, "sources", i >= 0); j.Go != (plan.GoSpec{}) && len(job.Command) == 0 {
			if in, failed, err := w.Builder.Inputs(ctx, job, std); err == nil && failed == nil {
				inputs[i] = in
			}
		}
		return inputs[i]
	}
	return func(plugin, pkg string) (same, known bool) {
		at := c.pluginsAt(plugin)
		if len(at) == 0 {
			return false, false
		}
		i := at[len(at)-1]
		if oneSource(c.HostJob, c.Plugins[i].Job) && len(c.job(c.HostJob, "sources", false).Before) == 0 {
			return true, true
		}
		if g := c.gos[c.Plugins[i].Go]; g.Digest != "" && g.Digest == c.gos[c.HostJob.Go].Digest && abi.IsStandard(pkg, strings.TrimPrefix(g.Version, "devel ")) {
			return true, true
		}
		a, aok := of(-1)[pkg]
		b, bok := of(i)[pkg]
		return a == b, aok && bok
	}
}

// pluginsAt are the plugins, by number, that have that path in the guest.
func (c *cell) pluginsAt(path string) (at []int) {
	for n := range c.Plugins {
		if guestPath(c, n) == path {
			at = append(at, n)
		}
	}
	return at
}

// otherGo reports whether the host and a plugin are built by Gos of other contents, whatever version they say. Of what is not built it is not known.
func (c *cell) otherGo(plugin int) bool {
	a, b := c.HostJob.Go, c.Plugins[plugin].Go
	return a != (plan.GoSpec{}) && b != (plan.GoSpec{}) && c.gos[a].Digest != c.gos[b].Digest
}

// manyGos reports whether that is so of any plugin.
func (c *cell) manyGos() bool {
	for i := range c.Plugins {
		if c.otherGo(i) {
			return true
		}
	}
	return false
}

// oneSource reports whether two artifacts are built in one directory in the same way.
func oneSource(a, b plan.Job) bool {
	return a.Go != (plan.GoSpec{}) && a.Go == b.Go && a.Dir == b.Dir && a.File+b.File+a.Version+b.Version == "" && slices.Equal(a.Flags, b.Flags) && maps.Equal(a.Env, b.Env)
}

// twoVersions says in one line what was found of the code of a plugin that opens, "" when nothing was.
func twoVersions(p abi.Plugin) string {
	if p.Code == nil {
		return ""
	}
	var parts []string
	if len(p.Drift) > 0 {
		parts = append(parts, fmt.Sprintf("the process runs two versions of %s", strings.Join(p.Drift, ", ")))
	}
	if len(p.Code.Sources) > 0 {
		parts = append(parts, otherSource(p))
	}
	if n := len(p.Code.Undecided); n > 0 && (p.Code.Sources == nil || len(p.Code.Sources) > 0) {
		parts = append(parts, fmt.Sprintf("of %d functions, such as %s, it is undecided whether host and plugin have the same", n, p.Code.Undecided[0].Name))
	}
	if p.Code.Note != nil {
		parts = append(parts, "whether host and plugin have the same code is undecided: "+*p.Code.Note)
	}
	return strings.Join(parts, "; ")
}

// otherSource is what of it is known for sure, and is to be told although the plugin opens: "" when nothing is. Of sources that are not at
// hand the functions speak.
func otherSource(p abi.Plugin) string {
	switch {
	case p.Code == nil:
		return ""
	case len(p.Code.Sources) > 0:
		return "host and plugin are compiled from two versions of the source of " + strings.Join(p.Code.Sources, ", ")
	case len(p.Drift) > 1:
		return fmt.Sprintf("the process runs two versions of %d functions, such as %s", len(p.Drift), p.Drift[0])
	case len(p.Drift) > 0:
		return "the process runs two versions of " + p.Drift[0]
	}
	return ""
}
