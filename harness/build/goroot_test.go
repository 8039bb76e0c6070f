package build

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/plugproof/plugproof/results"
)

var testContext = context.Background()

// goroot is that of the go command that runs the tests.
func goroot() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return filepath.Clean(runtime.GOROOT())
	}
	return strings.TrimSpace(string(out))
}

func digest(s string) results.Digest { return results.DigestOf([]byte(s)) }
