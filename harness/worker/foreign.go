package worker

import (
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
)

// Foreign says what can be seen of a host that does not report: plugin.Open's texts in its output, its end, and nothing
// else. A plugin of which nothing is seen is unobserved.
func Foreign(paths []string, r vm.Result) []guest.Plugin {
	out := make([]guest.Plugin, len(paths))
	text := string(r.Stdout) + "\n" + string(r.Stderr)
	for i, path := range paths {
		out[i] = guest.Plugin{Path: path, Outcome: "unobserved"}
		for _, name := range []string{path, strings.TrimSuffix(path, ".so")} { // Go names the plugin without .so once dlopen succeeded
			if at := strings.Index(text, fmt.Sprintf("plugin.Open(%q): ", name)); at >= 0 {
				line, _, _ := strings.Cut(text[at:], "\n")
				out[i].Outcome, out[i].Error = "error", strings.TrimSpace(line)
				break
			}
		}
	}
	return out
}
