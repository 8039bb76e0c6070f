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
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images/rootfs"
	"github.com/plugproof/plugproof/results"
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
	c.sight = &sight{cmd: cmd, job: job, out: out, kernel: ground.Machine.Kernel, image: ground.Machine.Initrd}
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
