package plan

import (
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/cause"
)

// Arches, Libcs: the values that the axes know. A new row in the architecture table is a new name here.
var (
	Arches = []string{"amd64", "arm"}
	Libcs  = []string{"musl"}
)

// The names that an expectation may use: the verdicts of plugproof abi and diff, build-failed for a source that does not compile, and the
// causes. They are verify/cause's tables; "unknown" is not one to expect.
var (
	abiVerdicts  = known("abi verdict")
	twinVerdicts = append(known("diff verdict"), "build-failed")
	causes       = slices.DeleteFunc(known("cause"), func(id string) bool { return id == "unknown" })
)

func known(kind string) (ids []string) {
	for _, e := range cause.Explanations() {
		if e.Kind == kind {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// tableKeys are the keys of each table, for "did you mean".
var tableKeys = map[string][]string{
	"":                {"host", "plugin", "expect", "build", "cc", "matrix", "policy"},
	"host":            {"package", "dir", "file", "lock", "rebuild", "flags", "env", "go"},
	"plugin":          {"package", "dir", "file", "symbols", "against", "expect", "rebuild", "flags", "env", "go"},
	"expect":          {"when", "plugin", "verdict"},
	"expect.when":     {"host_go", "plugin_go", "arch", "libc"},
	"build":           {"flags", "env", "before", "command", "limit"},
	"cc":              {"cc"},
	"matrix":          {"go", "arch", "libc", "include", "exclude"},
	"policy":          {"allow", "forbid", "licences", "critical", "unused", "review_days", "replace", "pseudo", "licensed", "audited"},
	"policy.licences": {"allow", "deny"},
	"policy.replace":  {"module", "with", "reason"},
	"policy.pseudo":   {"module", "reason", "date"},
	"policy.licensed": {"module", "path", "digest", "licence", "reason"},
	"policy.audited":  {"module", "path", "digest", "reviewed", "by", "days"},
	"matrix.include":  {"host_go", "plugin_go", "arch", "libc"},
	"matrix.exclude":  {"host_go", "plugin_go", "arch", "libc"},
}

// IsCause reports whether an expected rebuild names a cause and not a verdict.
func IsCause(rebuild string) bool { return slices.Contains(causes, rebuild) }

// suggest is a hint that names the nearest of known, or lists them all when none is near.
func suggest(got string, known []string) string {
	if near := Nearest(got, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "it is one of " + strings.Join(known, ", ")
}

// Nearest is the name that was probably meant: the first with the fewest letters, at most two, to be changed; "" if none is.
func Nearest(got string, known []string) string {
	best, dist := "", 3
	for _, k := range known {
		if d := distance(got, k); d < dist && len(got) > 1 {
			best, dist = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes; long words are far from everything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}
