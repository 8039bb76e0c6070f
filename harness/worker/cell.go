package worker

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/testplugin"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/images/rootfs"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/abi"
)

// cell is a plan.Cell on its way.
type cell struct {
	plan.Cell
	dir     string // for its artifacts
	inputs  results.Inputs
	tree    *build.Tree
	c       toolchain.C
	gos     map[plan.GoSpec]toolchain.Go
	host    file
	plugins []file
	mute    error // why there is no probe although there should be one
	probe   file  // empty if the host is a file, or nothing is to be loaded
	report  *abi.Report
	test    *testplugin.Case // the cell is one of Go's own plugin tests; nil otherwise
	trouble error            // nothing further can be learned of this cell
	reason  string           // the same in words, for the records of the steps that were not reached
	bad     bool             // a record is not as expected: keep the files
	sight   *sight           // what the load showed; nil if there was none
	machine []rootfs.File    // of a load that is kept: its machine's files in loadDir, from beneath the run
}

// file is something that was built, or shipped.
type file struct {
	path   string
	sha256 results.Digest
	size   int64
}

func (f file) artifact(name string) results.Artifact {
	return results.Artifact{Name: name, SHA256: f.sha256, Size: f.size}
}

func shipped(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer would block for ever
	if err != nil {
		return file{}, fmt.Errorf("reading the shipped file: %w", err)
	}
	defer f.Close()
	d, n, err := results.DigestReader(f)
	if err != nil {
		return file{}, fmt.Errorf("reading the shipped file %q: %w", path, err)
	}
	return file{path, d, n}, nil
}

// steps reports whether the cell plans a step.
func (c *cell) plans(s results.Step) bool { return slices.Contains(c.Steps, s) }

// begin finds the toolchains and the sources' digest.
func (w *Worker) begin(ctx context.Context, pc plan.Cell) (*cell, error) {
	c := &cell{Cell: pc, gos: map[plan.GoSpec]toolchain.Go{}, dir: filepath.Join(w.Scratch, string(pc.ID()))}
	c.inputs.Isolation = maps.Clone(w.Words)
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return c, err
	}
	var err error
	if c.c, err = w.Store.C(ctx, pc.Arch, pc.Libc, toolchain.Elsewhere(pc.CC, w.Path)); err != nil {
		return c, err
	}
	c.inputs.CC, c.inputs.Libc = c.c.Digest, c.c.LibcDigest
	var plugins []results.Digest
	for i, j := range pc.Jobs() {
		if j.Go == (plan.GoSpec{}) { // a file, or a lock
			continue
		}
		g, ok := c.gos[j.Go]
		if !ok {
			if g, err = w.goOf(ctx, pc, j.Go); err != nil {
				return c, err
			}
			c.gos[j.Go] = g
		}
		if i == 0 {
			c.inputs.HostGo = g.Digest
		} else if !slices.Contains(plugins, g.Digest) {
			plugins = append(plugins, g.Digest)
		}
	}
	c.inputs.PluginGo = join(plugins)
	if c.tree, err = w.tree(pc); err != nil {
		return c, err
	}
	if c.inputs.Sources, err = c.tree.Sources(); err != nil {
		return c, err
	}
	return c, nil
}

// join is the one digest, or a digest of several.
func join(list []results.Digest) results.Digest {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	slices.Sort(list)
	return results.DigestOf([]byte(fmt.Sprint(list)))
}

func (w *Worker) goOf(ctx context.Context, pc plan.Cell, spec plan.GoSpec) (toolchain.Go, error) {
	name := spec.Name
	if spec.Path != "" {
		path := spec.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(pc.Project.Dir, path)
		}
		name = spec.Name + "=path:" + path
	}
	return w.Store.Go(ctx, name)
}

// tree is the project's source tree, found once.
func (w *Worker) tree(pc plan.Cell) (*build.Tree, error) {
	w.treeMu.Lock()
	defer w.treeMu.Unlock()
	if t, ok := w.trees[pc.Project]; ok {
		return t, nil
	}
	skip := []string{w.Scratch, w.Store.Cache}
	if w.Dir != "" {
		skip = append(skip, w.Dir)
	}
	t, err := build.TreeOf(pc, skip...)
	if err != nil {
		return nil, err
	}
	w.trees[pc.Project] = t
	return t, nil
}

// ground is the machine of the cell's architecture, made once.
func (w *Worker) ground(ctx context.Context, c *cell) (*Ground, error) {
	w.mu.Lock()
	key := c.Arch + " " + c.Libc
	get, ok := w.grounds[key]
	if !ok {
		get = sync.OnceValues(func() (*Ground, error) { return w.Ground(ctx, c.Arch, c.Libc) })
		w.grounds[key] = get
	}
	w.mu.Unlock()
	return get()
}

// job is what the builder is told about one artifact.
func (c *cell) job(j plan.Job, name string, plugin bool) build.Job {
	job := build.JobOf(c.tree, c.Cell, j, plugin, c.gos[j.Go], c.c)
	job.Out, job.Name = c.dir, name
	return job
}

// fetch has what an artifact needs downloaded, the only step of a cell that may use the network.
func (w *Worker) fetch(ctx context.Context, c *cell, j build.Job) error {
	w.tell(Event{Cell: c.Cell.Cell, Step: results.Rebuild, Doing: "fetching modules for " + j.Subject})
	_, err := w.Builder.Fetch(ctx, j)
	return err
}
