package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/licensecheck"
	"golang.org/x/mod/module"
)

// Rules are the [policy] of a plugproof.toml. Replacements and pseudo-versions that are not listed are findings, and so are
// requirements of which nothing is built; the other rules hold where they are written.
type Rules struct {
	Allow      []string   `toml:"allow"`       // patterns; none: every module
	Forbid     []string   `toml:"forbid"`      // patterns
	Licences   Licences   `toml:"licences"`    //
	Critical   []string   `toml:"critical"`    // patterns of packages, "./..." too, that may import audited modules only
	Unused     []string   `toml:"unused"`      // patterns of modules that may be required though nothing that is built needs them
	ReviewDays *int       `toml:"review_days"` // how old the review of an audited module may be, in days; nil: any age
	Replace    []Replace  `toml:"replace"`
	Pseudo     []Pseudo   `toml:"pseudo"`
	Licensed   []Licensed `toml:"licensed"`
	Audited    []Audited  `toml:"audited"`

	parsed *parsed
}

// Licences are SPDX identifiers.
type Licences struct {
	Allow []string `toml:"allow"` // none: every one that is known
	Deny  []string `toml:"deny"`
}

// Replace is a replacement that may be.
type Replace struct {
	Module string `toml:"module"` // path
	With   string `toml:"with"`   // as the right side of go.mod's directive: "../api", or "example.test/fork v1.2.0"
	Reason string `toml:"reason"`
}

// Pseudo is a pseudo-version that may be.
type Pseudo struct {
	Module string `toml:"module"` // PATH@VERSION
	Reason string `toml:"reason"`
	Date   any    `toml:"date"` // on which it was accepted: a day, or its text

	date Date
}

// Licensed is a licence that a person has read, where the files do not say it plainly.
type Licensed struct {
	Module  string `toml:"module"`  // pattern; or:
	Path    string `toml:"path"`    // a directory that replaces a module, as the right side of go.mod's directive
	Digest  string `toml:"digest"`  // of what Path holds
	Licence string `toml:"licence"` // SPDX identifier, or LicenseRef-...
	Reason  string `toml:"reason"`
}

// Audited is a module that was reviewed.
type Audited struct {
	Module   string `toml:"module"`   // pattern; with a version or a range of them unless it was all of them; or:
	Path     string `toml:"path"`     // a directory that replaces a module, as the right side of go.mod's directive
	Digest   string `toml:"digest"`   // of what Path held when it was reviewed
	Reviewed any    `toml:"reviewed"` // a day, or its text
	By       string `toml:"by"`
	Days     *int   `toml:"days"` // instead of review_days; nil: as that says

	reviewed Date
}

// Date is a day in UTC.
type Date struct{ time.Time }

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is no day like 2026-08-01", s)
	}
	return Date{t}, nil
}

// day reads what TOML has for a day: a local date, or a string.
func day(v any) (Date, error) {
	if v == nil {
		return Date{}, nil
	}
	return ParseDate(fmt.Sprint(v))
}

// String is YYYY-MM-DD.
func (d Date) String() string { return d.Format(time.DateOnly) }

// RuleError is a mistake in the rules. Key is its place below [policy]: "audited.0.module".
type RuleError struct{ Key, Msg, Hint string }

func (e *RuleError) Error() string { return e.Msg }

// maxRules bounds each list, and maxDays an age.
const (
	maxRules = 4096
	maxDays  = 100_000
)

// parsed are the rules in the form in which they are asked.
type parsed struct {
	allow, forbid, critical, unused []Pattern
	licensed, audited               []subject
}

