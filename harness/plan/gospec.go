package plan

import (
	"fmt"
	"go/version"
	"path"
	"regexp"
	"strings"
)

// GoSpec names a Go toolchain: a release by its exact version, or a GOROOT by a name and a path.
type GoSpec struct {
	Name string // "go1.26.8", or the configured name
	Path string // GOROOT's directory, empty for a release
}

// String is the form that ParseGo reads.
func (g GoSpec) String() string {
	if g.Path == "" {
		return g.Name
	}
	return g.Name + "=path:" + g.Path
}

var (
	release  = regexp.MustCompile(`^go1\.[0-9]{1,3}(\.[0-9]{1,3})?((rc|beta)[0-9]{1,3})?$`)
	specName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._+-]{0,63}$`)
)

// ParseGo reads "go1.26.8", "name=path:DIR" or "path:DIR", whose name is the last element of DIR.
// The error says what is wrong; hint, if not empty, what to write.
func ParseGo(s string) (g GoSpec, hint string, err error) {
	if name, dir, ok := strings.Cut(s, "path:"); ok {
		name, eq := strings.CutSuffix(name, "=")
		if !eq && name != "" || dir == "" {
			return g, `write "name=path:DIR"`, fmt.Errorf("go %q is not a toolchain", s)
		}
		if name == "" {
			name = path.Base(dir)
		}
		if !specName.MatchString(name) || release.MatchString(name) {
			return g, `write "name=path:DIR", with a name of letters, digits, dots and dashes that is not a release's`,
				fmt.Errorf("go %q: %q cannot name a toolchain", s, name)
		}
		return GoSpec{Name: name, Path: dir}, "", nil
	}
	if !release.MatchString(s) || !version.IsValid(s) {
		if strings.Trim(s, "0123456789.") == "" && s != "" {
			return g, fmt.Sprintf("did you mean go%s?", s), fmt.Errorf("go %q is not a version", s)
		}
		return g, `versions are exact, like "go1.26.8"; a GOROOT is "name=path:DIR"`, fmt.Errorf("go %q is not a version", s)
	}
	if version.Lang(s) == s && version.Compare(s, "go1.21") >= 0 { // since 1.21 the first release is .0
		return g, fmt.Sprintf("did you mean %s.0?", s), fmt.Errorf("go %q is a language version, not a release", s)
	}
	return GoSpec{Name: s}, "", nil
}

// compareGo orders releases by version, before all names, which are ordered by bytes.
func compareGo(a, b string) int {
	ra, rb := release.MatchString(a), release.MatchString(b)
	switch {
	case ra && rb:
		if c := version.Compare(a, b); c != 0 {
			return c
		}
	case ra:
		return -1
	case rb:
		return 1
	}
	return strings.Compare(a, b)
}
