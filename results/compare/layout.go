package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// Layout is how the module data of a Go differs from that of another. A plugin whose layout is not its host's kills it.
type Layout struct {
	Arch      string                `json:"arch"`
	Gos       Renamed               `json:"gos"`
	Size      [2]uint64             `json:"size"`      // bytes; 0 is unknown
	PkgHashes [2]uint64             `json:"pkghashes"` // the field's offset in plugins; 0 is unknown
	Added     []results.StructField `json:"added"`
	Removed   []results.StructField `json:"removed"`
	Moved     []Moved               `json:"moved"`   // fields that are in both, at another offset
	Retyped   []Moved               `json:"retyped"` // fields that are in both, with another type
	Unknown   bool                  `json:"unknown"` // one side names no fields
}

// Moved is a field that both have.
type Moved struct {
	Name string              `json:"name"`
	From results.StructField `json:"from"`
	To   results.StructField `json:"to"`
}

// FileChange is a host or plugin of which the bytes differ.
type FileChange struct {
	Cell     string          `json:"cell"` // of the first run, in words
	Name     string          `json:"name"` // "host", "plugin.0"
	Subject  string          `json:"subject"`
	Gos      Renamed         `json:"gos"`
	Size     [2]int64        `json:"size"` // bytes
	Sections []SectionChange `json:"sections"`
}

// SectionChange is a section of another size; 0 is a section that is not there.
type SectionChange struct {
	Name string    `json:"name"`
	Size [2]uint64 `json:"size"`
}

// Packages says whose fingerprints differ between two files.
type Packages struct {
	Arch    string   `json:"arch"`
	Name    string   `json:"name"` // "host", "plugin.0"
	Subject string   `json:"subject"`
	Gos     Renamed  `json:"gos"`
	Same    int      `json:"same"`
	Changed []string `json:"changed"`
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Std     int      `json:"std_changed"` // of Changed, how many are of the standard library
}

// files compares the hosts and plugins of a pair. What several pairs have in common is said once.
func (c *Comparison) files(p couple, a, b map[results.Key]results.Outcome, from, to map[results.Digest]results.Shape, std func(pkg, version string) bool, seen map[any]bool) {
	x, y := a[results.Key{Cell: p.from.ID, Step: results.ABI}].Record, b[results.Key{Cell: p.to.ID, Step: results.ABI}].Record
	if x == nil || y == nil {
		return
	}
	for _, art := range x.Artifacts {
		name, twin, gos := "host", art.Name, Renamed{p.from.Cell.HostGo, p.to.Cell.HostGo}
		if art.Name != "host" {
			gos = Renamed{p.from.Cell.PluginGo, p.to.Cell.PluginGo}
			name = subjectOf(x, art.Name)
			twin = artifactOf(y, name)
		}
		other, ok := artifact(y, twin)
		key := struct{ name, from, to any }{art.Name, art.SHA256, other.SHA256}
		if !ok || art.SHA256 == other.SHA256 || seen[key] {
			continue
		}
		seen[key] = true
		s, t := from[art.SHA256], to[other.SHA256]
		c.Files = append(c.Files, FileChange{p.from.Cell.String(), art.Name, name, gos, [2]int64{art.Size, other.Size}, sections(s, t)})
		if pk := packages(s, t, std); len(pk.Changed)+len(pk.Added)+len(pk.Removed) > 0 {
			pk.Arch, pk.Name, pk.Subject, pk.Gos = p.from.Cell.Arch, art.Name, name, gos
			c.Packages = append(c.Packages, pk)
		}
		if art.Name == "host" {
			if l, differs := layout(s.Module, t.Module); differs {
				l.Arch, l.Gos = p.from.Cell.Arch, gos
				if same := struct{ arch, gos any }{l.Arch, l.Gos}; !seen[same] {
					seen[same] = true
					c.Layouts = append(c.Layouts, l)
				}
			}
			continue
		}
		for i, l := range c.Layouts {
			if l.Arch == p.from.Cell.Arch && l.Gos == gos {
				c.Layouts[i].PkgHashes = [2]uint64{s.Module.PkgHashes, t.Module.PkgHashes}
			}
		}
	}
}