// Check parses the rules. Its error is a *RuleError.
func (r *Rules) Check() error {
	p := &parsed{}
	if r.Allow != nil && len(r.Allow) == 0 {
		return &RuleError{"allow", "allow is empty: leave it out, or name what is allowed", ""}
	}
	if r.Licences.Allow != nil && len(r.Licences.Allow) == 0 {
		return &RuleError{"licences.allow", "licences.allow is empty: leave it out, or name what is allowed", ""}
	}
	for _, l := range []struct {
		key  string
		from []string
		to   *[]Pattern
	}{{"allow", r.Allow, &p.allow}, {"forbid", r.Forbid, &p.forbid}, {"critical", r.Critical, &p.critical}, {"unused", r.Unused, &p.unused}} {
		if err := bounded(l.key, len(l.from)); err != nil {
			return err
		}
		for i, s := range l.from {
			key := fmt.Sprintf("%s.%d", l.key, i)
			if rest, ok := strings.CutPrefix(s, "."); ok && l.key == "critical" && (rest == "" || rest[0] == '/') {
				s = ownPrefix + rest
			}
			pat, err := ParsePattern(s)
			if err == nil && l.key == "critical" && len(pat.ranges) > 0 {
				err = fmt.Errorf("%q: a package has no version", s)
			}
			if err != nil {
				return &RuleError{key, err.Error(), `like "golang.org/x/... >=v0.20.0"`}
			}
			pat.text = l.from[i]
			if l.key == "forbid" { // hosts of modules, GitHub for one, take a path in any case
				pat.path = regexp.MustCompile("(?i)" + pat.path.String())
			}
			*l.to = append(*l.to, pat)
		}
	}
	if err := days("review_days", "review_days", r.ReviewDays); err != nil {
		return err
	}
	for _, step := range []func(*parsed) error{r.checkLicences, r.checkExceptions, r.checkAudited} {
		if err := step(p); err != nil {
			return err
		}
	}
	r.parsed = p
	return nil
}

// days refuses an age that no review can have kept to, such as 0, which would read as "any" or as "never" by who reads it.
func days(key, name string, n *int) error {
	if n == nil || *n >= 1 && *n <= maxDays {
		return nil
	}
	return &RuleError{key, fmt.Sprintf("%s is %d, not a number of days from 1 to %d", name, *n, maxDays), "leave it out where the age is no matter"}
}

// ownPrefix stands for the project's module in patterns until it is known.
const ownPrefix = "main.module"

func bounded(key string, n int) error {
	if n > maxRules {
		return &RuleError{key, fmt.Sprintf("%s has %d entries; at most %d are read", key, n, maxRules), ""}
	}
	return nil
}

func (r *Rules) checkLicences(p *parsed) error {
	known := knownLicences()
	for _, l := range []struct {
		key string
		ids []string
	}{{"licences.allow", r.Licences.Allow}, {"licences.deny", r.Licences.Deny}} {
		if err := bounded(l.key, len(l.ids)); err != nil {
			return err
		}
		for i, id := range l.ids {
			if !known[id] && !known[family(id)] && !strings.HasPrefix(id, ownLicence) {
				return &RuleError{fmt.Sprintf("%s.%d", l.key, i), fmt.Sprintf("unknown licence %q", id), "use SPDX's identifiers, like " + nearest(id, known) + "; one's own begin with " + ownLicence}
			}
		}
	}
	if err := bounded("licensed", len(r.Licensed)); err != nil {
		return err
	}
	for i, l := range r.Licensed {
		at := fmt.Sprintf("licensed.%d", i)
		s, err := newSubject(l.Module, l.Path, l.Digest)
		switch {
		case err != nil:
			return &RuleError{at + "." + mistaken(l.Module, l.Path, l.Digest), err.Error(), subjectHint}
		case !known[l.Licence] && !known[family(l.Licence)] && !strings.HasPrefix(l.Licence, ownLicence):
			return &RuleError{at + ".licence", fmt.Sprintf("unknown licence %q", l.Licence), "use SPDX's identifiers, like " + nearest(l.Licence, known) + "; one's own begin with " + ownLicence}
		case strings.TrimSpace(l.Reason) == "":
			return &RuleError{at, "a licence that the files do not say needs a reason", `reason = "..."`}
		}
		p.licensed = append(p.licensed, s)
	}
	return nil
}

// ownLicence begins identifiers of licences that are not SPDX's (SPDX specification 2.3, section 10).
const ownLicence = "LicenseRef-"

