package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images/rootfs"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// load makes the load in a virtual machine, holds it against the prediction, and leaves the record.
func (w *Worker) load(ctx context.Context, c *cell) error {
	defer w.clean(c)
	if !c.plans(results.Load) {
		return nil
	}
	begun := w.Now()
	rec := results.Record{Cell: c.Cell.Cell, Step: results.Load, Status: results.Pass, Inputs: c.inputs}
	switch {
	case c.trouble != nil && c.reason == buildFailed:
		rec.Status, rec.Reason = results.Skip, buildFailed
	case c.trouble != nil:
		rec.Status, rec.Reason = results.Error, c.reason
	case c.mute != nil && !w.NoBoot:
		rec.Status, rec.Reason = results.Error, reasonOf(c.mute)
	case w.NoBoot, c.HostJob.Lock != "": // a lock stands for the host in predictions only
		rec.Status, rec.Reason = results.Skip, results.SkipRequested
	default:
		w.tell(Event{Cell: c.Cell.Cell, Step: results.Load, Doing: "loading"})
		observe := w.observe
		if c.test != nil {
			observe = w.observeGoTest
		}
		if err := observe(ctx, c, &rec); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.fail(err)
			rec.Status, rec.Reason = results.Error, c.reason
		}
	}
	c.bad = c.bad || rec.State() != results.AsExpected
	if c.bad && c.sight != nil {
		if err := w.keepLoad(c, &rec); err != nil {
			return err
		}
	}
	return w.record(ctx, rec, begun)
}

// spend notes QEMU's CPU time: of the restore, or of the boots, and of the rest.
func spend(rec *results.Record, out *vm.Outcome) {
	phase := results.PhaseRestore
	if out.Boots > 0 {
		phase = results.PhaseBoot
	}
	rec.Spend(phase, out.ReadyCPU.Seconds())
	rec.Spend(results.PhaseLoad, (out.CPU - out.ReadyCPU).Seconds())
}

// BaseEnv is the environment in which a host is started, before what is asked for.
var BaseEnv = []string{"PATH=/usr/bin:/bin", "HOME=/tmp", "TMPDIR=/tmp"}

// observe runs the probe, or the shipped host as it is, and fills rec with what the guest said.
func (w *Worker) observe(ctx context.Context, c *cell, rec *results.Record) error {
	ground, err := w.ground(ctx, c)
	if err != nil {
		return err
	}
	rec.Inputs.Kernel, rec.Inputs.Image, rec.Inputs.ImageOrigin = ground.Kernel, ground.Image, ground.ImageOrigin
	host, probe := c.host, false
	if c.probe.path != "" {
		host, probe = c.probe, true
		rec.Artifacts = append(rec.Artifacts, host.artifact("probe"))
	}
	job := vm.Job{Files: []rootfs.File{{Name: hostName, Perm: 0o755, Source: host.path}}}
	cmd := guest.Command{Path: guest.PayloadDir + "/" + hostName, Args: []string{guest.PayloadDir + "/" + hostName}, Report: probe,
		Env: slices.Clone(BaseEnv)}
	if asked := symbols(c); probe && asked != "" {
		cmd.Env = append(cmd.Env, "PLUGPROOF_SYMBOLS="+asked)
	}
	var paths []string
	for i, p := range c.plugins {
		path := guestPath(c, i)
		paths = append(paths, path)
		cmd.Args = append(cmd.Args, path)
		if _, err := os.Stat(p.path); errors.Is(err, os.ErrNotExist) {
			continue // the guest will say that it is not there
		}
		job.Files = append(job.Files, rootfs.File{Name: strings.TrimPrefix(path, guest.PayloadDir+"/"), Perm: 0o644, Source: p.path})
	}
	job.Commands, job.Plugins = []guest.Command{cmd}, [][]string{paths}
	out, err := ground.Machine.Run(ctx, job)
	if err != nil {
		return err
	}
	rec.Inputs.KernelName, rec.Inputs.QEMU, rec.Inputs.Accelerator = out.Release, out.QEMU, out.Accelerator
	rec.Boots = out.Boots
	spend(rec, out)
	c.sight = &sight{cmd: cmd, job: job, out: out}
	if out.Kind == vm.HarnessErr {
		return errors.Join(fmt.Errorf("loading in the virtual machine: %s", out.Error), w.log(rec, cmd, out))
	}
	seen := out.Results[0]
	if !probe {
		seen.Plugins = Foreign(paths, seen)
	}
	for i, p := range seen.Plugins {
		if p.Outcome == unobserved {
			rec.Subjects = append(rec.Subjects, unseen(c, i, seen, probe))
		} else {
			rec.Subjects = append(rec.Subjects, judge(c, i, p, seen))
		}
	}
	if probe {
		disbelieve(rec, unsound(c, paths, seen))
	}
	conclude(rec, "ok")
	if rec.State() != results.AsExpected {
		return w.log(rec, cmd, out)
	}
	return nil
}

