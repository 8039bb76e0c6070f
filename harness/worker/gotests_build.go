package worker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/testplugin"
	"github.com/plugproof/plugproof/results"
)

// together is how many outputs of a test are built at once: while one waits for another second, the next one works.
const together = 3

// buildGoTest builds a test's outputs twice, looks at them with the test's tools, and leaves the record of the rebuild step.
func (w *Worker) buildGoTest(ctx context.Context, pc plan.Cell, tc testplugin.Case) (*cell, error) {
	begun := w.Now()
	c, err := w.begin(ctx, pc)
	c.test = &tc
	if err != nil {
		c.fail(err)
	}
	rec := results.Record{Cell: pc.Cell, Step: results.Rebuild, Status: results.Pass, Inputs: c.inputs}
	if c.trouble == nil {
		if err := w.outputs(ctx, c, &rec); err != nil {
			return c, err
		}
	}
	if c.trouble != nil && len(rec.Subjects) == 0 {
		rec.Status, rec.Reason = results.Error, c.reason
	} else {
		conclude(&rec, identical)
	}
	if c.trouble == nil {
		if err := w.tools(ctx, c, &rec); err != nil {
			return c, err
		}
	}
	if !c.plans(results.Rebuild) {
		return c, nil
	}
	c.bad = rec.State() != results.AsExpected
	return c, w.record(ctx, rec, begun)
}

// outputs makes the outputs and puts them into the cell's directory under the names that the test gives them. What an earlier test of the
// same Go and architecture has built is not built again, and its time is counted there.
func (w *Worker) outputs(ctx context.Context, c *cell, rec *results.Record) error {
	shared := filepath.Join(w.Scratch, testplugin.Module, "built")
	if err := os.MkdirAll(shared, 0o777); err != nil {
		return err
	}
	base := strings.Join([]string{c.Arch, c.Libc, c.HostGo}, "\x00")
	side := together
	if !w.goWarm[base] { // the first builds compile the standard library, each mode its own
		w.goWarm[base], side = true, 1
	}
	builds := c.test.Builds
	fresh := make([]*twins, len(builds))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(side)
	for i, b := range builds {
		key := base + "\x00" + b.Key()
		if b.Copy != "" || w.goBuilt[key] != nil {
			continue
		}
		name := fmt.Sprintf("%s-%s-%d-%d", c.Arch, c.HostGo, len(w.goBuilt), i)
		g.Go(func() error {
			fresh[i] = w.goTestTwins(gctx, c, b, shared, name)
			return nil
		})
	}
	g.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, b := range builds {
		if b.Copy != "" {
			continue
		}
		key := base + "\x00" + b.Key()
		if fresh[i] != nil {
			w.goBuilt[key] = fresh[i]
		}
		m := w.goBuilt[key]
		if fresh[i] == nil {
			m = m.again()
		}
		own := *m
		own.job.Subject, own.name = b.Out, b.Out
		own.into(c, rec)
		if m.file.path == "" || m.err != nil {
			continue
		}
		if err := place(m.file.path, c.output(b.Out)); err != nil {
			c.fail(err)
		}
	}
	for _, b := range builds {
		if b.Copy == "" || c.trouble != nil {
			continue
		}
		if err := place(c.output(b.Copy), c.output(b.Out)); err != nil {
			c.fail(err)
		}
	}
	return nil
}

// goTestTwins builds one output twice. Side b's file is not needed once it was found to be identical.
func (w *Worker) goTestTwins(ctx context.Context, c *cell, b testplugin.Build, dir, name string) *twins {
	t := &twins{job: goTestJob(c, b), name: name}
	job := c.job(t.job, name, b.Mode == testplugin.Plugin)
	job.Out = dir
	w.tell(Event{Cell: c.Cell.Cell, Step: results.Rebuild, Doing: "building " + b.Out + " twice"})
	if t.result, t.err = w.Builder.Twins(ctx, job); t.err != nil || t.result.Failed != nil {
		return t
	}
	t.file = file{t.result.A.File, t.result.A.SHA256, t.result.A.Size}
	if t.result.Identical {
		os.Remove(t.result.B.File)
		return t
	}
	t.diff, t.err = diff(t.result.A.File, t.result.B.File)
	return t
}

// output is the file of one of a test's outputs.
func (c *cell) output(name string) string { return filepath.Join(c.dir, filepath.FromSlash(name)) }

// place gives a file another name, or copies it where that cannot be.
func place(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o777)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err2 := out.Close(); err == nil {
		err = err2
	}
	return err
}

// tools runs what the test does with the go command on its outputs. Each must succeed and print something.
func (w *Worker) tools(ctx context.Context, c *cell, rec *results.Record) error {
	g := c.gos[c.HostJob.Go]
	for _, argv := range c.test.Tools {
		sub := results.Subject{Name: "go " + strings.Join(argv, " "), Status: results.Pass, Verdict: "ok", Expected: "ok"}
		w.tell(Event{Cell: c.Cell.Cell, Step: results.Rebuild, Doing: sub.Name})
		home := filepath.Join(w.Scratch, testplugin.Module, "home")
		if err := os.MkdirAll(home, 0o777); err != nil {
			return err
		}
		var out, said bytes.Buffer
		// Since 1.25 the go command compiles tools that no build needs when they are asked for: for this machine, into a cache.
		res, err := proc.Run(ctx, proc.Cmd{Path: filepath.Join(g.GOROOT, "bin", "go"), Args: argv, Dir: c.dir, Stdout: &out, Stderr: &said,
			Env: []string{"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home, "GOENV=off", "GOTOOLCHAIN=local", "GOPROXY=off", "GOFLAGS=", "GOWORK=off",
				"GO111MODULE=off", "CGO_ENABLED=0", "GOCACHE=" + filepath.Join(w.Builder.Cache, "gocache", "fetch")}})
		rec.Spend(results.PhaseBuild, res.CPU().Seconds())
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("running %s: %w", sub.Name, err)
		case !res.OK():
			sub.Status, sub.Verdict, sub.Text = results.Fail, verdictOf(res), lastOf(said.String())
		case out.Len() == 0:
			sub.Status, sub.Verdict, sub.Text = results.Fail, "silent", "it printed nothing"
		}
		rec.Subjects = append(rec.Subjects, sub)
		if results.Worse(rec.Status, sub.Status) != rec.Status {
			rec.Status, rec.Verdict, rec.Expected = sub.Status, sub.Verdict, sub.Expected
		}
	}
	return nil
}

func verdictOf(r proc.Result) string {
	if r.Signal != 0 {
		return "signal"
	}
	return fmt.Sprintf("exit %d", r.ExitCode)
}

func lastOf(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// goTestState is what the tests of one run have in common.
type goTestState struct {
	goTests map[results.CellID]testplugin.Case
	goBuilt map[string]*twins // by architecture, libc, Go and testplugin.Build.Key
	goWarm  map[string]bool   // by architecture, libc and Go: the standard library has been compiled
}

func newGoTestState() goTestState {
	return goTestState{map[results.CellID]testplugin.Case{}, map[string]*twins{}, map[string]bool{}}
}
