package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// module holds a module that is built against the rules about modules and sums.
func (c *checker) module(u *used) {
	at := c.place(u)
	c.permitted(u.module, at, u.replace != nil)
	c.summed(u, at)
}

// permitted asks allow, forbid and the list of pseudo-versions. The version of a module that is replaced is nobody's.
func (c *checker) permitted(m module.Version, at Finding, replaced bool) {
	rules := c.rules.parsed
	if i := find(rules.forbid, m); i >= 0 {
		at.Kind, at.Rule = Forbidden, c.line("forbid.%d", i)
		c.find(at, "%s is forbidden by %q", m, rules.forbid[i])
	}
	if len(rules.allow) > 0 && find(rules.allow, m) < 0 {
		at.Kind, at.Rule = NotAllowed, c.line("allow")
		c.find(at, "%s is none of the modules that are allowed", m)
	}
	if replaced || !module.IsPseudoVersion(m.Version) {
		return
	}
	at.Kind, at.Rule = PseudoVersion, 0
	for i, x := range c.rules.Pseudo {
		if x.Module != m.String() {
			continue
		}
		if at.Rule = c.line("pseudo.%d", i); x.date.After(c.ev.Now.Time) {
			c.find(at, "%s is accepted from %s on, and today is %s", m, x.date, c.ev.Now)
		}
		return
	}
	c.find(at, "%s is a pseudo-version, of a commit that nobody released, and [[policy.pseudo]] does not list it", m)
}

// summed asks that go.sum names what is taken from a module's zip.
func (c *checker) summed(u *used, at Finding) {
	from := source(u.module, u.replace)
	if from.Version == "" {
		return
	}
	at.Kind = Sum
	for i := range c.ev.Roots {
		r := &c.ev.Roots[i]
		if !slices.ContainsFunc(r.Builds, func(b Build) bool {
			return slices.ContainsFunc(b.Packages, func(p Package) bool { return p.Module == u.module })
		}) {
			continue
		}
		switch sum := r.Sums[from]; {
		case sum == "":
			c.find(at, "%s does not name %s", r.SumFile, from)
		case sum == twoSums:
			c.find(at, "%s names two different hashes of %s", r.SumFile, from)
		}
	}
}

// directives holds go.mod and go.work against the rules: what is replaced, and requirements of which nothing is built.
func (c *checker) directives(r *Root) {
	for _, m := range r.Manifests {
		for _, x := range m.Replaces {
			if !c.mayReplace(x.Old.Path, x.New) {
				c.find(Finding{Kind: Replaced, File: m.File, Line: x.Line, Module: x.Old.String()}, "%s is replaced by %s, and [[policy.replace]] does not list that", x.Old, with(x.New))
			}
			if x.New.Version != "" {
				c.permitted(x.New, Finding{File: m.File, Line: x.Line, Module: x.Old.String()}, false)
			}
		}
		for _, q := range m.Requires {
			if c.using[q.Version] == nil {
				_, replaced := r.replaced(q.Version)
				c.permitted(q.Version, Finding{File: m.File, Line: q.Line, Module: q.Version.String()}, replaced)
			}
		}
	}
}

// mayReplace reports whether the rules list a replacement.
func (c *checker) mayReplace(path string, by module.Version) bool {
	return slices.ContainsFunc(c.rules.Replace, func(x Replace) bool {
		return x.Module == path && strings.Join(strings.Fields(strings.Replace(x.With, "@", " ", 1)), " ") == with(by)
	})
}

// unused finds requirements of which nothing is built.
func (c *checker) unused(r *Root) {
	if len(r.Builds) == 0 || len(r.Partial) > 0 || r.Unlisted {
		return // nothing says what is built, or not all of it is known
	}
	built := map[string]bool{}
	for v, u := range c.using {
		built[v.Path] = built[v.Path] || len(u.packages) > 0
	}
	for _, m := range r.Manifests {
		for _, q := range m.Requires {
			if built[q.Path] || r.own(q.Path) || find(c.rules.parsed.unused, q.Version) >= 0 {
				continue
			}
			note := ""
			if q.Indirect {
				note = " (// indirect)"
			}
			c.find(Finding{Kind: UnusedModule, File: m.File, Line: q.Line, Module: q.Version.String()}, "%s is required%s, and no package of it is in the host or in a plugin: drop it, or list it under unused", q.Version, note)
		}
	}
}

// licensed holds a module's licences against the rules.
func (c *checker) licensed(u *used) (Module, error) {
	m := Module{Path: u.module.Path, Version: u.module.Version, Packages: len(u.packages), In: slices.Sorted(maps.Keys(u.in)), Licences: []string{}, LicenceFiles: []LicenceFile{}}
	if u.replace != nil {
		m.Replace = with(*u.replace)
	}
	if c.ev.Texts == nil {
		return m, nil
	}
	at := c.place(u)
	files, ids, unknown, err := c.licences(u)
	if missing, ok := err.(*MissingError); ok {
		at.Kind, at.Incomplete = NotLooked, true
		c.find(at, "the licence of %s is not known: %v", u.module, missing)
		return m, nil
	}
	if err != nil {
		return m, err
	}
	m.LicenceFiles, m.Licences = append(m.LicenceFiles, files...), append(m.Licences, ids...)
	at.Kind = UnknownLicence
	for _, text := range unknown {
		c.find(at, "%s: %s; read it, and list it under [[policy.licensed]]%s", u.module, text, c.byPath(source(u.module, u.replace), u.roots))
	}
	at.Kind = Licence
	allow, deny := c.rules.Licences.Allow, c.rules.Licences.Deny
	for _, id := range ids {
		if i := slices.IndexFunc(deny, func(x string) bool { return family(x) == family(id) }); i >= 0 {
			at.Rule = c.line("licences.deny.%d", i)
			c.find(at, "%s has the licence %s, which is denied", u.module, id)
		} else if len(allow) > 0 && !slices.ContainsFunc(allow, func(x string) bool { return only(x) == only(id) }) {
			at.Rule = c.line("licences.allow")
			c.find(at, "%s has the licence %s, which is not allowed", u.module, id)
		}
	}
	return m, nil
}

// reviews finds audited modules whose review is too old.
func (c *checker) reviews() {
	for i, x := range c.rules.Audited {
		days := cmp.Or(x.Days, c.rules.ReviewDays)
		at := Finding{Kind: OldReview, File: c.ev.RulesFile, Line: c.line("audited.%d", i)}
		at.Rule = at.Line
		for _, v := range slices.SortedFunc(maps.Keys(c.using), compareVersions) {
			u := c.using[v]
			if !c.covers(c.rules.parsed.audited[i], source(u.module, u.replace), u.roots) {
				continue
			}
			at.Module = v.String()
			switch age := (c.ev.Now.Unix() - x.reviewed.Unix()) / (24 * 60 * 60); {
			case age < 0:
				c.find(at, "the review of %s is dated %s, and today is %s", v, x.reviewed, c.ev.Now)
			case days != nil && age > int64(*days):
				c.find(at, "the review of %s is %d days old, more than %d", v, age, *days)
			}
		}
	}
}
