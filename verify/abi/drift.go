package abi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/drift"
	"github.com/plugproof/plugproof/verify/goelf"
)

// Code is what was found of functions that the process has twice: in a package whose fingerprint agrees, but whose module is not shown to be
// the same on both sides by its checksum. A fingerprint says nothing of the code of functions that nobody inlines.
type Code struct {
	Packages  []string   `json:"packages"`  // that were compared, sorted
	Functions int        `json:"functions"` // that both files have in them
	Differ    []Function `json:"differ"`    // of which two versions run
	Undecided []Function `json:"undecided"` // of which the files do not tell
	Sources   []string   `json:"sources"`   // packages whose sources are not the same; null when the sources were not at hand
	Note      *string    `json:"note"`      // why the rest cannot be told
}

// Function is a function of a plugin, and why it was listed.
type Function struct {
	Name string `json:"function"`
	Why  string `json:"why"`
}

// drifted compares the functions of a plugin that opened with those that the process had before.
func (p *process) drifted(o *object, in Input, out *Plugin) error {
	if p.opt.NoCode || out.Verdict != OK && out.Verdict != Symbol {
		return nil
	}
	mod, err := moduleOf(o)
	if err != nil || mod == nil {
		return err
	}
	var owners []*object
	packages := map[*object][]string{}
	c := &Code{Packages: []string{}, Differ: []Function{}, Undecided: []Function{}}
	for _, pkg := range mod.Packages {
		_, owner, err := p.firstDefinition(pkg.Name)
		if err != nil {
			return err
		}
		if owner == nil || owner == o || sameModule(owner, o, pkg.Name) && !(owner == p.host && isStd(pkg.Name, o.version) && p.opt.otherGo(in.Path)) {
			continue
		}
		if p.opt.SameSource != nil && owner == p.host {
			if same, known := p.opt.SameSource(in.Path, pkg.Name); known {
				if c.Sources == nil {
					c.Sources = []string{}
				}
				if same {
					continue
				}
				c.Sources = append(c.Sources, pkg.Name)
			}
		}
		if packages[owner] == nil {
			owners = append(owners, owner)
		}
		packages[owner] = append(packages[owner], pkg.Name)
		c.Packages = append(c.Packages, pkg.Name)
	}
	if err := p.interposed(o, mod, c); err != nil {
		return err
	}
	if len(c.Packages) == 0 && len(c.Undecided) == 0 {
		return nil
	}
	out.Code = c
	done := map[string]bool{}
	for _, owner := range owners {
		if why := p.compareCode(owner, o, packages[owner], c, done); why != "" {
			c.Note = &why
		}
	}
	if err := p.compareEarlier(o, owners, c, done); err != nil {
		return err
	}
	slices.Sort(c.Packages)
	slices.Sort(c.Sources)
	for _, f := range c.Differ {
		out.Drift = append(out.Drift, f.Name)
	}
	return nil
}

// compareEarlier compares functions that no definer of the packages has with those of plugins that were opened before: a host need not have
// linked every function of a package that it has.
func (p *process) compareEarlier(o *object, owners []*object, c *Code, done map[string]bool) error {
	for _, q := range p.loaded {
		if q == o || slices.Contains(owners, q) || !p.opened(q) {
			continue
		}
		var packages []string
		for _, pkg := range c.Packages {
			_, ok, err := q.file.PackageHash(pkg)
			if err != nil {
				return fmt.Errorf("reading %q: %w", q.path, err)
			}
			if ok && !sameModule(q, o, pkg) {
				packages = append(packages, pkg)
			}
		}
		if len(packages) == 0 {
			continue
		}
		if code, err := p.codeOf(o); err != nil || !code.Left(including(packages), done) {
			return nil // what cannot be read was said
		}
		if why := p.compareCode(q, o, packages, c, done); why != "" {
			c.Note = &why
		}
	}
	return nil
}

// opened reports whether a plugin was opened without an error.
func (p *process) opened(q *object) bool {
	for _, e := range p.done {
		if e.obj == q && e.text == "" {
			return true
		}
	}
	return false
}

// including names some packages.
func including(packages []string) func(pkg string) bool {
	wanted := map[string]bool{}
	for _, pkg := range packages {
		wanted[pkg] = true
	}
	return func(pkg string) bool { return wanted[pkg] }
}

