// Package manifest holds what an xbps package says about itself: props.plist (what it is and needs) and files.plist (what
// is in it). Reading is strict about types; Problems tells what a well-typed manifest still has wrong.
package manifest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// Props is a package's props.plist, or its entry in a repository's index. Field names follow the keys.
type Props struct {
	Pkgver        string // name-version_revision
	Architecture  string
	ShortDesc     string
	InstalledSize int64 // bytes of the regular files

	LongDesc, Homepage, License, Maintainer, Changelog, BuildOptions, PackagedWith, Tags, SourceRevisions, Sourcepkg string

	Preserve                                         bool
	RunDepends, Provides, Replaces, Conflicts        []string
	Reverts, ConfFiles, ShlibProvides, ShlibRequires []string
	Alternatives                                     map[string][]string // group -> "link:target"

	FileSHA256 string // filename-sha256, in an index only
	FileSize   int64  // filename-size, in an index only
}

// Name returns the package's name, the part of Pkgver before the version.
func (p Props) Name() string {
	name, _, _ := xbps.Split(p.Pkgver)
	return name
}

// Version returns the version with its revision.
func (p Props) Version() string {
	_, version, _ := xbps.Split(p.Pkgver)
	return version
}

// FileName is the name under which a repository keeps the package.
func (p Props) FileName() string { return xbps.FileName(p.Pkgver, p.Architecture) }

// texts, lists pair each key with its field, in one place for reading and writing.
func (p *Props) texts() map[string]*string {
	return map[string]*string{
		"pkgver": &p.Pkgver, "architecture": &p.Architecture, "short_desc": &p.ShortDesc, "long_desc": &p.LongDesc,
		"homepage": &p.Homepage, "license": &p.License, "maintainer": &p.Maintainer, "changelog": &p.Changelog,
		"build-options": &p.BuildOptions, "packaged-with": &p.PackagedWith, "tags": &p.Tags,
		"source-revisions": &p.SourceRevisions, "sourcepkg": &p.Sourcepkg, "filename-sha256": &p.FileSHA256,
	}
}

func (p *Props) lists() map[string]*[]string {
	return map[string]*[]string{
		"run_depends": &p.RunDepends, "provides": &p.Provides, "replaces": &p.Replaces, "conflicts": &p.Conflicts,
		"reverts": &p.Reverts, "conf_files": &p.ConfFiles, "shlib-provides": &p.ShlibProvides, "shlib-requires": &p.ShlibRequires,
	}
}

// ParseProps reads the known keys of a dictionary. A key of the wrong type, a pkgver without a version, a name or an
// architecture that cannot be part of a file name are errors; unknown keys are left alone.
func ParseProps(d plist.Dict) (Props, error) {
	var p Props
	for _, key := range sortedKeys(p.texts()) {
		v, ok := d[key]
		if !ok {
			continue
		}
		s, ok := v.(string)
		if !ok {
			return Props{}, fmt.Errorf("manifest: key %q is no string", key)
		}
		*p.texts()[key] = s
	}
	for _, key := range sortedKeys(p.lists()) {
		list, err := d.Strings(key)
		if err != nil {
			return Props{}, fmt.Errorf("manifest: %w", err)
		}
		*p.lists()[key] = list
	}
	for key, field := range map[string]*int64{"installed_size": &p.InstalledSize, "filename-size": &p.FileSize} {
		if v, ok := d[key]; ok {
			n, ok := v.(int64)
			if !ok || n < 0 {
				return Props{}, fmt.Errorf("manifest: key %q is no size", key)
			}
			*field = n
		}
	}
	p.Preserve, _ = d["preserve"].(bool)
	var err error
	if p.Alternatives, err = parseAlternatives(d["alternatives"]); err != nil {
		return Props{}, err
	}
	name, _, ok := xbps.Split(p.Pkgver)
	if !ok || !xbps.ValidName(name) || !xbps.ValidName(p.Pkgver) {
		return Props{}, fmt.Errorf("manifest: pkgver %q is no name with a version", p.Pkgver)
	}
	if !xbps.ValidName(p.Architecture) {
		return Props{}, fmt.Errorf("manifest: architecture %q cannot be part of a file name", p.Architecture)
	}
	for key, want := range map[string]string{"pkgname": name, "version": p.Version()} {
		if got, ok := d[key]; ok && got != want {
			return Props{}, fmt.Errorf("manifest: key %q is %q, but pkgver is %q", key, got, p.Pkgver)
		}
	}
	return p, nil
}

func parseAlternatives(v any) (map[string][]string, error) {
	if v == nil {
		return nil, nil
	}
	groups, ok := v.(plist.Dict)
	if !ok {
		return nil, fmt.Errorf("manifest: key %q is no dictionary", "alternatives")
	}
	out := make(map[string][]string, len(groups))
	for _, group := range sortedKeys(groups) {
		list, err := groups.Strings(group)
		if err != nil {
			return nil, fmt.Errorf("manifest: alternatives: %w", err)
		}
		out[group] = list
	}
	return out, nil
}

// Dict gives the dictionary that a package's props.plist holds: absent fields are left out, pkgname and version are added.
func (p Props) Dict() plist.Dict {
	d := p.IndexDict()
	delete(d, "filename-sha256")
	delete(d, "filename-size")
	d["pkgname"], d["version"] = p.Name(), p.Version()
	if p.PackagedWith != "" {
		d["packaged-with"] = p.PackagedWith
	}
	return d
}

// IndexDict gives the entry of a repository's index: xbps-rindex leaves out pkgname, version and packaged-with.
func (p Props) IndexDict() plist.Dict {
	d := plist.Dict{"installed_size": p.InstalledSize, "filename-size": p.FileSize}
	for key, s := range p.texts() {
		if *s != "" && key != "packaged-with" {
			d[key] = *s
		}
	}
	for key, list := range p.lists() {
		if len(*list) > 0 {
			d[key] = plist.StringArray(*list)
		}
	}
	if p.Preserve {
		d["preserve"] = true
	}
	if len(p.Alternatives) > 0 {
		groups := plist.Dict{}
		for group, list := range p.Alternatives {
			groups[group] = plist.StringArray(list)
		}
		d["alternatives"] = groups
	}
	return d
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
