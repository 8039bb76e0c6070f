package cli

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// fixTable is a table of plugproof.toml as a fix file has it: whole, so that it can take the place of the project's.
type fixTable struct {
	Package string            `toml:"package,omitempty"`
	Dir     string            `toml:"dir,omitempty"`
	Symbols map[string]string `toml:"symbols,inline,omitempty"`
	Against results.Digest    `toml:"against,omitempty"`
	Expect  string            `toml:"expect,omitempty"`
	Rebuild string            `toml:"rebuild,omitempty"`
	Go      string            `toml:"go,omitempty"`
	Flags   []string          `toml:"flags"`
	Env     map[string]string `toml:"env,inline,omitempty"`
	Before  [][]string        `toml:"before,omitempty"`
	Command []string          `toml:"command,omitempty"`
	Limit   string            `toml:"limit,omitempty"`
}

// writeFix writes what made pairs equal, as tables of plugproof.toml: with them in its place, every host and plugin is built with exactly
// the flags and variables that were proved.
func (a *app) writeFix(file string, c store.Contents, all []plan.Cell) error {
	proofs, projects := proved(c, all)
	if len(projects) > 1 {
		a.note("nothing was written to %s: pairs of %s were made equal, and a fix file is for one; name one project", file, plural(len(projects), "project"))
		return nil
	}
	if len(proofs) == 0 {
		a.note("nothing was written to %s: no fix made a pair equal", file)
		return nil
	}
	text, err := fixText(projects[0], proofs)
	if err != nil {
		return fmt.Errorf("writing the fix file: %w", err)
	}
	if err := os.WriteFile(a.path(file), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the fix file: %w", err)
	}
	fmt.Fprintf(a.env.Stderr, "plugproof: what made pairs equal is in %s\n", file)
	return nil
}

// fixText is a fix file.
func fixText(p *plan.Project, proofs []proof) (string, error) {
	base, own, clashes := spread(p, proofs)
	var out strings.Builder
	comment := func(format string, args ...any) {
		fmt.Fprintf(&out, "# %s\n", printable(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")))
	}
	comment("Each table takes the place of plugproof.toml's table of that name, a [[plugin]] of the same package's. All else stays as it is.")
	for _, q := range proofs {
		what := "pairs of builds came out equal"
		if q.shipped {
			what = "side a has the shipped bytes"
		}
		comment("%s: %s in %s: %s", q.subject, what, strings.Join(q.cells, ", "), strings.Join(q.texts, "; "))
	}
	for _, text := range clashes {
		comment("%s", text)
	}
	if base != nil {
		b := p.Build
		if err := table(&out, "[build]", fixTable{Flags: base.flags, Env: base.env, Before: b.Before, Command: b.Command, Limit: b.Limit}); err != nil {
			return "", err
		}
	}
	for i, s := range own {
		switch {
		case s == nil:
		case i == 0:
			h := p.Host
			if err := table(&out, "[host]", fixTable{Package: h.Package, Dir: h.Dir, Go: h.Go, Rebuild: afterFix(h.Rebuild), Flags: s.flags, Env: s.env}); err != nil {
				return "", err
			}
		default:
			g := p.Plugins[i-1]
			if err := table(&out, "[[plugin]]", fixTable{Package: g.Package, Dir: g.Dir, Symbols: g.Symbols, Against: g.Against, Expect: g.Expect, Go: g.Go, Rebuild: afterFix(g.Rebuild), Flags: s.flags, Env: s.env}); err != nil {
				return "", err
			}
		}
	}
	return out.String(), nil
}

// afterFix is what is expected of twins that a fix makes equal, where the project says what it expects.
func afterFix(rebuild string) string {
	if rebuild == "" {
		return ""
	}
	return "identical"
}

func table(out *strings.Builder, header string, t fixTable) error {
	if t.Flags == nil {
		t.Flags = []string{}
	}
	text, err := toml.Marshal(t)
	fmt.Fprintf(out, "\n%s\n%s", header, text)
	return err
}

// proof is what a host or plugin was built with when it came out equal.
type proof struct {
	index   int // 0 for the host, 1 + the plugin's place in the project
	subject string
	cells   []string // in which it was seen
	texts   []string
	shipped bool
	flags   []string          // all of go build's
	env     map[string]string // what it changes of the project's
	clash   string            // why there is no one choice for all cells; "" if there is
}

// proved lists what was proved, by project and place in it, cells of one subject together.
func proved(c store.Contents, all []plan.Cell) (list []proof, projects []*plan.Project) {
	cells := map[results.CellID]plan.Cell{}
	for _, x := range all {
		cells[x.ID()] = x
	}
	for _, r := range c.Records {
		cell, ok := cells[r.Cell.ID()]
		if r.Rebuild == nil || !ok {
			continue
		}
		for _, q := range r.Rebuild.Inquiries {
			i := slices.IndexFunc(cell.Jobs(), func(j plan.Job) bool { return j.Subject == q.Subject })
			if q.Fix == nil || i < 0 {
				continue
			}
			if !slices.ContainsFunc(projects, func(p *plan.Project) bool { return p.Name == cell.Project.Name }) {
				projects = append(projects, cell.Project)
			}
			list = join(list, proof{index: i, subject: q.Subject, cells: []string{r.Cell.String()}, texts: []string{q.Fix.Text}, flags: q.Fix.Flags,
				env: changedEnv(cell.Jobs()[i].Env, q.Fix.Env), shipped: q.Against != nil && !q.Against.Equal && len(q.Against.Settles) > 0})
		}
	}
	slices.SortStableFunc(list, func(x, y proof) int { return cmp.Compare(x.index, y.index) })
	return list, projects
}

// join adds a proof to those of the same subject in other cells: the flags must be the same, and no variable may have two values.
func join(list []proof, q proof) []proof {
	i := slices.IndexFunc(list, func(p proof) bool { return p.index == q.index })
	if i < 0 {
		return append(list, q)
	}
	p := &list[i]
	if !slices.Equal(p.flags, q.flags) {
		p.clash = fmt.Sprintf("%s and %s were made equal with other flags each, %q and %q", p.cells[0], q.cells[0], p.flags, q.flags)
	}
	for _, k := range slices.Sorted(maps.Keys(q.env)) {
		if v, ok := p.env[k]; ok && v != q.env[k] {
			p.clash = fmt.Sprintf("%s and %s were made equal with another %s each", p.cells[0], q.cells[0], k)
		}
		p.env[k] = q.env[k]
	}
	p.cells = append(p.cells, q.cells...)
	for _, t := range q.texts {
		if !slices.Contains(p.texts, t) {
			p.texts = append(p.texts, t)
		}
	}
	p.shipped = p.shipped || q.shipped
	return list
}

// changedEnv are the variables that a fix gives another value than they had.
func changedEnv(before, after map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range after {
		if old, ok := before[k]; !ok || old != v {
			out[k] = v
		}
	}
	return out
}