// compareCode compares the functions of some packages but for those that are done. It returns why it cannot.
func (p *process) compareCode(owner, o *object, packages []string, c *Code, done map[string]bool) string {
	if strings.HasPrefix(owner.id, lockID) {
		return "a host's lock holds no code"
	}
	if s := otherCode(owner, o); s != "" {
		return "the compiler makes other code of the same source: " + s
	}
	a, err := p.codeOf(owner)
	if err != nil {
		return fmt.Sprintf("the code of %s cannot be read: %v", owner.path, err)
	}
	b, err := p.codeOf(o)
	if err != nil {
		return fmt.Sprintf("the code of %s cannot be read: %v", o.path, err)
	}
	r := drift.Compare(a, b, including(packages), done)
	c.Functions += r.Functions
	where := ""
	if owner != p.host {
		where = fmt.Sprintf("; it was compared with %s, not with the host", owner.path)
	}
	for _, f := range r.Differ {
		f.Why += where
		if !flagsRecorded(owner) || !flagsRecorded(o) {
			c.Undecided = append(c.Undecided, Function{f.Function, f.Why + "; Go 1.20 records no build flags in plugins, and other flags make other code of the same source"})
			continue
		}
		if why := notSource(owner, o); why != "" {
			c.Undecided = append(c.Undecided, Function{f.Function, f.Why + "; " + why})
			continue
		}
		c.Differ = append(c.Differ, Function{f.Function, f.Why})
	}
	for _, f := range r.Undecided {
		f.Why += where
		c.Undecided = append(c.Undecided, Function{f.Function, f.Why})
	}
	return ""
}

func (p *process) codeOf(o *object) (*drift.Code, error) {
	if c := p.code[o.file]; c != nil {
		return c, nil
	}
	c, err := drift.Read(o.file)
	if err != nil {
		return nil, err
	}
	if p.code == nil {
		p.code = map[*goelf.File]*drift.Code{}
	}
	p.code[o.file] = c
	return c, nil
}

// sameModule reports whether a package was compiled from the same source on both sides beyond doubt: the standard library of one release, or a
// module with the same version and checksum. A directory has no checksum, be it the main module or a replacement.
func sameModule(a, b *object, pkg string) bool {
	if isStd(pkg, a.version) && isStd(pkg, b.version) { // main modules may have such paths, too
		if (a.info == nil || moduleFor(a.info, pkg) == nil) && (b.info == nil || moduleFor(b.info, pkg) == nil) {
			if a.version == "" || b.version == "" { // plugins of Go 1.20 do not say; runtime's fingerprint differs between releases
				return true
			}
			return a.version == b.version && !strings.Contains(a.version, "devel")
		}
	}
	if a.info == nil || b.info == nil {
		return false
	}
	m, n := moduleFor(a.info, pkg), moduleFor(b.info, pkg)
	return m != nil && n != nil && m.Path == n.Path && version(m, false) == version(n, false) && sum(m) != "" && sum(m) == sum(n)
}

// codeSettings are build settings that change instructions and leave fingerprints alone.
var codeSettings = []string{"GOAMD64", "-gcflags", "-asmflags", "-pgo", "-msan", "-asan"}

// otherCode says which build settings make the compiler write other instructions on one side.
func otherCode(a, b *object) string {
	e := &evidence{a: a, b: b, aName: "host", bName: "plugin"}
	if !flagsRecorded(a) || !flagsRecorded(b) {
		return ""
	}
	for _, key := range codeSettings {
		if s := e.differ(key); s != "" {
			return s
		}
	}
	return ""
}

// notSource says why functions of two files that differ may be of one source though both say the same settings; "" when nothing speaks for it.
func notSource(a, b *object) string {
	switch pgo := profile(a, b); {
	case pgo != "":
		return "both were compiled with a profile, -pgo=" + pgo + ", and whether it is the same one is not recorded: another one makes other code of the same source"
	case strings.Contains(a.setting("-gcflags"), "-spectre") || strings.Contains(a.setting("-asmflags"), "-spectre"):
		return "with -spectre the compiler adds instructions by the registers that it has, of which a plugin has one less"
	}
	return ""
}

// profile is the name of the profile with which both files were compiled, "" if there is none. With -trimpath it has no directory.
func profile(a, b *object) string {
	if s := a.setting("-pgo"); s == b.setting("-pgo") && s != "off" {
		return s
	}
	return ""
}

// flagsRecorded reports whether a file says how it was built; plugins of Go 1.20 do not.
func flagsRecorded(o *object) bool { return o.info != nil && len(o.info.Settings) > 0 }
