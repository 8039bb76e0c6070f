package sealed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Claim is what a seal says about a plugin; "plugproof sign" writes it.
type Claim struct{ Name, Version, Arch, Go, Host string }

const claimWord = "plugproof-seal-v1"

// parseClaim reads the trusted comment: the word, then key=value in this order, those that are not empty.
func parseClaim(s string) (Claim, error) {
	words := strings.Split(s, " ")
	if words[0] != claimWord {
		return Claim{}, errors.New("the seal says nothing about the file: sign it with plugproof sign")
	}
	words = words[1:]
	var c Claim
	for _, f := range []struct {
		key   string
		value *string
	}{{"name=", &c.Name}, {"version=", &c.Version}, {"arch=", &c.Arch}, {"go=", &c.Go}, {"host=", &c.Host}} {
		if len(words) > 0 && strings.HasPrefix(words[0], f.key) {
			*f.value = words[0][len(f.key):]
			words = words[1:]
		}
	}
	if len(words) > 0 || c.Name == "" || strings.Contains(c.Name, "/") || c.Name == "." || c.Name == ".." {
		return Claim{}, fmt.Errorf("the claim %q cannot be read", s)
	}
	return c, nil
}

// A version is a semantic version without its build metadata (semver.org 2.0.0).
type version struct {
	number [3]uint64
	pre    []string
}

func parseVersion(s string) (version, bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "v"), "+")
	s, pre, dashed := strings.Cut(s, "-")
	var v version
	if dashed {
		v.pre = strings.Split(pre, ".")
	}
	for i, p := range strings.SplitN(s, ".", 3) {
		n, err := strconv.ParseUint(p, 10, 64)
		if err != nil || len(p) > 1 && p[0] == '0' {
			return v, false
		}
		v.number[i] = n
	}
	return v, strings.Count(s, ".") == 2
}

// compare is negative, zero or positive as v is older, the same or newer.
func (v version) compare(w version) int {
	for i := range v.number {
		if v.number[i] != w.number[i] {
			return order(v.number[i] < w.number[i])
		}
	}
	if (v.pre == nil) != (w.pre == nil) {
		return order(v.pre != nil) // a release is newer than its candidates
	}
	for i := 0; i < len(v.pre) && i < len(w.pre); i++ {
		a, b := v.pre[i], w.pre[i]
		if a == b {
			continue
		}
		x, errA := strconv.ParseUint(a, 10, 64)
		y, errB := strconv.ParseUint(b, 10, 64)
		switch {
		case errA == nil && errB == nil:
			return order(x < y)
		case (errA == nil) != (errB == nil):
			return order(errA == nil) // numbers are older than words
		}
		return order(a < b)
	}
	if len(v.pre) != len(w.pre) {
		return order(len(v.pre) < len(w.pre))
	}
	return 0
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}
