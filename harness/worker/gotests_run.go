package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/testplugin"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images/rootfs"
	"github.com/plugproof/plugproof/results"
)

const (
	// batch is how many repetitions of a program one machine runs. The first one has a machine to itself: what always hangs hangs once.
	batch = 20
	// goTestBudget is QEMU's CPU time for one machine: checkdwarf reads a host's DWARF in about ten seconds under emulation.
	goTestBudget = 120 * time.Second
)

// observeGoTest runs a test's programs in fresh machines, in the directory of its outputs, and fills rec with how they ended.
func (w *Worker) observeGoTest(ctx context.Context, c *cell, rec *results.Record) error {
	ground, err := w.ground(ctx, c)
	if err != nil {
		return err
	}
	rec.Inputs.Kernel, rec.Inputs.Image, rec.Inputs.ImageOrigin = ground.Kernel, ground.Image, ground.ImageOrigin
	var files []rootfs.File
	for _, b := range c.test.Builds {
		files = append(files, rootfs.File{Name: b.Out, Perm: 0o755, Source: c.output(b.Out)})
	}
	for _, run := range c.test.Runs {
		sub := results.Subject{Name: strings.Join(run.Argv, " "), Status: results.Pass, Verdict: "ok", Expected: "ok"}
		for done := 0; done < run.Count && sub.Status == results.Pass; {
			n := min(batch, run.Count-done)
			if done == 0 {
				n = 1
			}
			w.tell(Event{Cell: c.Cell.Cell, Step: results.Load, Doing: fmt.Sprintf("running %s %d to %d of %d", run.Argv[0], done+1, done+n, run.Count)})
			job := vm.Job{Files: files, Commands: slices.Repeat([]guest.Command{goTestCommand(run)}, n), Budget: goTestBudget}
			out, err := ground.Machine.Run(ctx, job)
			if err != nil {
				return err
			}
			rec.Inputs.KernelName, rec.Inputs.QEMU, rec.Inputs.Accelerator = out.Release, out.QEMU, out.Accelerator
			spend(rec, out)
			rec.Boots += out.Boots
			if out.Kind == vm.HarnessErr {
				return fmt.Errorf("running %s in the virtual machine: %s", run.Argv[0], out.Error)
			}
			for i, r := range out.Results {
				verdict := endOf(r)
				if verdict == "ok" {
					continue
				}
				sub.Status, sub.Verdict, sub.Text = results.Fail, verdict, whyEnded(r)
				if run.Count > 1 {
					sub.Text = fmt.Sprintf("run %d of %d: %s", done+i+1, run.Count, sub.Text)
				}
				if err := w.keepOutput(c, rec, sub, r, out); err != nil {
					return err
				}
				break
			}
			done += n
		}
		rec.Subjects = append(rec.Subjects, sub)
	}
	conclude(rec, "ok")
	return nil
}

// goTestCommand is one run. The outputs lie at the top of the payload, as the tests have them in one directory.
func goTestCommand(run testplugin.Run) guest.Command {
	return guest.Command{
		Path: guest.PayloadDir + "/" + strings.TrimPrefix(run.Argv[0], "./"), Args: run.Argv, Dir: guest.PayloadDir,
		Env:       []string{"PATH=/usr/bin:/bin", "HOME=/tmp", "TMPDIR=/tmp", "PWD=" + guest.PayloadDir, "LD_LIBRARY_PATH=" + guest.PayloadDir},
		IdleLimit: int(run.Timeout.Seconds()),
	}
}

// endOf is a program's end as a verdict.
func endOf(r vm.Result) string {
	switch {
	case r.Kind != vm.Exited:
		return string(r.Kind) // "throw", "signal", "hang", "oom", "not-started", "guest-panic", "not-reached"
	case r.Exit != 0:
		return fmt.Sprintf("exit %d", r.Exit)
	}
	return "ok"
}

// whyEnded is the line of its output that says why a program ended as it did.
func whyEnded(r vm.Result) string {
	var parts []string
	if r.Kind == vm.Signalled {
		parts = append(parts, fmt.Sprintf("signal %d", r.Signal))
	}
	if r.Error != "" {
		parts = append(parts, r.Error)
	}
	if line := LastLine(r); line != "" {
		parts = append(parts, line)
	} else if line := lastOf(string(r.Stdout)); line != "" {
		parts = append(parts, line)
	}
	if len(parts) == 0 {
		return "it said nothing"
	}
	return strings.Join(parts, ": ")
}

// keepOutput writes all that a failed program said into the record's log, beneath the run.
func (w *Worker) keepOutput(c *cell, rec *results.Record, sub results.Subject, r vm.Result, out *vm.Outcome) error {
	mode := os.O_APPEND
	if rec.Log == "" {
		rec.Log, mode = "failures/"+string(c.ID())+".log", os.O_TRUNC
	}
	file := filepath.Join(w.Dir, filepath.FromSlash(rec.Log))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|mode, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n%s: %s: %s\n\nstandard output:\n%s\nstandard error:\n%s\nconsole:\n%s\n", c.Cell.Cell, sub.Name, sub.Verdict, sub.Text, r.Stdout, r.Stderr, out.Console)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	return err
}
