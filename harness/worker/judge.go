package worker

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// judge holds what happened to one plugin against the prediction and against the expectation.
func judge(c *cell, i int, seen guest.Plugin, process vm.Result) results.Subject {
	pred := c.report.Plugins[i]
	expected := c.Plugins[i].Expected
	sub := results.Subject{Name: c.Plugins[i].Subject, Status: results.Pass, Verdict: seen.Outcome, Expected: "predicted", Text: seen.Error}
	if process.Kind == vm.NotStarted {
		sub.Text = "the host was not started: " + process.Error
	}
	if died := after(process); died != "" && seen.Outcome == "ok" && i == lastOK(process) {
		sub.Verdict = died
		sub.Text = LastLine(process)
	}
	verdict := string(pred.Verdict)
	if expected != plan.Predicted {
		verdict = expected
		sub.Expected = strings.Join(outcomes(verdict, pred), " or ")
	}
	switch text := said(pred); {
	case process.Kind == vm.NotStarted && !refused(process):
		sub.Status = results.Error
	case c.undecided(i) != "" && expected == plan.Predicted && !slices.Contains(outcomes(verdict, pred), sub.Verdict):
		sub.Status = results.Fail
		sub.Text = fmt.Sprintf("the files do not tell what happens (%s), and the guest saw %s", c.undecided(i), strings.TrimSpace(sub.Verdict+" "+quoted(sub.Text, process)))
	case !c.consistent(i, sub.Verdict) || refused(process) && !unstartable(pred):
		sub.Status = results.Fail
		sub.Text = fmt.Sprintf("predicted %s, but the guest saw %s: %s", pred.Verdict, strings.TrimSpace(sub.Verdict+" "+quoted(sub.Text, process)), contradicted(pred, process, sub.Verdict))
	case sub.Verdict == "error" && text != seen.Error && c.undecided(i) == "":
		sub.Status = results.Fail
		sub.Text = fmt.Sprintf("predicted the text %q, but the guest saw %q: a defect of plugproof's own", text, seen.Error)
	case pred.Verdict == abi.OK && lookupError(seen) != "":
		sub.Status = results.Fail
		sub.Text = fmt.Sprintf("predicted that every declared symbol is there, but the guest saw %q: a defect of plugproof's own", lookupError(seen))
	case !slices.Contains(outcomes(verdict, pred), sub.Verdict):
		sub.Status = results.Fail
	case sub.Verdict == "throw" || sub.Verdict == "signal" || sub.Verdict == "hang":
		sub.Text = LastLine(process)
	}
	return sub
}

// contradicted says whose fault it can be that the guest saw another outcome than the predicted one.
func contradicted(pred abi.Plugin, process vm.Result, outcome string) string {
	switch {
	case refused(process):
		return "the host is not one for this machine"
	case pred.Verdict == abi.OK && (outcome == "throw" || outcome == "signal" || outcome == "hang"):
		return "the plugin's own code that runs when it is opened (init, which is not predicted), or a defect of plugproof's own"
	case pred.Verdict == abi.OK && outcome == "not-reached":
		return "an earlier plugin ended the process"
	}
	return "a defect of plugproof's own, or of the machine"
}

// refused says that the guest's kernel would not execute the host for what is in the host's file: its loader is not there
// (F26), or it is no program for this machine (execve(2): ENOENT, ENOEXEC). Any other reason is the machine's.
func refused(process vm.Result) bool {
	return process.Kind == vm.NotStarted && (strings.Contains(process.Error, syscall.ENOENT.Error()) || strings.Contains(process.Error, syscall.ENOEXEC.Error()))
}

// unstartable says that the prediction is that the host is not even started: a host that is, and cannot load, has an error.
func unstartable(pred abi.Plugin) bool {
	return pred.Verdict == abi.HostCannotLoad && pred.Error == nil
}

// lookupError is the first text with which Lookup refused a declared symbol, or empty.
func lookupError(seen guest.Plugin) string {
	for _, s := range seen.Symbols {
		if s.Error != "" {
			return s.Error
		}
	}
	return ""
}

// consistent reports whether an outcome is one that the prediction allows. A poisoned process crashes when something touches
// what was spoilt, or when the garbage collector does: it may not come to that within the load, and what a later open does
// then is not decidable from the files. What is undecided is no claim.
func (c *cell) consistent(i int, outcome string) bool {
	if c.undecided(i) != "" {
		return true
	}
	for _, earlier := range c.report.Plugins[:i] {
		if earlier.Verdict == abi.Poisoned && earlier.KillsHost {
			return true
		}
	}
	pred := c.report.Plugins[i]
	return slices.Contains(outcomes(string(pred.Verdict), pred), outcome) || pred.Verdict == abi.Poisoned && pred.KillsHost && (outcome == "ok" || outcome == "hang")
}

// undecided says why the files do not tell what becomes of plugin i, of itself or for the sake of an earlier one; "" where they do.
func (c *cell) undecided(i int) string {
	for _, p := range c.report.Plugins[:i+1] {
		if p.Undecided != nil {
			return *p.Undecided
		}
	}
	return ""
}

func said(p abi.Plugin) string {
	if p.Error == nil {
		return ""
	}
	return *p.Error
}

func quoted(text string, process vm.Result) string {
	if text == "" {
		text = LastLine(process)
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("(%s)", text)
}

// outcomes are the load outcomes that an abi verdict stands for (DESIGN section 4.2). "unobserved" is consistent with all
// and evidence of none, so it is in no list. A plugin that is poisoned and kills no host lives with what was spoilt: a failed
// file's variables without pointers.
func outcomes(verdict string, pred abi.Plugin) []string {
	switch verdict {
	case "ok", "symbol":
		return []string{"ok"}
	case "host-cannot-load":
		if unstartable(pred) {
			return []string{"error", "throw", notReached}
		}
		return []string{"error", "throw"}
	case "abort":
		return []string{"throw", "signal"}
	case "poisoned":
		if pred.Verdict == abi.Poisoned && !pred.KillsHost {
			return []string{"ok"}
		}
		return []string{"signal", "throw"}
	case "not-reached":
		return []string{"not-reached"}
	}
	return []string{"error"}
}

// after is how the process died when all opens had been reported, or empty.
func after(r vm.Result) string {
	switch r.Kind {
	case vm.Thrown:
		return "throw"
	case vm.Signalled:
		return "signal"
	case vm.Hung:
		return "hang"
	}
	return ""
}

// lastOK is the last plugin that opened if none was being opened when the process ended, else -1.
func lastOK(r vm.Result) int {
	last := -1
	for i, p := range r.Plugins {
		switch p.Outcome {
		case "ok":
			last = i
		case "throw", "signal", "hang":
			return -1
		}
	}
	return last
}

// LastLine is the line of stderr that says why a Go program died, or its last line.
func LastLine(r vm.Result) string {
	lines := strings.Split(strings.TrimSpace(string(r.Stderr)), "\n")
	for _, l := range lines {
		if strings.HasPrefix(l, "fatal error: ") || strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "SIG") || strings.HasPrefix(l, "unexpected fault address") {
			return l
		}
	}
	return lines[len(lines)-1]
}
