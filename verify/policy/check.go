package policy

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/module"
)

// A Report is what the rules say of the evidence.
type Report struct {
	Modules  []Module  `json:"modules"` // that are part of what is built, without main modules
	Files    []Looked  `json:"files"`
	Findings []Finding `json:"findings"`
}

// Module is one of them.
type Module struct {
	Path         string        `json:"path"`
	Version      string        `json:"version"`  // empty: a directory
	Replace      string        `json:"replace"`  // from where it is taken; empty: itself
	Packages     int           `json:"packages"` // of it that are built
	In           []string      `json:"in"`       // hosts, plugins and files
	Licences     []string      `json:"licences"` // empty: unknown
	LicenceFiles []LicenceFile `json:"licence_files"`
}

// Looked is a file that was looked at.
type Looked struct {
	File      string `json:"file"`
	SHA256    string `json:"sha256"`
	Go        string `json:"go"`
	BuildInfo bool   `json:"build_info"`
	Packages  int    `json:"packages"`
	Seen      Seen   `json:"seen"`
}

type checker struct {
	rules *Rules
	ev    Evidence
	found []Finding
	using map[module.Version]*used

	digests map[string]map[string]string // of replacements' directories, by the path in the directive and the checkouts
	unseen  []string                     // files of whose Go the standard library is not at hand
}

// Check holds evidence against rules. Its error is for rules that are wrong, or licence texts that could not be read; what the rules
// do not permit is in the report.
func Check(rules *Rules, ev Evidence) (Report, error) {
	if rules.parsed == nil {
		if err := rules.Check(); err != nil {
			return Report{}, err
		}
	}
	c := &checker{rules: rules, ev: ev, using: map[module.Version]*used{}, digests: map[string]map[string]string{}}
	r := Report{Modules: []Module{}, Files: []Looked{}, Findings: []Finding{}}
	for i := range ev.Roots {
		c.builds(&ev.Roots[i])
	}
	for i := range ev.Files {
		f := &ev.Files[i]
		c.file(f)
		r.Files = append(r.Files, Looked{f.Name, string(f.SHA256), f.Go, f.Info != nil, len(f.Packages), f.Seen})
	}
	for i := range ev.Roots {
		c.directives(&ev.Roots[i])
		c.unused(&ev.Roots[i])
		c.critical(&ev.Roots[i])
	}
	c.dead()
	for _, v := range slices.SortedFunc(maps.Keys(c.using), compareVersions) {
		u := c.using[v]
		c.module(u)
		m, err := c.licensed(u)
		if err != nil {
			return r, fmt.Errorf("reading the licence of %s: %w", v, err)
		}
		r.Modules = append(r.Modules, m)
	}
	c.reviews()
	r.Findings = append(r.Findings, sorted(c.found)...)
	return r, nil
}

func compareVersions(a, b module.Version) int {
	if a.Path != b.Path {
		return cmpStrings(a.Path, b.Path)
	}
	return cmpStrings(a.Version, b.Version)
}

func cmpStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// line is where a rule stands.
func (c *checker) line(format string, args ...any) int {
	if c.ev.RuleLine == nil {
		return 0
	}
	return c.ev.RuleLine(fmt.Sprintf(format, args...))
}

func (c *checker) find(f Finding, format string, args ...any) {
	f.Text = fmt.Sprintf(format, args...)
	c.found = append(c.found, f)
}

// use notes that a module is part of what is built.
func (c *checker) use(r *Root, m module.Version, replace *module.Version, in, file, pkg string) {
	u := c.using[m]
	if u == nil {
		u = &used{module: m, replace: replace}
		c.using[m] = u
	}
	if u.replace == nil {
		u.replace = replace
	}
	u.add(r, in, file, pkg)
}

// builds notes what the go command lists.
func (c *checker) builds(r *Root) {
	for _, b := range r.Builds {
		for _, p := range b.Packages {
			if !p.Standard && !p.Main && p.Module.Path != "" {
				c.use(r, p.Module, p.Replace, b.Subject, "", p.Path)
				if p.Replace != nil {
					c.replacedIn(r, p.Module, *p.Replace, c.place(&used{module: p.Module}), "as the go command lists it")
				}
			}
		}
	}
}

// place is where a finding about a module stands: its requirement, else the file that it was seen in. A version that no go.mod requires
// and that nothing listed has is the file's alone.
func (c *checker) place(u *used) Finding {
	f := Finding{Module: u.module.String(), Package: u.example, File: u.file}
	for _, exactly := range []bool{true, false} {
		for i := range c.ev.Roots {
			file, req, ok := c.ev.Roots[i].requires(u.module, exactly)
			if ok && (exactly || u.listed || u.file == "") {
				f.File, f.Line = file, req.Line
				return f
			}
		}
	}
	if f.File == "" && len(c.ev.Roots) > 0 && len(c.ev.Roots[0].Manifests) > 0 {
		f.File = c.ev.Roots[0].Manifests[0].File
	}
	return f
}
