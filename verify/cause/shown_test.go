package cause

import (
	"os"
	"testing"
)

func TestEveryFailureIsShown(t *testing.T) {
	for _, f := range failures {
		s := shown[f.id]
		if _, err := os.Stat("../../scripts/" + s.script + ".txtar"); err != nil {
			t.Errorf("%s: %v", f.id, err)
		}
		if s.fixture == "" {
			continue
		}
		if _, err := os.Stat("../../fixtures/" + s.fixture + ".txtar"); err != nil {
			t.Errorf("%s: %v", f.id, err)
		}
	}
}
