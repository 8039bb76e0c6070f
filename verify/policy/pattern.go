package policy

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// A Pattern selects modules by path, and by version if it says so: "golang.org/x/... >=v0.20.0 <v1.0.0".
type Pattern struct {
	text   string
	path   *regexp.Regexp
	ranges []comparison
}

type comparison struct{ op, version string }

// maxPattern bounds a pattern, in bytes.
const maxPattern = 1024

// ParsePattern reads a path, in which "..." stands for any text as in the go command ("x/..." is x and all below it), and
// comparisons of versions, all of which must hold. "PATH@VERSION" is one version.
func ParsePattern(s string) (Pattern, error) {
	if len(s) > maxPattern {
		return Pattern{}, fmt.Errorf("a pattern of more than %d bytes", maxPattern)
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		return Pattern{}, fmt.Errorf("the pattern is empty")
	}
	p := Pattern{text: strings.Join(words, " ")}
	path, version, exact := strings.Cut(words[0], "@")
	if exact {
		words = append(words, "="+version)
	}
	if err := checkPath(path); err != nil {
		return Pattern{}, err
	}
	p.path = pathPattern(path)
	for _, w := range words[1:] {
		c := comparison{}
		for _, op := range []string{">=", "<=", ">", "<", "="} {
			if rest, ok := strings.CutPrefix(w, op); ok {
				c = comparison{op, rest}
				break
			}
		}
		if c.op == "" {
			return Pattern{}, fmt.Errorf("%q is no comparison with a version: write >=v1.2.0, >, <=, < or =, without a blank", w)
		}
		if !semver.IsValid(c.version) {
			return Pattern{}, fmt.Errorf("%q is no semantic version", c.version)
		}
		p.ranges = append(p.ranges, c)
	}
	if err := p.possible(path); err != nil {
		return Pattern{}, err
	}
	return p, nil
}

// checkPath refuses what no path of a module or a package can match.
func checkPath(path string) error {
	plain := strings.ReplaceAll(path, "...", "x")
	if strings.ContainsAny(plain, "*?[") {
		return fmt.Errorf("%q: any text is written ...", path)
	}
	if err := module.CheckImportPath(plain); err != nil {
		return fmt.Errorf("%q is no path of a module or package", path)
	}
	return nil
}

// pathPattern is the go command's meaning of "..." (go help packages).
func pathPattern(path string) *regexp.Regexp {
	expr := strings.ReplaceAll(regexp.QuoteMeta(path), `\.\.\.`, `.*`)
	if rest, ok := strings.CutSuffix(expr, `/.*`); ok {
		expr = rest + `(/.*)?`
	}
	return regexp.MustCompile(`^` + expr + `$`)
}

// String is the pattern as it was written, with single blanks.
func (p Pattern) String() string { return p.text }

// Matches reports whether a module is one that the pattern selects. A module without a version, which is a directory, is in no
// range of versions.
func (p Pattern) Matches(m module.Version) bool {
	if p.path == nil || !p.path.MatchString(m.Path) {
		return false
	}
	for _, c := range p.ranges {
		if !semver.IsValid(m.Version) {
			return false
		}
		by := semver.Compare(m.Version, c.version)
		if !map[string]bool{">=": by >= 0, "<=": by <= 0, ">": by > 0, "<": by < 0, "=": by == 0}[c.op] {
			return false
		}
	}
	return true
}

// matchesPath reports whether the path alone fits.
func (p Pattern) matchesPath(path string) bool { return p.path != nil && p.path.MatchString(path) }

// find is the index of the first pattern that matches, or -1.
func find(list []Pattern, m module.Version) int {
	for i, p := range list {
		if p.Matches(m) {
			return i
		}
	}
	return -1
}

// possible refuses comparisons that no version fulfils at once: a rule that can never match looks like one that holds.
func (p *Pattern) possible(path string) error {
	low, high := comparison{}, comparison{}
	for _, c := range p.ranges {
		if strings.HasPrefix(c.op, ">") || c.op == "=" {
			if by := semver.Compare(c.version, low.version); low.op == "" || by > 0 || by == 0 && c.op == ">" {
				low = c
			}
		}
		if strings.HasPrefix(c.op, "<") || c.op == "=" {
			if by := semver.Compare(c.version, high.version); high.op == "" || by < 0 || by == 0 && c.op == "<" {
				high = c
			}
		}
	}
	if low.op != "" && high.op != "" {
		if by := semver.Compare(low.version, high.version); by > 0 || by == 0 && (low.op == ">" || high.op == "<") {
			return fmt.Errorf("%q: no version is %s%s and %s%s at once", p.text, low.op, low.version, high.op, high.version)
		}
	}
	_, suffix, ok := module.SplitPathVersion(path)
	if !ok || suffix == "" || strings.Contains(path, "...") {
		return nil
	}
	major := strings.TrimSuffix(module.PathMajorPrefix(suffix), "-unstable")
	if high.op != "" && (semver.Compare(high.version, major) < 0 && semver.Major(high.version) != major || high.op == "<" && semver.Compare(high.version, major+".0.0-0") <= 0) ||
		low.op != "" && semver.Compare(semver.Major(low.version), major) > 0 {
		return fmt.Errorf("%q: all versions of %s are %s", p.text, path, major)
	}
	return nil
}
