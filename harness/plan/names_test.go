package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/fixtures"
	"github.com/plugproof/plugproof/fixtures/leaks"
	"github.com/plugproof/plugproof/verify/cause"
)

func TestNames(t *testing.T) {
	if diff := cmp.Diff([]int{11, 9}, []int{len(abiVerdicts), len(twinVerdicts)}); diff != "" {
		t.Errorf("abi %q, twins %q: %s", abiVerdicts, twinVerdicts, diff)
	}
	if IsCause("unknown") || !IsCause("build-path") || IsCause("identical") {
		t.Errorf("causes are %q", causes)
	}
	for _, name := range abiVerdicts {
		if IsCause(name) {
			t.Errorf("%q is a verdict and a cause", name)
		}
	}
}

// The fixture that a cause names exists.
func TestCausesFixtures(t *testing.T) {
	for _, c := range cause.All() {
		if c.Fixture == "" {
			continue
		}
		var err error
		if name, leak := strings.CutPrefix(c.Fixture, "leaks/"); leak {
			_, err = leaks.Load(name)
		} else {
			_, err = fixtures.Load(c.Fixture)
		}
		if err != nil {
			t.Errorf("cause %s: %v", c.ID, err)
		}
	}
}
