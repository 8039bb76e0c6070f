package plan

import (
	"errors"

	"github.com/pelletier/go-toml/v2"

	"github.com/plugproof/plugproof/verify/policy"
)

// checkPolicy is everything about [policy] that the decoder cannot see.
func (p *Project) checkPolicy() error {
	if p.Policy == nil {
		return nil
	}
	err := p.Policy.Check()
	var e *policy.RuleError
	if errors.As(err, &e) {
		return p.fail("policy."+e.Key, e.Hint, "[policy] %s", e.Msg)
	}
	return err
}

// PolicyLine is the line of a key below [policy], such as "forbid.0", or of its nearest parent; 0 if there is none.
func (p *Project) PolicyLine(key string) int {
	line, _ := p.at.find("policy." + key)
	return line
}

// policyHint says what a key of [policy] holds, for a value of the wrong type.
func policyHint(key toml.Key) string {
	switch key[len(key)-1] {
	case "allow", "forbid", "critical", "unused", "deny":
		return "it is a list of strings"
	case "licences":
		return `licences = { allow = ["MIT"], deny = [] }`
	case "review_days", "days":
		return "it is a number of days"
	case "date", "reviewed":
		return "it is a day, like 2026-08-01"
	case "replace", "pseudo", "licensed", "audited":
		return "write [[policy." + key[len(key)-1] + "]]"
	}
	return ""
}
