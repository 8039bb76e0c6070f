package cli

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/cause"
)

// TestEveryPolicyFindingIsExplained holds what `explain` knows against the kinds that `policy --json` may print.
func TestEveryPolicyFindingIsExplained(t *testing.T) {
	raw, err := results.Schema("policy")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Findings struct {
				Items struct {
					Properties struct {
						Kind struct{ Enum []string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, e := range cause.Explanations() {
		if e.Kind == "policy finding" {
			known = append(known, e.ID)
		}
	}
	kinds := schema.Properties.Findings.Items.Properties.Kind.Enum
	slices.Sort(kinds)
	slices.Sort(known)
	if diff := cmp.Diff(kinds, known); diff != "" || len(kinds) == 0 {
		t.Errorf("kinds (-schema +explained):\n%s", diff)
	}
}
