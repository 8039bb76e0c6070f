package cause

import (
	"os"
	"testing"
)

// notShown are failures that nothing here shows, with the reason.
var notShown = map[string]string{"F27": "the emulated processors know every instruction that Go is built for"}

func TestEveryFailureIsShown(t *testing.T) {
	for _, f := range failures {
		s, ok := shown[f.id]
		if ok == (notShown[f.id] != "") {
			t.Errorf("%s: shown %v, excused %q", f.id, ok, notShown[f.id])
		}
		if !ok {
			continue
		}
		for _, file := range []string{"../../fixtures/" + s.fixture + ".txtar", "../../scripts/" + s.script + ".txtar"} {
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", f.id, err)
			}
		}
	}
}