// subjectOf is the plugin whose file a prediction calls "plugin.1": the second one. Another name is its own subject.
func subjectOf(r *results.Record, name string) string {
	number, ok := strings.CutPrefix(name, "plugin.")
	if i, err := strconv.Atoi(number); ok && err == nil && i >= 0 && i < len(r.Subjects) {
		return r.Subjects[i].Name
	}
	return name
}

// artifactOf is what a prediction calls the file of a plugin, "" if it has none of that name.
func artifactOf(r *results.Record, subject string) string {
	i := slices.IndexFunc(r.Subjects, func(s results.Subject) bool { return s.Name == subject })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("plugin.%d", i)
}

func artifact(r *results.Record, name string) (results.Artifact, bool) {
	for _, a := range r.Artifacts {
		if a.Name == name {
			return a, true
		}
	}
	return results.Artifact{}, false
}

// layout compares two layouts; a side that is not known differs from everything.
func layout(a, b results.ModuleData) (l Layout, differs bool) {
	l = Layout{Size: [2]uint64{a.Size, b.Size}, PkgHashes: [2]uint64{a.PkgHashes, b.PkgHashes}, Unknown: len(a.Fields) == 0 || len(b.Fields) == 0,
		Added: []results.StructField{}, Removed: []results.StructField{}, Moved: []Moved{}, Retyped: []Moved{}}
	if l.Unknown {
		return l, a.Size == 0 || a.Size != b.Size || len(a.Fields) != len(b.Fields)
	}
	was := map[string]results.StructField{}
	for _, f := range a.Fields {
		was[f.Name] = f
	}
	for _, f := range b.Fields {
		old, ok := was[f.Name]
		delete(was, f.Name)
		switch {
		case !ok:
			l.Added = append(l.Added, f)
			continue
		case old.Offset != f.Offset:
			l.Moved = append(l.Moved, Moved{f.Name, old, f})
		}
		if old.Type != f.Type {
			l.Retyped = append(l.Retyped, Moved{f.Name, old, f})
		}
	}
	for _, f := range a.Fields {
		if _, left := was[f.Name]; left {
			l.Removed = append(l.Removed, f)
		}
	}
	return l, l.Size[0] != l.Size[1] || len(l.Added)+len(l.Removed)+len(l.Moved)+len(l.Retyped) > 0
}

func sections(a, b results.Shape) []SectionChange {
	out := []SectionChange{}
	sizes := map[string]uint64{}
	for _, s := range b.Sections {
		sizes[s.Name] += s.Size
	}
	for _, s := range a.Sections {
		size, ok := sizes[s.Name]
		delete(sizes, s.Name)
		if !ok || size != s.Size {
			out = append(out, SectionChange{s.Name, [2]uint64{s.Size, size}})
		}
	}
	for _, s := range b.Sections {
		if size, left := sizes[s.Name]; left {
			delete(sizes, s.Name)
			out = append(out, SectionChange{s.Name, [2]uint64{0, size}})
		}
	}
	return out
}

func packages(a, b results.Shape, std func(pkg, version string) bool) Packages {
	if std == nil {
		std = dotless
	}
	p := Packages{Changed: []string{}, Added: []string{}, Removed: []string{}}
	hashes := map[string]string{}
	for _, pkg := range b.Packages {
		hashes[pkg.Name] = pkg.Hash
	}
	for _, pkg := range a.Packages {
		hash, ok := hashes[pkg.Name]
		delete(hashes, pkg.Name)
		switch {
		case !ok:
			p.Removed = append(p.Removed, pkg.Name)
		case hash == pkg.Hash:
			p.Same++
		default:
			p.Changed = append(p.Changed, pkg.Name)
			if std(pkg.Name, b.Go) {
				p.Std++
			}
		}
	}
	for _, pkg := range b.Packages {
		if _, left := hashes[pkg.Name]; left {
			p.Added = append(p.Added, pkg.Name)
		}
	}
	return p
}

// dotless reports whether a package may be of the standard library: its path's first element has no dot.
func dotless(pkg, _ string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".") && pkg != "main"
}
