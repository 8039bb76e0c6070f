package policy

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Texts are a module's licence files by slash-separated name, relative to the module's root. From says where they were read.
type Texts struct {
	From  string
	Files map[string][]byte
}

// MaxLicence bounds a licence file, in bytes; a longer one is not known. The GPL has 35,000.
const MaxLicence = 1 << 20

// licenceName are the names of licence files: those that pkg.go.dev knows (pkg.go.dev/license-policy), and variants of them.
var licenceName = regexp.MustCompile(`(?i)^((mit|apache|bsd|gpl)[-_.])?((un)?licen[sc]es?|copying)([-_.].*)?$`)

// IsLicence reports whether a file of this base name is a licence's text.
func IsLicence(name string) bool {
	return licenceName.MatchString(name) && path.Ext(name) != ".go"
}

// LicenceFile is one file of a module and what it says.
type LicenceFile struct {
	Name     string   `json:"name"` // relative to the module's root
	Licences []string `json:"licences"`
}

// dirsOf are the directories in which a package's licence may lie: its own and those above it, up to the module's root, which is ".".
func dirsOf(modulePath, pkg string) []string {
	if pkg == modulePath || len(pkg) <= len(modulePath) {
		return []string{"."}
	}
	var out []string
	for d := pkg[len(modulePath)+1:]; d != "."; d = path.Dir(d) {
		out = append(out, d)
	}
	return append(out, ".")
}

// licences reads a used module's licence files and says what is not known about them.
func (c *checker) licences(u *used) (files []LicenceFile, ids []string, unknown []string, err error) {
	for i, s := range c.rules.parsed.licensed {
		if c.covers(s, source(u.module, u.replace), u.roots) {
			return nil, []string{c.rules.Licensed[i].Licence}, nil, nil
		}
	}
	dirs := map[string]bool{}
	for p := range u.packages {
		for _, d := range dirsOf(u.module.Path, p) {
			dirs[d] = true
		}
	}
	if len(dirs) == 0 {
		dirs["."] = true
	}
	texts, err := c.ev.Texts(u.module, u.replace, slices.Sorted(maps.Keys(u.roots)), slices.Sorted(maps.Keys(dirs)))
	if err != nil {
		return nil, nil, nil, err
	}
	all := map[string]bool{}
	for _, t := range texts {
		more, why := t.licences(u, all)
		files, unknown = append(files, more...), append(unknown, why...)
	}
	return files, slices.Sorted(maps.Keys(all)), unknown, nil
}

// licences reads the files of one place, notes their licences in all, and says what is not known about them.
func (t Texts) licences(u *used, all map[string]bool) (files []LicenceFile, unknown []string) {
	at := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		ids, strange := licencesIn(t.Files[name], u.module.Path)
		at[path.Dir(name)] = true
		for _, id := range ids {
			all[id] = true
		}
		switch {
		case strange != "":
			unknown = append(unknown, fmt.Sprintf("%s in %s is no part of a licence that is known", quoted(strange), name))
		case len(ids) == 0:
			unknown = append(unknown, "there is no licence in "+name)
		}
		files = append(files, LicenceFile{name, append([]string{}, ids...)})
	}
	for _, p := range slices.Sorted(maps.Keys(u.packages)) {
		if !slices.ContainsFunc(dirsOf(u.module.Path, p), func(d string) bool { return at[d] }) {
			unknown = append(unknown, "no licence file covers "+p)
			break
		}
	}
	return files, unknown
}

// quoted are the first words of a text, for people.
func quoted(s string) string {
	const most = 8
	w := strings.Fields(s)
	if len(w) > most {
		w = append(w[:most:most], "...")
	}
	return fmt.Sprintf("%.160q", strings.Join(w, " "))
}

// family is an identifier without what says which later versions may be taken: a text alone does not tell. One that is denied denies all.
func family(id string) string {
	if strings.HasPrefix(id, ownLicence) {
		return id
	}
	return strings.TrimSuffix(strings.TrimSuffix(only(id), "-or-later"), "+")
}

// only is an identifier without -only: SPDX's older GPL-3.0 is GPL-3.0-only.
func only(id string) string {
	if strings.HasPrefix(id, ownLicence) {
		return id
	}
	return strings.TrimSuffix(id, "-only")
}
