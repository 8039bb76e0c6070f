package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images/rootfs"
)

// seen is what became of a sequence for real.
type seen struct {
	Kind     string         `json:"kind"` // how the process ended: vm.Kind
	Plugins  []guest.Plugin `json:"plugins"`
	LastLine string         `json:"last_line"` // of its standard error
	Where    string         `json:"where"`     // kernel and accelerator, or "native"
}

// perMachine is how many sequences, each a process of its own, one virtual machine runs at most.
const perMachine = 40

// hangLimit is after how many idle seconds a process counts as hung.
const hangLimit = 3

// inMachine runs sequences of one target in one restored machine.
func inMachine(ctx context.Context, m *vm.Machine, scenes []*scene) ([]*seen, time.Duration, error) {
	job := vm.Job{Budget: 10 * time.Minute}
	have := map[string]bool{}
	for _, sc := range scenes {
		for _, f := range sc.files {
			if have[f.name] {
				continue
			}
			have[f.name] = true
			perm := uint32(0o755)
			job.Files = append(job.Files, rootfs.File{Name: f.name, Perm: perm, Source: f.local, Target: f.target, Dir: f.dir})
		}
		host := guest.PayloadDir + "/" + sc.names[0]
		var paths []string
		for i := range sc.plugins {
			paths = append(paths, sc.given(i, guest.PayloadDir))
		}
		job.Commands = append(job.Commands, guest.Command{Path: host, Args: append([]string{host}, paths...), Env: []string{"PATH=/bin", "HOME=/tmp"},
			Dir: guest.PayloadDir, Report: true, IdleLimit: hangLimit})
		job.Plugins = append(job.Plugins, paths)
	}
	out, err := m.Run(ctx, job)
	if err != nil {
		return nil, 0, err
	}
	if out.Kind != vm.Exited {
		return nil, out.CPU, fmt.Errorf("the machine ended as %s: %s\n%s", out.Kind, out.Error, out.Console)
	}
	where := fmt.Sprintf("Linux %s, QEMU %s %s", out.Release, out.QEMU, out.Accelerator)
	var all []*seen
	for _, r := range out.Results {
		all = append(all, &seen{string(r.Kind), r.Plugins, lastLine(r.Stderr), where})
	}
	return all, out.CPU, nil
}

// natively runs a sequence on this machine, below base.
func natively(ctx context.Context, sc *scene, base string) (*seen, time.Duration, error) {
	if err := sc.spread(base); err != nil {
		return nil, 0, err
	}
	var paths []string
	for i := range sc.plugins {
		paths = append(paths, sc.given(i, base))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	var stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	limit := time.AfterFunc(20*time.Second, cancel) // of waiting for a process that hangs
	defer limit.Stop()
	p, err := proc.Start(ctx, proc.Cmd{Path: path.Join(base, sc.names[0]), Args: paths, Dir: base, Env: []string{"PATH=/bin", "HOME=" + base},
		Stdout: io.Discard, Stderr: &stderr, ExtraFiles: []*os.File{w}})
	w.Close()
	if err != nil {
		return nil, 0, err
	}
	report, readErr := io.ReadAll(io.LimitReader(r, 1<<20))
	res, err := p.Wait()
	fate, kind := guest.FateExit, vm.Exited
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		fate, kind = guest.FateHang, vm.Hung
	case err != nil:
		return nil, 0, err
	case readErr != nil:
		return nil, 0, readErr
	case res.Signal != 0:
		fate, kind = guest.FateSignal, vm.Signalled
	case res.ExitCode != 0:
		fate, kind = guest.FateThrow, vm.Thrown
	}
	got := guest.ReadReport(report, paths, fate)
	return &seen{string(kind), got.Plugins, lastLine(stderr.Bytes()), "native"}, res.CPU(), nil
}

func lastLine(b []byte) string {
	for _, line := range bytes.Split(b, []byte("\n")) {
		for _, word := range []string{"fatal error: ", "panic: ", "SIG", "unexpected fault address", "runtime: "} {
			if bytes.HasPrefix(line, []byte(word)) {
				return string(line)
			}
		}
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return string(line)
}

// nativeDir is where glibc's files are run.
func (a *agree) nativeDir() string { return filepath.Join(a.shop.dir, "native") }