func (r *Rules) checkExceptions(*parsed) error {
	if err := bounded("replace", len(r.Replace)); err != nil {
		return err
	}
	for i, x := range r.Replace {
		at := fmt.Sprintf("replace.%d", i)
		switch {
		case module.CheckImportPath(x.Module) != nil:
			return &RuleError{at, fmt.Sprintf("module %q is no module path", x.Module), "an exception is for one module"}
		case strings.TrimSpace(x.With) == "":
			return &RuleError{at, "a replacement that may be says by what: with", `with = "../api", or with = "example.test/fork v1.2.0"`}
		case strings.TrimSpace(x.Reason) == "":
			return &RuleError{at, "a replacement that may be needs a reason", `reason = "..."`}
		}
	}
	if err := bounded("pseudo", len(r.Pseudo)); err != nil {
		return err
	}
	for i, x := range r.Pseudo {
		at := fmt.Sprintf("pseudo.%d", i)
		var err error
		if r.Pseudo[i].date, err = day(x.Date); err != nil {
			return &RuleError{at + ".date", "date: " + err.Error(), "date = 2026-08-01"}
		}
		path, version, _ := strings.Cut(x.Module, "@")
		switch {
		case module.CheckPath(path) != nil || !module.IsPseudoVersion(version):
			return &RuleError{at, fmt.Sprintf("module %q is not PATH@VERSION with a pseudo-version", x.Module), "like example.test/x@v0.0.0-20260102030405-abcdef012345"}
		case strings.TrimSpace(x.Reason) == "":
			return &RuleError{at, "a pseudo-version that may be needs a reason", `reason = "..."`}
		case x.Date == nil:
			return &RuleError{at, "a pseudo-version that may be needs the date on which it was accepted", "date = 2026-08-01"}
		}
	}
	return nil
}

func (r *Rules) checkAudited(p *parsed) error {
	if err := bounded("audited", len(r.Audited)); err != nil {
		return err
	}
	for i, x := range r.Audited {
		at := fmt.Sprintf("audited.%d", i)
		s, err := newSubject(x.Module, x.Path, x.Digest)
		if err != nil {
			return &RuleError{at + "." + mistaken(x.Module, x.Path, x.Digest), err.Error(), subjectHint}
		}
		if r.Audited[i].reviewed, err = day(x.Reviewed); err != nil {
			return &RuleError{at + ".reviewed", "reviewed: " + err.Error(), "reviewed = 2026-08-01"}
		}
		switch {
		case x.Reviewed == nil:
			return &RuleError{at, "an audited module needs the day of its review", "reviewed = 2026-08-01"}
		}
		if err := days(at+".days", "days", x.Days); err != nil {
			return err
		}
		p.audited = append(p.audited, s)
	}
	return nil
}

// knownLicences are the identifiers that can be recognised.
func knownLicences() map[string]bool {
	out := map[string]bool{}
	for _, l := range licensecheck.BuiltinLicenses() {
		out[l.ID] = true
	}
	return out
}

// nearest is a known identifier that differs in case or punctuation only, or begins alike; "MIT" where none does.
func nearest(id string, known map[string]bool) string {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '-' || r == ' ' || r == '.' || r == '_' {
				return -1
			}
			return r
		}, strings.ToLower(s))
	}
	best := "MIT"
	for _, k := range []string{"Apache-2.0", "BSD-3-Clause", "MPL-2.0", "LGPL-3.0", "GPL-3.0", "AGPL-3.0"} { // most mean one of these
		if a := plain(id); len(a) > 2 && strings.HasPrefix(plain(k), a) {
			return k
		}
	}
	for _, k := range slices.Sorted(maps.Keys(known)) {
		switch a, b := plain(id), plain(k); {
		case a == b:
			return k
		case len(a) > 2 && strings.HasPrefix(b, a) && (!strings.HasPrefix(plain(best), a) || len(k) < len(best) || len(k) == len(best) && k < best):
			best = k
		}
	}
	return best
}
