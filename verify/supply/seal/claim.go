package seal

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// A Claim is what a seal says about a file, in its trusted comment. Empty means not said.
type Claim struct {
	Name    string `json:"name"`    // of the file, without directories
	Version string `json:"version"` // the author's word; ordered where it is a semantic version
	Arch    string `json:"arch"`    // GOARCH
	Go      string `json:"go"`      // "go1.26.8"
	Host    string `json:"host"`    // digest of the host's lock, "sha256:..."
}

// claimWord begins a trusted comment of ours; the number is the version of the grammar.
const claimWord = "plugproof-seal-v1"

// maxClaim bounds a trusted comment, in bytes. minisign's own limit is 8 KiB (COMMENTMAXBYTES, TRUSTEDCOMMENTMAXBYTES).
const maxClaim = 4 << 10

func (c *Claim) fields() []struct {
	key   string
	value *string
} {
	return []struct {
		key   string
		value *string
	}{{"name", &c.Name}, {"version", &c.Version}, {"arch", &c.Arch}, {"go", &c.Go}, {"host", &c.Host}}
}

// String writes the claim as one line: the word, then key=value in a fixed order, without those that are empty.
func (c Claim) String() string {
	out := claimWord
	for _, f := range c.fields() {
		if *f.value != "" {
			out += " " + f.key + "=" + *f.value
		}
	}
	return out
}

// Valid says what in the claim cannot be written on one line of words.
func (c Claim) Valid() error {
	for _, f := range c.fields() {
		for _, r := range *f.value {
			if r <= ' ' || r > '~' {
				return fmt.Errorf("%s %q holds a blank or a character that is not ASCII", f.key, *f.value)
			}
		}
	}
	if strings.Contains(c.Name, "/") {
		return fmt.Errorf("name %q holds a directory", c.Name)
	}
	if len(c.String()) > maxClaim {
		return fmt.Errorf("the claim is longer than %d bytes", maxClaim)
	}
	return nil
}

// ErrNoClaim is returned for the trusted comment of a signature that another tool made.
var ErrNoClaim = errors.New("the signature's comment is no claim of plugproof's: it binds no name and no version")

// ParseClaim reads what String writes, and nothing else: a comment has one reading only.
func ParseClaim(s string) (Claim, error) {
	rest, ok := strings.CutPrefix(s, claimWord)
	if !ok || rest != "" && rest[0] != ' ' {
		return Claim{}, ErrNoClaim
	}
	var c Claim
	fields := c.fields()
	for _, word := range strings.Fields(rest) {
		key, value, _ := strings.Cut(word, "=")
		for _, f := range fields {
			if f.key == key {
				*f.value = value
			}
		}
	}
	if err := c.Valid(); err != nil {
		return Claim{}, err
	}
	if c.String() != s {
		return Claim{}, fmt.Errorf("the claim %q is not written as plugproof writes it", s)
	}
	return c, nil
}

// A Wish is what a verifier expects. Empty fields are not asked for.
type Wish struct {
	Claim
	AtLeast string // no version older than this semantic version
}

// Differences says how the claim falls short of what is expected, one line each.
func (c Claim) Differences(want Wish) []string {
	var out []string
	expected := want.Claim.fields()
	for i, f := range c.fields() {
		switch w := *expected[i].value; {
		case w == "" || w == *f.value:
		case *f.value == "":
			out = append(out, fmt.Sprintf("the seal names no %s; %s is expected", f.key, w))
		default:
			out = append(out, fmt.Sprintf("the seal is for %s %s; %s is expected", f.key, *f.value, w))
		}
	}
	if want.AtLeast != "" {
		switch have, least := canonical(c.Version), canonical(want.AtLeast); {
		case have == "" || least == "":
			out = append(out, fmt.Sprintf("version %q cannot be compared with %q: both must be semantic versions", c.Version, want.AtLeast))
		case semver.Compare(have, least) < 0:
			out = append(out, fmt.Sprintf("the seal is for version %s, older than %s", c.Version, want.AtLeast))
		}
	}
	return out
}

// canonical is a semantic version with its "v", or "".
func canonical(v string) string {
	if !strings.HasPrefix(v, "v") {
		v = "v" + v
	}
	return semver.Canonical(v)
}
