package script

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plugproof/plugproof/verify/cause"
)

// The words that rebuild, abi and load may demand. Any other is a slip: with ! it would hold of everything.
var (
	twins       = append(explained("diff verdict"), "build-failed")
	predictions = explained("abi verdict")
	outcomes    = []string{"ok", "error", "throw", "signal", "hang", "not-reached", "unobserved"} // DESIGN section 4.3
)

// ownFailure is the status by which plugproof exec says that nothing is known of the command.
const ownFailure = 125

// explained are the ids of one kind that `plugproof explain` knows.
func explained(kind string) []string {
	var ids []string
	for _, e := range cause.Explanations() {
		if e.Kind == kind {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// demandWord ends the script if one of the words, separated by commas, is not among those known.
func demandWord(ts *testscript.TestScript, verb, words string, known []string) {
	for word := range strings.SplitSeq(words, ",") {
		if !slices.Contains(known, word) {
			ts.Fatalf("%s: %q is none of %s", verb, word, strings.Join(known, ", "))
		}
	}
}

// reason is why a step has no verdict.
func reason(r *struct{ Status, Verdict, Reason string }) string {
	if r == nil {
		return "there is no record"
	}
	return strings.TrimSpace(r.Status + " " + r.Reason)
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