// log keeps what the machine said of a load that is not as expected.
func (w *Worker) log(rec *results.Record, cmd guest.Command, out *vm.Outcome) error {
	f, rel, err := w.Run.CreateLog(rec.Cell.ID().Short() + "-load.txt")
	if err != nil {
		return fmt.Errorf("keeping a log: %w", err)
	}
	fmt.Fprintf(f, "%s\ncommand: %q\nmachine: %s %s, Linux %s, %d MiB, %d boots, %v CPU\noutcome: %s %s\n", rec.Cell, cmd.Args, out.QEMU, out.Accelerator,
		out.Release, out.MemoryMiB, out.Boots, out.CPU, out.Kind, out.Error)
	for _, c := range out.Configured {
		fmt.Fprintf(f, "INSTALL script of %s: exit %d %s\n", c.Package, c.Exit, c.Error)
	}
	for _, n := range out.Notes {
		fmt.Fprintf(f, "note: %s\n", n)
	}
	for _, r := range out.Results {
		fmt.Fprintf(f, "process: %s, exit %d, signal %d %s\n--- stdout\n%s\n--- stderr\n%s\n--- report\n%s\n", r.Kind, r.Exit, r.Signal, r.Error, r.Stdout, r.Stderr, r.Report)
	}
	fmt.Fprintf(f, "--- console\n%s\n", out.Console)
	if err := f.Close(); err != nil {
		return fmt.Errorf("keeping a log: %w", err)
	}
	rec.Log = rel
	return nil
}

// symbols is what the probe is to look up: "0 Name 0 Other 1 Name".
func symbols(c *cell) string {
	var words []string
	for i, p := range c.Plugins {
		for _, name := range slices.Sorted(maps.Keys(p.Symbols)) {
			words = append(words, strconv.Itoa(i), name)
		}
	}
	return strings.Join(words, " ")
}

// hostName is the host's file on the payload disk.
const hostName = "host"

// guestPath is where the guest sees the i-th plugin, which is the path that plugin.Open is given.
func guestPath(c *cell, i int) string {
	name := filepath.Base(filepath.FromSlash(strings.TrimSuffix(c.Plugins[i].Subject, ".so")))
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, name)
	if strings.Trim(name, ".") == "" {
		name = "plugin"
	}
	return fmt.Sprintf("%s/plugins/%d/%s.so", guest.PayloadDir, i, name)
}

// judge holds what happened to one plugin against the prediction and against the expectation.
func judge(c *cell, i int, seen guest.Plugin, process vm.Result) results.Subject {
	pred := c.report.Plugins[i]
	expected := c.Plugins[i].Expected
	sub := results.Subject{Name: c.Plugins[i].Subject, Status: results.Pass, Verdict: seen.Outcome, Expected: "predicted", Text: seen.Error}
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
	case !c.consistent(i, sub.Verdict):
		sub.Status = results.Fail
		sub.Text = fmt.Sprintf("predicted %s, but the guest saw %s: %s", pred.Verdict, strings.TrimSpace(sub.Verdict+" "+quoted(sub.Text, process)), contradicted(pred, sub.Verdict))
	case sub.Verdict == "error" && text != seen.Error:
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
func contradicted(pred abi.Plugin, outcome string) string {
	switch {
	case pred.Verdict == abi.OK && (outcome == "throw" || outcome == "signal" || outcome == "hang"):
		return "the plugin's own code that runs when it is opened (init, which is not predicted), or a defect of plugproof's own"
	case pred.Verdict == abi.OK && outcome == "not-reached":
		return "an earlier plugin ended the process"
	}
	return "a defect of plugproof's own, or of the machine"
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
// then is not decidable from the files.
func (c *cell) consistent(i int, outcome string) bool {
	for _, earlier := range c.report.Plugins[:i] {
		if earlier.Verdict == abi.Poisoned && earlier.KillsHost {
			return true
		}
	}
	pred := c.report.Plugins[i]
	return slices.Contains(outcomes(string(pred.Verdict), pred), outcome) || pred.Verdict == abi.Poisoned && pred.KillsHost && (outcome == "ok" || outcome == "hang")
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
