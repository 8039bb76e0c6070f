package worker

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

const (
	unobserved = "unobserved"  // the outcome of a plugin of which nothing was seen
	notReached = "not-reached" // and of one that the process did not come to
)

// Foreign says what can be seen of a host that does not report: plugin.Open's texts in its output, and its end. A plugin of
// which nothing is seen is unobserved; where the process died in plugin.Open, by its trace, or by a throw of the runtime, and only one plugin can be
// the reason, it is. A host that was never started reaches none.
func Foreign(paths []string, r vm.Result) []guest.Plugin {
	out := make([]guest.Plugin, len(paths))
	text := string(r.Stdout) + "\n" + string(r.Stderr)
	var left []int
	for i, path := range paths {
		out[i] = guest.Plugin{Path: path, Outcome: unobserved}
		if r.Kind == vm.NotStarted {
			out[i].Outcome = notReached
			continue
		}
		for _, name := range []string{path, strings.TrimSuffix(path, ".so")} { // Go names the plugin without .so once dlopen succeeded
			if said := refusal(text, `plugin.Open("`+name+`"): `); said != "" { // package plugin quotes nothing
				out[i].Outcome, out[i].Error = "error", said
				break
			}
		}
		if out[i].Outcome == unobserved {
			left = append(left, i)
		}
	}
	if died := after(r); died != "" && len(left) == 1 && opening.MatchString(text) {
		out[left[0]].Outcome = died
	}
	return out
}

// refusal is the first line in text that has the head, from there on, or "". Logs quote an error: JSON writes \" or \u0022 for its
// quotes, log/slog's text \". Such a line ends with the string that it is in and is said without the quoting.
func refusal(text, head string) string {
	if at := strings.Index(text, head); at >= 0 {
		line, _, _ := strings.Cut(text[at:], "\n")
		return strings.TrimSpace(line)
	}
	quoted := strconv.Quote(head)
	quoted = quoted[1 : len(quoted)-1]
	for _, form := range []string{quoted, strings.ReplaceAll(head, `"`, `\u0022`)} {
		at := strings.Index(text, form)
		if at < 0 {
			continue
		}
		line, _, _ := strings.Cut(text[at:], "\n")
		if end := closing.FindStringIndex(line); end != nil {
			line = line[:end[1]-1]
		}
		if plain, err := strconv.Unquote(`"` + line + `"`); err == nil {
			line, _, _ = strings.Cut(plain, "\n")
		}
		return strings.TrimSpace(line)
	}
	return ""
}

// opening matches the trace of a process that died while it opened a plugin, or because its runtime gave up. A text of plugin.Open's has a
// quote where a frame has its arguments.
var opening = regexp.MustCompile(`(?m)^(fatal error: |plugin\.[oO]pen\([^"])`)

// closing is a quoted string's rest with the quote that ends it.
var closing = regexp.MustCompile(`^(?:[^"\\]|\\.)*"`)

// unseen judges a plugin of which nothing was seen. That is never evidence by itself; what counts is how the host ended. A
// probe reports everything, so its silence teaches nothing.
func unseen(c *cell, i int, r vm.Result, probe bool) results.Subject {
	pred := c.report.Plugins[i]
	sub := results.Subject{Name: c.Plugins[i].Subject, Status: results.Error, Verdict: unobserved, Expected: c.Plugins[i].Expected, Text: "nothing was seen of it"}
	ended := r.Kind == vm.Exited && r.Exit == 0
	switch {
	case probe && i < len(r.Plugins) && r.Plugins[i].Error != "":
		sub.Status, sub.Text = results.Fail, fmt.Sprintf("%s (exit %d): the plugin's own code did, for plugin.Open never does", r.Plugins[i].Error, r.Exit)
	case probe:
		if trouble := guest.ReadReport(r.Report, make([]string, len(r.Plugins)), guest.FateExit).Trouble; trouble != "" {
			sub.Text += ": the report on the result channel is not the probe's: " + trouble
		}
	case pred.Verdict == abi.OK && ended:
		sub.Text = "the host does not report opens: it ended with 0, which fits the prediction and proves nothing; name its package, so that a probe can load, or accept the prediction alone with --no-boot"
		if len(c.Command) > 0 {
			sub.Text = "the host that [build] command built does not report opens: it ended with 0, which fits the prediction and proves nothing; without the command a probe can load, or accept the prediction alone with --no-boot"
		}
	case pred.Verdict == abi.OK:
		sub.Status, sub.Text = results.Fail, strings.TrimSuffix(fmt.Sprintf("predicted ok, but the host ended with %s %d: %s", r.Kind, r.Exit, LastLine(r)), ": ")
	case pred.KillsHost && after(r) != "":
		sub.Status, sub.Text = results.Pass, "the host does not report opens; it died, as predicted: "+LastLine(r)
	}
	return sub
}
