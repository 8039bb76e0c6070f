package elfdiff

import (
	"regexp"
	"slices"
	"strings"
)

// Shapes of values that builds embed. They are guesses, and said to be; what might as well be a version, a setting or an edit is
// not guessed at.
var (
	// A date and a time of day with seconds: RFC 3339 and its like, the forms of date(1), RFC 1123, and 14 digits.
	momentShape = regexp.MustCompile(`\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(\d{1,2} )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2} |\d{4} )?[0-2]?\d:[0-5]\d:[0-6]\d( [AP]M)?( [A-Z]{2,5}| [+-]\d{2,4})?( \d{4})?` +
		`|\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2},? \d{4} [0-2]\d:[0-5]\d:[0-6]\d` +
		`|\b(19[7-9]|20\d)\d[-/.]?[01]\d[-/.]?[0-3]\d[-T _.]?[0-2]\d[-:.]?[0-5]\d[-:.]?[0-6]\d([.,]\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?\b`)
	dateShape  = regexp.MustCompile(`\b(19[7-9]|20\d)\d[-/.]?[01]\d[-/.]?[0-3]\d\b|\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d,? \d{4}\b`)
	clockShape = regexp.MustCompile(`\b[0-2]\d:[0-5]\d:[0-6]\d\b`)
	unixShape  = regexp.MustCompile(`\b1[4-9]\d{8}(\d{3}){0,3}(\.\d+)?\b`) // seconds from 2014 to 2033, milli-, micro- and nanoseconds
	// The C compiler's __DATE__ and __TIME__: "Nov  3 2026" and "06:22:45".
	cDateShape = regexp.MustCompile(`\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d{4}\b`)
	// Its __TIMESTAMP__, "Sun Sep 16 01:03:52 1973".
	cStampShape = regexp.MustCompile(`\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d [0-2]\d:[0-5]\d:[0-6]\d \d{4}\b`)
	// Module versions hold times that are no clock's: v0.0.0-20260102030405-abcdef012345.
	pseudoShape = regexp.MustCompile(`\d\.\d+\.\d+-(.*\.)?(0\.)?\d{14}-[0-9a-f]{12}`)

	pathShape = regexp.MustCompile(`/[A-Za-z0-9._@+~-]+(/[A-Za-z0-9._@+~-]+)*/?`)
	// Directories in which people and services build, and in which programs are not installed.
	buildRoot   = regexp.MustCompile(`^/(home/[^/]+|root|Users/[^/]+|private/(tmp|var)|tmp|var/tmp|var/(lib/)?(jenkins|buildkite-agent|gitlab-runner|buildkite)|builds?|builddir|buildroot|workspaces?|github/workspace|go/src|src|usr/src|source|mnt|nix/build|opt/(build|src|atlassian/pipelines)|codebuild|circleci|drone|app/src)(/|$)`)
	hostShape   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*$`)
	numberShape = regexp.MustCompile(`^[vV]?\d+([.\-_]\d+)*$`)

	timeName   = regexp.MustCompile(`date|time|built|when|stamp|epoch|clock|moment`)
	countName  = regexp.MustCompile(`version|release|revision|^rev$|commit|hash|number|^no$|^num|num$|count|serial|size|limit|port|seed|max|min|(build|run|job|^)id$|^tag$|gittag`)
	hostNames  = strings.Fields(`host hostname buildhost buildhostname builthost builton builtonhost buildmachine machine buildnode builder buildbox buildserver buildworker buildagent buildrunner cihost compilehost compiledon nodename uname`)
	notMachine = strings.Fields(`localhost none unknown amd64 arm arm64 linux x86_64 armv7l true false default local dev prod production staging`)
)

var shapeNames = map[string]string{"embedded-time": "a time", "embedded-path": "a build directory", "embedded-host": "a host name"}

// valueCause names what two values of a variable that -X sets are. Without a shape that both have, and in which alone they differ, it
// is the flag that differs and no more is said.
func valueCause(variable, v, w string, both bool) string {
	if !both {
		return "ldflags"
	}
	name := variable[strings.LastIndexByte(variable, '.')+1:]
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
	timely := timeName.MatchString(name) && !strings.Contains(name, "timeout") && !strings.Contains(name, "update")
	switch {
	case pseudoShape.MatchString(v) || pseudoShape.MatchString(w):
	case sameBut(momentShape, v, w),
		sameBut(dateShape, v, w) && timely,
		sameBut(clockShape, v, w) && timely && !roundClocks(v, w),
		sameBut(unixShape, v, w) && !countName.MatchString(name) && (timely || unixShape.FindString(v) == v && unixShape.FindString(w) == w),
		timely && oneShape(v) && oneShape(w):
		return "embedded-time"
	case buildDirs(v, w):
		return "embedded-path"
	case slices.Contains(hostNames, name) && machines(name, v, w):
		return "embedded-host"
	}
	return "ldflags"
}

// oneShape reports whether the whole value is a time in some form: two sides may use two forms.
func oneShape(v string) bool {
	for _, s := range []*regexp.Regexp{momentShape, dateShape, unixShape} {
		if s.FindString(v) == v && v != "" {
			return true
		}
	}
	return false
}

// sameBut reports whether both have a part of the shape, and are equal once those parts are blanked.
func sameBut(shape *regexp.Regexp, v, w string) bool {
	return shape.MatchString(v) && shape.MatchString(w) && shape.ReplaceAllString(v, "\x00") == shape.ReplaceAllString(w, "\x00")
}

// roundClocks reports whether all times of day in both are full minutes, as people write them and clocks seldom show them.
func roundClocks(v, w string) bool {
	for _, m := range append(clockShape.FindAllString(v, -1), clockShape.FindAllString(w, -1)...) {
		if !strings.HasSuffix(m, ":00") {
			return false
		}
	}
	return true
}

// buildDirs reports whether the values differ in directories alone, both of them below one in which things are built.
func buildDirs(v, w string) bool {
	if !sameBut(pathShape, v, w) {
		return false
	}
	x, y := pathShape.FindAllString(v, -1), pathShape.FindAllString(w, -1)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] && !(buildRoot.MatchString(x[i]) && buildRoot.MatchString(y[i])) {
			return false
		}
	}
	return true
}

// machines reports whether both may be names of machines. A variable called host alone may hold the address of a service, so one of
// them must have no domain then.
func machines(name, v, w string) bool {
	for _, s := range []string{v, w} {
		if len(s) > 253 || !hostShape.MatchString(s) || numberShape.MatchString(s) || slices.Contains(notMachine, strings.ToLower(s)) {
			return false
		}
	}
	return name != "host" && name != "machine" || !strings.Contains(v, ".") || !strings.Contains(w, ".")
}
