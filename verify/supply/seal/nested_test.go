package seal_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestSealedModule runs the checks of the module that hosts import: it has its own go.mod, so ./... does not reach it.
func TestSealedModule(t *testing.T) {
	for _, args := range [][]string{{"vet", "./..."}, {"test", "-count=1", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = "../../sealed"
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if data := string(read(t, "../../sealed/go.mod")); strings.Contains(data, "require") {
		t.Error("it must need no other module, for every package counts in a host")
	}
}
