package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/plan"
)

// section is what one table of plugproof.toml says of flags and variables.
type section struct {
	flags []string
	env   map[string]string
}

// spread finds tables that give every host and plugin what was proved of it, and leave the others as they are: [build], then host and
// plugins in the project's order, nil for a table that stays as it is. What has no one choice is said instead.
func spread(p *plan.Project, proofs []proof) (base *section, own []*section, clashes []string) {
	built, had := subjectsOf(p)
	want := make([][]string, len(built))
	for i, s := range had {
		want[i] = slices.Concat(p.Build.Flags, s.flags)
	}
	env := make([]map[string]string, len(built))
	for _, q := range proofs {
		if q.clash != "" {
			clashes = append(clashes, fmt.Sprintf("%s: nothing is written of it, for %s", q.subject, q.clash))
			continue
		}
		want[q.index], env[q.index] = q.flags, q.env
	}
	flags, rest := divide(p.Build.Flags, had, built, want)
	baseEnv, ownEnv := divideEnv(p.Build.Env, had, built, env)
	if !slices.Equal(flags, p.Build.Flags) || !maps.Equal(baseEnv, p.Build.Env) {
		base = &section{flags, baseEnv}
	}
	own = make([]*section, len(built))
	for i := range built {
		if built[i] && (!slices.Equal(rest[i], had[i].flags) || !maps.Equal(ownEnv[i], had[i].env)) {
			own[i] = &section{rest[i], ownEnv[i]}
		}
	}
	return base, own, append(clashes, untrimmed(p, built, want)...)
}

// subjectsOf says which of host and plugins are built, and what their own tables say.
func subjectsOf(p *plan.Project) (built []bool, had []section) {
	built, had = append(built, p.Host.Package != ""), append(had, section{p.Host.Flags, p.Host.Env})
	for _, g := range p.Plugins {
		built, had = append(built, g.Package != ""), append(had, section{g.Flags, g.Env})
	}
	return built, had
}

// divide cuts each wanted list of flags into what [build] says and what its own table adds. Of the two ways, [build] as it is or [build]
// with all that the lists begin with, it takes the one that changes fewer tables.
func divide(base []string, had []section, built []bool, want [][]string) (newBase []string, own [][]string) {
	common := beginning(want, built)
	cut := func(b []string) (own [][]string, changed int) {
		own = make([][]string, len(want))
		if !slices.Equal(b, base) {
			changed++
		}
		for i := range want {
			if !built[i] {
				continue
			}
			if own[i] = want[i][len(b):]; !slices.Equal(own[i], had[i].flags) {
				changed++
			}
		}
		return own, changed
	}
	moved, n := cut(common)
	if len(common) >= len(base) && slices.Equal(common[:len(base)], base) {
		if kept, m := cut(base); m <= n {
			return base, kept
		}
	}
	return common, moved
}

// beginning is what all lists of what is built begin with.
func beginning(lists [][]string, built []bool) (out []string) {
	first := slices.Index(built, true)
	if first < 0 {
		return nil
	}
	for k, f := range lists[first] {
		for i, l := range lists {
			if built[i] && (k >= len(l) || l[k] != f) {
				return out
			}
		}
		out = append(out, f)
	}
	return out
}

// divideEnv puts changed variables where they hold: into [build] if all that is built needs the value and no own table has another, else into
// the own tables.
func divideEnv(base map[string]string, had []section, built []bool, changed []map[string]string) (newBase map[string]string, own []map[string]string) {
	newBase, own = maps.Clone(base), make([]map[string]string, len(had))
	names := map[string]bool{}
	for i := range had {
		own[i] = maps.Clone(had[i].env)
		for k := range changed[i] {
			names[k] = true
		}
	}
	put := func(m *map[string]string, k, v string) {
		if *m == nil {
			*m = map[string]string{}
		}
		(*m)[k] = v
	}
	for _, k := range slices.Sorted(maps.Keys(names)) {
		shared := true // all that is built needs it
		var values []string
		for i := range had {
			v, ok := changed[i][k]
			_, elsewhere := had[i].env[k]
			if shared = shared && (!built[i] || ok && !elsewhere); ok && !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if shared && len(values) == 1 {
			put(&newBase, k, values[0])
			continue
		}
		for i := range had {
			if v, ok := changed[i][k]; ok {
				put(&own[i], k, v)
			}
		}
	}
	return newBase, own
}

// untrimmed warns of a host and plugins of which only some are built with -trimpath: plugin.Open refuses them.
func untrimmed(p *plan.Project, built []bool, want [][]string) (warnings []string) {
	trims := func(flags []string) (on bool) {
		for _, f := range flags {
			switch name, value, given := strings.Cut("-"+strings.TrimLeft(f, "-"), "="); {
			case name == "-trimpath":
				on = !given || slices.Contains([]string{"1", "t", "T", "true", "TRUE", "True"}, value)
			}
		}
		return on
	}
	if !built[0] || strings.Contains(p.Host.Package, "@") {
		return nil
	}
	for i, name := range p.Subjects() {
		if built[i+1] && trims(want[0]) != trims(want[i+1]) {
			warnings = append(warnings, fmt.Sprintf("of host and %s only one is built with -trimpath then: each comes out the same again, but plugin.Open refuses them together", name))
		}
	}
	return warnings
}
