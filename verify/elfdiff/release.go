package elfdiff

import (
	"fmt"
	"regexp"
	"strings"
)

func (c *comparison) versionCauses(a, b *facts) []namedCause {
	x, y := a.goVersion(), b.goVersion()
	id := VersionCause(x, y)
	if id == "" {
		return nil
	}
	return []namedCause{{Cause{ID: id, Evidence: fmt.Sprintf("built with %s and %s", x, y)}, scope{all: true}}}
}

// releaseForm takes a toolchain's version apart: "go1.26.8", "go1.27-devel_1b2c3d", "devel go1.27-1b2c3d", "go1.21.11 (Red Hat 1.21.11-1.el9)",
// "go1.26.8 X:nodwarf5", "go1.26.8-custom".
var releaseForm = regexp.MustCompile(`^(devel )?go(1\.\d+)(\.\d+|(?:rc|beta)\d+)?(.*)$`)

// VersionCause names the difference of two toolchains by what they call themselves: another release, another build of one release,
// or other experiments. It is "" if they are the same or one is unknown.
func VersionCause(x, y string) string {
	if x == y || x == "" || y == "" {
		return ""
	}
	x, expX := cutExperiments(x)
	y, expY := cutExperiments(y)
	if x == y {
		if expX != expY {
			return "goexperiment"
		}
		return ""
	}
	v, w := releaseForm.FindStringSubmatch(x), releaseForm.FindStringSubmatch(y)
	if v == nil || w == nil {
		return "go-version"
	}
	devel := v[1]+w[1] != "" || strings.HasPrefix(v[4], "-devel") || strings.HasPrefix(w[4], "-devel")
	if v[2] == w[2] && (v[3] == w[3] || devel) {
		return "toolchain-build"
	}
	return "go-version"
}

// cutExperiments cuts " X:a,b", since Go 1.26 "-X:a,b", off the end of a version.
func cutExperiments(v string) (base, experiments string) {
	for _, mark := range []string{" X:", "-X:"} {
		if i := strings.Index(v, mark); i >= 0 {
			return v[:i], v[i+len(mark):]
		}
	}
	return v, ""
}
