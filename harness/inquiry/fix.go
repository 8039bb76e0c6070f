package inquiry

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/verify/cause"
)

// change is a fix that may be tried.
type change struct {
	text string
	on   func(flags []string, env map[string]string) ([]string, map[string]string)
}

// told is the change in words, for the flags that it is made to.
func (ch change) told(before, after []string) string {
	return ch.text + undone(before, after)
}

// fixes tries the known fixes of each cause, and at last those that converged together, on side b with all that is varied.
func (w *work) fixes(ctx context.Context, rep *Report) error {
	all := true
	var last *Fix
	for i := range rep.Groups {
		g := &rep.Groups[i]
		on := w.on.Only(g.Variations...)
		if len(rep.Groups) == 1 && rep.Steady {
			on = w.on // the stricter pair
		}
		if err := w.fix(ctx, g, on); err != nil {
			return err
		}
		for _, c := range g.Causes {
			if c.Fix == nil {
				all = false
			} else {
				last = c.Fix
			}
		}
	}
	if !all || last == nil {
		return nil
	}
	if len(rep.Groups) == 1 && rep.Steady {
		rep.Fix = last
		return nil
	}
	flags, env := apply(w.job, w.good)
	ok, err := w.pair(ctx, w.on, flags, env)
	if err != nil || !ok {
		return err
	}
	var texts []string
	for _, ch := range w.good {
		if !slices.Contains(texts, ch.text) {
			texts = append(texts, ch.text)
		}
	}
	rep.Fix = &Fix{Text: strings.Join(texts, ", ") + undone(w.job.Flags, flags), Flags: flags, Env: env}
	return nil
}

// fix tries the known fixes of a group's causes on a pair that differs in these variations. What was tried before is not tried again.
func (w *work) fix(ctx context.Context, g *Group, on vary.Set) error {
	var found []change
	equal := false // the pair with what was found
	for i := range g.Causes {
		c := &g.Causes[i]
		known, _ := cause.Lookup(c.ID)
		if c.Fix != nil || len(c.Tried) > 0 {
			continue
		}
		for _, ch := range w.changes(c, known) {
			tried := append(slices.Clone(found), ch)
			before, beforeEnv := apply(w.job, slices.Concat(w.basis, found))
			flags, env := apply(w.job, slices.Concat(w.basis, tried))
			if slices.Equal(flags, before) && maps.Equal(env, beforeEnv) {
				if equal { // it cures another cause of this group, and this one
					c.Fix = &Fix{Text: ch.text, Flags: flags, Env: env}
					break
				}
				c.InPlace = append(c.InPlace, ch.text)
				continue // it is there already, and did not help
			}
			text := ch.told(before, flags)
			w.say("trying a fix: " + text)
			ok, err := w.pair(ctx, on, flags, env)
			if err != nil {
				return err
			}
			if !ok {
				c.Tried = append(c.Tried, text)
				if i < len(g.Causes)-1 { // it may be half of the cure
					found = tried
				}
				continue
			}
			c.Fix = &Fix{Text: text, Flags: flags, Env: env}
			found, equal = tried, true
			w.good = append(w.good, found...)
			if len(g.Variations) == 0 && c.ID == "embedded-time" {
				c.Proven, c.Guess = true, false
			}
			break
		}
		if c.Fix == nil {
			c.Upstream = known.Upstream
		}
	}
	return nil
}

// pair builds both sides with a fix and says whether they are equal. A fix with which the project does not build is none.
func (w *work) pair(ctx context.Context, on vary.Set, flags []string, env map[string]string) (bool, error) {
	j := w.job
	j.Flags, j.Env = flags, env
	a, err := w.build(ctx, build.Order{Side: "a", On: vary.None(), Job: &j})
	if err != nil || a.Failed != nil {
		return false, err
	}
	b, err := w.build(ctx, build.Order{Side: "b", On: on, Job: &j})
	if err != nil || b.Failed != nil {
		return false, err
	}
	return a.SHA256 == b.SHA256, nil
}

// changes are the fixes that are known for a cause, the most fitting first: a command in a flag that prints a time or a place can be left out.
func (w *work) changes(c *Cause, known cause.Cause) (list []change) {
	if strings.HasPrefix(c.ID, "embedded-") || c.ID == "ldflags" {
		list = append(list, w.templates(c.ID)...)
	}
	for _, r := range known.Remedies {
		list = append(list, w.remedy(r)...)
	}
	return list
}

// templates changes the commands in flags and variables whose output differs.
func (w *work) templates(id string) (list []change) {
	replace := func(with func(command string) string) func(flags []string, env map[string]string) ([]string, map[string]string) {
		return func(flags []string, env map[string]string) ([]string, map[string]string) {
			flags, env = slices.Clone(flags), maps.Clone(env)
			for i := range flags {
				flags[i] = eachCommand(flags[i], with)
			}
			for k := range env {
				env[k] = eachCommand(env[k], with)
			}
			return flags, env
		}
	}
	has := slices.ContainsFunc(slices.Concat(w.job.Flags, slices.Collect(maps.Values(w.job.Env))), func(s string) bool { return strings.Contains(s, "{{cmd:") })
	if !has {
		return nil
	}
	dates := func(command string) string {
		if args, ok := strings.CutPrefix(command, "date"); ok && (args == "" || args[0] == ' ') && !strings.Contains(args, "'") {
			return "{{cmd:sh -c 'date -u -d @$(git log -1 --format=%ct)" + args + "'}}"
		}
		return "{{cmd:" + command + "}}"
	}
	if id == "embedded-time" && w.job.Tree.VCS {
		list = append(list, change{"take the time from the commit instead of the clock", replace(dates)})
	}
	list = append(list, change{"leave the output of {{cmd:...}} out", replace(func(string) string { return "" })})
	return list
}

// eachCommand replaces every {{cmd:...}} in s.
func eachCommand(s string, with func(command string) string) string {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(s, "{{cmd:")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		command, rest, _ := strings.Cut(after, "}}")
		out.WriteString(with(command))
		s = rest
	}
}

func apply(j build.Job, list []change) (flags []string, env map[string]string) {
	flags, env = slices.Clone(j.Flags), maps.Clone(j.Env)
	for _, ch := range list {
		flags, env = ch.on(flags, env)
	}
	return flags, env
}

// noCommit is the time that stands for a commit's where there is none: 1980-01-01, the earliest that zip files know.
const noCommit = "315532800"

// commitTime asks for the time of the commit, in seconds since 1970, when the build is made.
const commitTime = "{{cmd:git log -1 --format=%ct}}"

// remedy makes changes of a fix from the table. Where a time is needed the commit's is tried first.
func (w *work) remedy(r cause.Remedy) []change {
	times := []string{""}
	for _, v := range r.Env {
		if strings.Contains(v, "{{epoch}}") {
			if times = []string{noCommit}; w.job.Tree.VCS {
				times = []string{commitTime, noCommit}
			}
		}
	}
	var list []change
	for _, t := range times {
		text := r.Text
		if t == noCommit {
			text = "set SOURCE_DATE_EPOCH to a fixed time, for there is no commit"
		}
		list = append(list, change{text, func(flags []string, env map[string]string) ([]string, map[string]string) {
			for _, f := range r.Flags {
				flags = withFlag(flags, f)
			}
			if env = maps.Clone(env); env == nil {
				env = map[string]string{}
			}
			for k, v := range r.Env {
				env[k] = strings.ReplaceAll(v, "{{epoch}}", t)
			}
			return flags, env
		}})
	}
	return list
}
