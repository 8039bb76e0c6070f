package plan

import (
	"fmt"
	"strings"
	"testing"
)

// TestPolicyErrors: [policy] is read strictly, and mistakes point at their line.
func TestPolicyErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want, hint string }{
		{"unknown key", "[policy]\nallowed = []\n", `plugproof.toml:6:1: unknown key "allowed" in [policy]`, "did you mean allow?"},
		{"unknown key of a list", "[[policy.pseudo]]\nmodul = \"x\"\n", `plugproof.toml:6:1: unknown key "modul" in [policy.pseudo]`, "did you mean module?"},
		{"unknown key in licences", "[policy]\nlicences = { alow = [] }\n", `plugproof.toml:6:14: unknown key "alow" in [policy.licences]`, "did you mean allow?"},
		{"wrong type", "[policy]\nforbid = \"example.test/x\"\n", `plugproof.toml:6:10: `, "list of strings"},
		{"wrong type of days", "[policy]\nreview_days = \"365\"\n", `plugproof.toml:6:15: `, "number of days"},
		{"a bad pattern", "[policy]\nallow = [\"golang.org/x/...\",\n  \"example.test/*\"]\n", `plugproof.toml:7:3: [policy] "example.test/*": any text is written ...`, ""},
		{"a bad range", "[policy]\nforbid = [\"example.test/x >= v1.0.0\"]\n", `plugproof.toml:6:11: [policy] "" is no semantic version`, ""},
		{"a bad version", "[policy]\nforbid = [\"example.test/x <1.0.0\"]\n", `plugproof.toml:6:11: [policy] "1.0.0" is no semantic version`, ""},
		{"a critical package with a version", "[policy]\ncritical = [\"./x >=v1.0.0\"]\n", `plugproof.toml:6:13: [policy] `, ""},
		{"an unknown licence", "[policy]\nlicences.allow = [\"MIT\", \"Apache2.0\"]\n", `plugproof.toml:6:26: [policy] unknown licence "Apache2.0"`, "like Apache-2.0;"},
		{"no reason", "[[policy.replace]]\nmodule = \"example.test/x\"\nwith = \"../x\"\n", `plugproof.toml:5:3: [policy] a replacement that may be needs a reason`, "reason"},
		{"no target", "[[policy.replace]]\nmodule = \"example.test/x\"\nreason = \"x\"\n", `plugproof.toml:5:3: [policy] a replacement that may be says by what: with`, ""},
		{"no pseudo-version", "[[policy.pseudo]]\nmodule = \"example.test/x@v1.2.3\"\nreason = \"x\"\ndate = 2026-01-01\n", `plugproof.toml:5:3: [policy] module "example.test/x@v1.2.3" is not`, ""},
		{"no date", "[[policy.pseudo]]\nmodule = \"example.test/x@v0.0.0-20260102030405-abcdef012345\"\nreason = \"x\"\n", `plugproof.toml:5:3: [policy] a pseudo-version that may be needs the date`, ""},
		{"a bad date", "[[policy.audited]]\nmodule = \"example.test/x\"\nreviewed = \"last year\"\n", `plugproof.toml:7:1: [policy] reviewed: `, "2026-08-01"},
		{"a time", "[[policy.audited]]\nmodule = \"example.test/x\"\nreviewed = 2026-08-01T10:00:00Z\n", `plugproof.toml:7:1: [policy] reviewed: `, "2026-08-01"},
		{"a day that is none", "[[policy.audited]]\nmodule = \"example.test/x\"\nreviewed = \"2026-02-30\"\n", `plugproof.toml:7:1: [policy] reviewed: `, ""},
		{"no review", "[[policy.audited]]\nmodule = \"example.test/x\"\n", `plugproof.toml:5:3: [policy] an audited module needs the day`, ""},
		{"a negative age", "[policy]\nreview_days = -1\n", `plugproof.toml:6:1: [policy] review_days is -1`, ""},
		{"no age", "[policy]\nreview_days = 0\n", `plugproof.toml:6:1: [policy] review_days is 0`, "leave it out"},
		{"no age of one", "[[policy.audited]]\nmodule = \"example.test/x\"\nreviewed = 2026-08-01\ndays = 0\n", `plugproof.toml:8:1: [policy] days is 0`, ""},
		{"an empty range", "[policy]\nforbid = [\"example.test/x\",\n \"example.test/x >=v2.0.0 <v1.0.0\"]\n", `plugproof.toml:7:2: [policy] "example.test/x >=v2.0.0 <v1.0.0": no version is`, ""},
		{"a directory without a digest", "[[policy.audited]]\npath = \"../x\"\nreviewed = 2026-08-01\n", `plugproof.toml:6:1: [policy] path "../x" has no digest`, "digest = "},
		{"twice", "[policy]\nforbid = []\nforbid = []\n", `plugproof.toml:7:`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseProject("plugproof.toml", []byte(good+tt.text))
			if err == nil {
				t.Fatal("it was taken")
			}
			if !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
			if h := err.(*Error).Hint(); !strings.Contains(h, tt.hint) {
				t.Errorf("the hint is %q, want %q in it", h, tt.hint)
			}
		})
	}
}

// TestPolicyIsRead: dates with and without quotes, and the lines of rules.
func TestPolicyIsRead(t *testing.T) {
	p, err := ParseProject("plugproof.toml", []byte(good+`[policy]
allow = ["golang.org/x/... >=v0.20.0", "example.test/greet@v1.2.0"]
critical = ["./keys/...", "."]
licences = { allow = ["MIT", "LicenseRef-House"] }
review_days = 365
[[policy.audited]]
module = "example.test/greet >=v1.2.0 <v2.0.0"
reviewed = 2026-08-01
[[policy.audited]]
module = "example.test/keys"
reviewed = "2026-08-02"
by = "us"
days = 30
`))
	if err != nil {
		t.Fatal(err)
	}
	r := p.Policy
	if got := fmt.Sprint(r.Audited[0].Reviewed, " ", r.Audited[1].Reviewed); got != "2026-08-01 2026-08-02" {
		t.Errorf("the reviews are of %s", got)
	}
	for key, line := range map[string]int{"allow.1": 6, "audited.1": 13, "audited.1.days": 17, "licences.allow.0": 8, "nothing": 5} {
		if got := p.PolicyLine(key); got != line {
			t.Errorf("%s is at line %d, want %d", key, got, line)
		}
	}
	if p, err := ParseProject("plugproof.toml", []byte(good)); err != nil || p.Policy != nil {
		t.Errorf("a project without [policy] has %v, %v", p.Policy, err)
	}
	if p, err := ParseProject("plugproof.toml", []byte(good+"[policy]\n")); err != nil || p.Policy == nil {
		t.Errorf("a project with an empty [policy] has none: %v", err)
	}
}
