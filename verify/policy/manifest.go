package policy

import (
	"fmt"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// A Manifest is what one go.mod or go.work says.
type Manifest struct {
	File     string // its name in findings
	Dir      string // of the file; "" is unknown
	Module   string // path of the main module; "" for a go.work
	Requires []Require
	Replaces []Replacement
	Uses     []string // directories of a go.work
}

// Require is one requirement.
type Require struct {
	module.Version
	Indirect bool
	Line     int // from 1
}

// Replacement is one replace directive.
type Replacement struct {
	Old, New module.Version // an empty version of Old: every one; of New: a directory
	Line     int
}

// MaxManifest bounds a go.mod, go.work or go.sum, in bytes.
const MaxManifest = 16 << 20

// ParseGoMod reads a go.mod as the go command reads a main module's.
func ParseGoMod(name string, data []byte) (Manifest, error) {
	if len(data) > MaxManifest {
		return Manifest{}, fmt.Errorf("%s is longer than %d bytes", name, MaxManifest)
	}
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{File: name}
	if f.Module != nil {
		m.Module = f.Module.Mod.Path
	}
	if m.Module == "" {
		return m, fmt.Errorf("%s: it has no module line", name)
	}
	for _, r := range f.Require {
		m.Requires = append(m.Requires, Require{r.Mod, r.Indirect, lineOf(r.Syntax)})
	}
	m.replaces(f.Replace)
	return m, nil
}

// ParseGoWork reads a go.work.
func ParseGoWork(name string, data []byte) (Manifest, error) {
	if len(data) > MaxManifest {
		return Manifest{}, fmt.Errorf("%s is longer than %d bytes", name, MaxManifest)
	}
	f, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{File: name}
	m.replaces(f.Replace)
	for _, u := range f.Use {
		m.Uses = append(m.Uses, u.Path)
	}
	return m, nil
}

func (m *Manifest) replaces(list []*modfile.Replace) {
	for _, r := range list {
		m.Replaces = append(m.Replaces, Replacement{r.Old, r.New, lineOf(r.Syntax)})
	}
}

func lineOf(l *modfile.Line) int {
	if l == nil {
		return 0
	}
	return l.Start.Line
}

// replaced is what a module is taken from by the manifest's directives.
func (m *Manifest) replaced(v module.Version) (Replacement, bool) {
	var every *Replacement
	for i, r := range m.Replaces {
		switch {
		case r.Old == v:
			return r, true
		case r.Old.Path == v.Path && r.Old.Version == "":
			every = &m.Replaces[i]
		}
	}
	if every == nil {
		return Replacement{}, false
	}
	return *every, true
}

// with is the right side of a replace directive.
func with(v module.Version) string { return strings.TrimSpace(v.Path + " " + v.Version) }

// Sums are a go.sum's hashes of module zips ("h1:...").
type Sums map[module.Version]string

// twoSums stands for a module that is named with two different hashes.
const twoSums = "two different sums"

// ParseGoSum reads a go.sum. Lines that cannot be read are an error, which names the first.
func ParseGoSum(name string, data []byte) (Sums, error) {
	if len(data) > MaxManifest {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, MaxManifest)
	}
	out := Sums{}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		if len(w) != 3 {
			return nil, fmt.Errorf("%s:%d: it is no line of a go.sum", name, n)
		}
		if strings.HasSuffix(w[1], "/go.mod") || !strings.HasPrefix(w[2], "h1:") {
			continue
		}
		v := module.Version{Path: w[0], Version: w[1]}
		if old, ok := out[v]; ok && old != w[2] {
			w[2] = twoSums
		}
		out[v] = w[2]
	}
	return out, nil
}

// Add takes another file's hashes in. What the two name differently has two.
func (s Sums) Add(more Sums) {
	for v, sum := range more {
		if old, ok := s[v]; ok && old != sum {
			sum = twoSums
		}
		s[v] = sum
	}
}
