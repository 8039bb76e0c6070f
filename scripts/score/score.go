package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/verify/elfdiff"
)

// atOnce is how many pairs are worked on at the same time.
const atOnce = 2

// score builds, compares and judges each case.
func (w *world) score(ctx context.Context, cases []pair) ([]finding, error) {
	found := make([]finding, len(cases))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, p := range cases {
		g.Go(func() error {
			f, err := w.one(ctx, p)
			if err != nil {
				return err
			}
			found[i] = f
			fmt.Fprintf(os.Stderr, "score: %s\n", f.line())
			return nil
		})
	}
	return found, g.Wait()
}

// one does everything for one case.
func (w *world) one(ctx context.Context, p pair) (finding, error) {
	dir := filepath.Join(w.work, "trees", p.leak.Name+"-"+p.goName+"-"+p.arch)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return finding{}, err
	}
	defer os.RemoveAll(dir)
	a, err := w.build(ctx, p, "a", false, dir)
	if err != nil {
		return finding{}, err
	}
	b, err := w.build(ctx, p, "b", false, dir)
	if err != nil {
		return finding{}, err
	}
	f := finding{Case: p.name(), leak: p.leak, Expected: p.leak.Cause, BuildCPU: (a.cpu + b.cpu).Seconds()}
	if f.report, err = w.diff(ctx, &f, a.file, b.file); err != nil {
		return f, err
	}
	if w.fixes && !p.leak.Control() {
		if f.Sourced, err = w.sourced(ctx, p, dir, f.report); err != nil {
			return f, err
		}
	}
	if f.fixes = w.fixes && p.leak.Fix != nil; f.fixes {
		if f.Fixed, err = w.cured(ctx, p, dir); err != nil {
			return f, err
		}
	}
	f.judge()
	f.report = nil // this process must stay small: a child's peak counts what it was before it became another program
	if w.keep == "" {
		os.RemoveAll(w.out(p))
	}
	return f, nil
}

// diff asks plugproof, twice: the second answer must be the first, byte for byte.
func (w *world) diff(ctx context.Context, f *finding, a, b string) (*elfdiff.Report, error) {
	var first []byte
	debug.FreeOSMemory()
	for range 2 {
		cmd := exec.CommandContext(ctx, w.command, "diff", "--json", a, b)
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		cmd.WaitDelay = time.Second
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			return nil, fmt.Errorf("comparing %s: %w: %s", f.Case, err, said.String())
		}
		u := cmd.ProcessState
		cpu := (u.UserTime() + u.SystemTime()).Seconds()
		if rss, ok := u.SysUsage().(*syscall.Rusage); ok {
			f.MB = max(f.MB, float64(rss.Maxrss)/1024)
		}
		if first == nil {
			f.CPU, first = cpu, out.Bytes()
			continue
		}
		f.CPU = min(f.CPU, cpu) // the lesser: the machine is shared
		f.Stable = bytes.Equal(first, out.Bytes())
	}
	r := new(elfdiff.Report)
	if err := json.Unmarshal(first, r); err != nil {
		return nil, fmt.Errorf("reading plugproof's answer on %s: %w", f.Case, err)
	}
	return r, nil
}

// cured builds the pair again with the fix and reports whether it came out equal.
func (w *world) cured(ctx context.Context, p pair, dir string) (bool, error) {
	var sum [2][]byte
	for i, side := range []string{"a", "b"} {
		s, err := w.build(ctx, p, side, true, dir)
		if err != nil {
			return false, err
		}
		if sum[i], err = os.ReadFile(s.file); err != nil {
			return false, err
		}
	}
	return bytes.Equal(sum[0], sum[1]), nil
}
