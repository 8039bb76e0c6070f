package results

import (
	"fmt"
	"slices"
	"strings"
)

// unobserved is the load outcome of a plugin of which nothing was seen: a host that does not report is judged by its end.
const unobserved = "unobserved"

// Flaw says why a record is not believed whatever the run, or is empty.
func (r Record) Flaw() string {
	if own := r.Cell.ID(); r.CellID != own {
		return fmt.Sprintf("the record says cell id %s, its cell's is %s", r.CellID.Short(), own.Short())
	}
	if text := r.Contradiction(); text != "" {
		return "the record contradicts itself: " + text
	}
	return ""
}

// Flaw says why a record is not believed in this plan's run, or is empty. A plan that is not there flaws none.
func (p *Plan) Flaw(r Record) string {
	if text := r.Flaw(); text != "" || p == nil {
		return text
	}
	if t := r.Inputs.Tool; t != "" && p.Tool != "" && t != p.Tool {
		return fmt.Sprintf("the record was made by %s, its plan by %s", t, p.Tool)
	}
	if r.Run != "" && p.Run != "" && !slices.Contains(p.Runs(), r.Run) {
		return fmt.Sprintf("the record is of run %s, which is not this one and was not merged into it", r.Run)
	}
	return ""
}

// Contradiction says how a record that passes contradicts itself, or is empty. A record is no signed statement: who changes
// all of it in the same sense is not found out. Who changes a part, by hand or by a broken disk, is.
func (r Record) Contradiction() string {
	if r.State() != AsExpected {
		return ""
	}
	if r.Step == Policy {
		return r.unlikePolicy()
	}
	switch {
	case r.Status == Skip && r.Step == ABI:
		return "it was skipped, and a prediction that is planned cannot be"
	case r.Status == Skip && r.Step == Rebuild && r.Cell.builds():
		return "it was skipped, and what the cell builds cannot be"
	case len(r.Subjects) == 0 && r.Status == Skip:
		return ""
	case len(r.Subjects) == 0:
		return "it passes, but nothing was looked at"
	}
	looked, speaks := false, false
	for _, s := range r.Subjects {
		if s.Status == Skip {
			continue
		}
		looked = true
		if !r.fulfils(s.Name, s.Verdict, s.Expected) {
			return fmt.Sprintf("it passes, but %s is %q where %q was expected", s.Name, s.Verdict, s.Expected)
		}
		speaks = speaks || s.Verdict == r.Verdict && s.Expected == r.Expected
	}
	switch {
	case r.Status == Skip && looked:
		return "it was skipped, but something was looked at"
	case r.Status == Skip:
		return ""
	case !looked:
		return "it passes, but nothing was looked at"
	case !speaks:
		return fmt.Sprintf("it passes, but says %q where %q was expected", r.Verdict, r.Expected)
	}
	return r.unlikeTwins()
}

// unlikePolicy says why a record is none of a policy that holds, or is empty. Nothing but that can be expected of a policy step, and
// nobody can ask for it and have it skipped.
func (r Record) unlikePolicy() string {
	for _, s := range r.Subjects {
		if s.Name != PolicySubject || s.Status != Pass || s.Verdict != PolicyHolds || s.Expected != PolicyHolds {
			return fmt.Sprintf("it passes, but %s is %q where %q was expected, and that a policy %s is all that can be", s.Name, s.Verdict, s.Expected, PolicyHolds)
		}
	}
	switch {
	case r.Status != Pass:
		return "it was skipped, and a policy step that is planned cannot be"
	case len(r.Subjects) != 1:
		return "it passes, but does not say once that the policy holds"
	case r.Verdict != PolicyHolds || r.Expected != PolicyHolds:
		return fmt.Sprintf("it passes, but says %q where %q was expected, and that a policy %s is all that can be", r.Verdict, r.Expected, PolicyHolds)
	}
	return ""
}

// fulfils reports whether a verdict can be what was expected: "throw or signal" is either, a cause's id is any difference that
// has this cause.
func (r Record) fulfils(subject, verdict, expected string) bool {
	switch {
	case verdict == "":
		return false
	case expected == "predicted", r.Step == Load && verdict == unobserved:
		return true
	case slices.Contains(strings.Split(expected, " or "), verdict):
		return true
	}
	return r.Step == Rebuild && verdict != Identical && slices.ContainsFunc(r.Causes, func(c Cause) bool {
		return c.ID == expected && (c.Subject == subject || subject == "")
	})
}

