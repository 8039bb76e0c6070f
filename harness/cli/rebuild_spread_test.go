package cli

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/plan"
)

func TestSpread(t *testing.T) {
	flags := func(text string) []string { return strings.Fields(text) }
	for _, tt := range []struct {
		name              string
		base, host        string
		plugins           []string
		want              map[int]string
		newBase           string // "-" where [build] stays
		newOwn            []string
		clashes, fileHost int
	}{
		{"build alone", "-b", "", []string{""}, map[int]string{0: "-b -t", 1: "-b -t"}, "-b -t", []string{"-", "-"}, 0, 0},
		{"one plugin", "-b", "-t", []string{""}, map[int]string{1: "-b -t"}, "-", []string{"-", "-t"}, 0, 0},
		{"a plugin's own flag gives way", "-t -b", "", []string{"-t=false -x"}, map[int]string{1: "-t -b -x"}, "-", []string{"-", "-x"}, 0, 0},
		{"a flag of all gives way for one", "-b=true -t", "", []string{"-x"}, map[int]string{1: "-b=false -t -x"}, "", []string{"-b=true -t", "-b=false -t -x"}, 0, 0},
		{"a flag of all gives way", "-b=true -t", "-h", []string{"-x", ""}, map[int]string{0: "-b=false -t -h", 1: "-b=false -t -x", 2: "-b=false -t"}, "-b=false -t", []string{"-", "-", "-"}, 0, 0},
		{"the host is a file", "", "", []string{"-x"}, map[int]string{1: "-x -t"}, "-", []string{"-", "-x -t"}, 0, 1},
		{"one of the two trims", "", "", []string{""}, map[int]string{1: "-trimpath"}, "-", []string{"-", "-trimpath"}, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &plan.Project{Build: plan.Build{Flags: flags(tt.base)}, Host: plan.Host{Package: "./host", Flags: flags(tt.host)}}
			if tt.fileHost > 0 {
				p.Host = plan.Host{File: "host"}
			}
			for i, f := range tt.plugins {
				p.Plugins = append(p.Plugins, plan.Plugin{Package: fmt.Sprintf("./p%d", i), Flags: flags(f)})
			}
			var proofs []proof
			for _, i := range slices.Sorted(maps.Keys(tt.want)) {
				proofs = append(proofs, proof{index: i, flags: flags(tt.want[i])})
			}
			base, own, clashes := spread(p, proofs)
			say := func(s *section) string {
				if s == nil {
					return "-"
				}
				return strings.Join(s.flags, " ")
			}
			got := []string{say(base)}
			for _, s := range own {
				got = append(got, say(s))
			}
			if d := cmp.Diff(append([]string{tt.newBase}, tt.newOwn...), got); d != "" || len(clashes) != tt.clashes {
				t.Errorf("clashes %q (-want +got):\n%s", clashes, d)
			}
		})
	}
}

// Whatever a project says and whatever was proved: with the tables in its place, every host and plugin gets exactly what was proved, and
// what nothing was proved of gets what it had.
func TestSpreadIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	some := func() (flags []string, env map[string]string) {
		for range rng.IntN(4) {
			flags = append(flags, fmt.Sprintf("-%c=%d", 'a'+rng.IntN(3), rng.IntN(2)))
		}
		env = map[string]string{}
		for range rng.IntN(3) {
			env[fmt.Sprintf("V%d", rng.IntN(3))] = []string{"", "1", "2"}[rng.IntN(3)]
		}
		return flags, env
	}
	for range 3000 {
		p := &plan.Project{Host: plan.Host{Package: "./host"}}
		p.Build.Flags, p.Build.Env = some()
		p.Host.Flags, p.Host.Env = some()
		for i := range 1 + rng.IntN(3) {
			g := plan.Plugin{Package: fmt.Sprintf("./p%d", i)}
			g.Flags, g.Env = some()
			p.Plugins = append(p.Plugins, g)
		}
		_, had := subjectsOf(p)
		effective := func(base section, own section) section {
			s := section{slices.Concat(base.flags, own.flags), map[string]string{}}
			maps.Copy(s.env, base.env)
			maps.Copy(s.env, own.env)
			return s
		}
		var want []section
		var proofs []proof
		for i := range had {
			s := effective(section{p.Build.Flags, p.Build.Env}, had[i])
			if rng.IntN(2) == 0 {
				q := proof{index: i}
				q.flags, q.env = some()
				if rng.IntN(2) == 0 { // as fixes mostly are: one flag more
					q.flags = append(slices.Clone(s.flags), "-t")
				}
				q.env = changedEnv(s.env, q.env)
				s.flags = q.flags
				maps.Copy(s.env, q.env)
				proofs = append(proofs, q)
			}
			want = append(want, s)
		}
		base, own, _ := spread(p, proofs)
		if base == nil {
			base = &section{p.Build.Flags, p.Build.Env}
		}
		for i := range want {
			o := own[i]
			if o == nil {
				o = &had[i]
			}
			if got := effective(*base, *o); !slices.Equal(got.flags, want[i].flags) || !maps.Equal(got.env, want[i].env) {
				t.Fatalf("%+v\nproofs %+v\nbase %+v own %+v\nsubject %d gets %+v, want %+v", p, proofs, base, own, i, got, want[i])
			}
		}
	}
}