// unlikeTwins says how the digests of a rebuild's twins are not what identical means, or is empty: each of them has two, and where
// everything is said to be identical they are equal.
func (r Record) unlikeTwins() string {
	if r.Step != Rebuild {
		return ""
	}
	side := map[string]Digest{}
	for _, a := range r.Artifacts {
		side[a.Name] = a.SHA256
	}
	identical, all, pairs := 0, r.Verdict == Identical, 0
	for _, s := range r.Subjects {
		if s.Status != Skip && s.Verdict == Identical {
			identical++
		} else if s.Status != Skip {
			all = false
		}
	}
	for _, a := range r.Artifacts {
		name, ok := strings.CutSuffix(a.Name, ".a")
		b := side[name+".b"]
		if !ok || a.SHA256 == "" || b == "" {
			continue
		}
		if pairs++; all && b != a.SHA256 {
			return fmt.Sprintf("it says identical, but %s is %s and %s.b is %s", a.Name, a.SHA256.Short(), name, b.Short())
		}
	}
	if pairs < identical {
		return fmt.Sprintf("it says identical of %d files, and has the digests of both sides of %d", identical, pairs)
	}
	return ""
}

// disagreement says how the passing records of one cell's steps contradict each other, or is empty: they must be about the
// same sources, the same host and plugins, and the same files. recs holds at most one record for each step.
func disagreement(recs []Record) string {
	var sources Digest
	var subjects []string     // of the rebuild step, without the host
	var files map[string]made // nil: no rebuild is among the records
	for i, r := range recs {
		if r.Step == Rebuild { // one that was skipped was given everything
			files = r.made()
		}
		if r.Status != Pass {
			continue
		}
		if s := r.Inputs.Sources; s != "" {
			if sources != "" && s != sources {
				return fmt.Sprintf("step %s was made from other sources than an earlier step", r.Step)
			}
			sources = s
		}
		var names []string
		for _, s := range r.Subjects {
			names = append(names, s.Name)
		}
		switch {
		case r.Step == Policy: // its subjects are no plugins
		case i == 0 && r.Step == Rebuild && len(names) > 0 && names[0] == "host":
			subjects = names[1:]
		case subjects != nil && !slices.Equal(subjects, names):
			return fmt.Sprintf("step %s is about %q, the rebuild about %q", r.Step, names, subjects)
		}
		if text := r.unlikeRebuild(files); text != "" {
			return text
		}
	}
	return ""
}

// made is a file that a rebuild made, or was given.
type made struct {
	sha256  Digest
	perhaps bool // it may be a lock, which stands for the host in predictions and is no file to be looked at otherwise
}

// made are the files of a rebuild, by the names that other steps have for them.
func (r Record) made() map[string]made {
	files := map[string]made{}
	for _, a := range r.Artifacts {
		if name, built := strings.CutSuffix(a.Name, ".a"); !strings.HasSuffix(name, ".b") {
			files[name] = made{a.SHA256, !built && name == "host"}
		}
	}
	return files
}

// unlikeRebuild says what a step that looks at files has not in common with the rebuild's, or is empty.
func (r Record) unlikeRebuild(files map[string]made) string {
	if files == nil || r.Step != ABI && r.Step != Policy {
		return ""
	}
	own := map[string]Digest{}
	for _, a := range r.Artifacts {
		own[a.Name] = a.SHA256
		if _, ok := files[a.Name]; !ok {
			return fmt.Sprintf("step %s looked at a %s that the rebuild did not make", r.Step, a.Name)
		}
	}
	for _, name := range sorted(files) {
		f := files[name]
		switch own[name] {
		case f.sha256:
		case "":
			if !f.perhaps || r.Step == ABI {
				return fmt.Sprintf("step %s did not look at the %s that the rebuild made", r.Step, name)
			}
		default:
			return fmt.Sprintf("step %s looked at another %s than the rebuild made", r.Step, name)
		}
	}
	return ""
}
