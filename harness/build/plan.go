package build

import (
	"cmp"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
)

// Dirs are the other directories in which a cell's artifacts are built: what NewTree needs besides the project.
func Dirs(c plan.Cell) (dirs []string) {
	if c.HostJob.Package != "" && c.HostJob.Dir != "" {
		dirs = append(dirs, c.HostJob.Dir)
	}
	for _, p := range c.Plugins {
		if p.Package != "" && p.Dir != "" {
			dirs = append(dirs, p.Dir)
		}
	}
	return dirs
}

// TreeOf finds the tree of a cell's project, as NewTree does. The cell's shipped files, wherever they lie, count among its sources.
func TreeOf(c plan.Cell, skip ...string) (*Tree, error) {
	t, err := NewTree(c.Project.Dir, Dirs(c), skip...)
	if err != nil {
		return nil, err
	}
	for _, j := range c.Jobs() {
		if given := cmp.Or(j.File, j.Lock); given != "" {
			t.given = append(t.given, given)
		}
	}
	return t, nil
}

// JobOf makes the job of one artifact of a cell; Out and Name are left to the caller. All jobs of a project must share a Tree.
func JobOf(t *Tree, cell plan.Cell, j plan.Job, plugin bool, g toolchain.Go, c toolchain.C) Job {
	out := Job{Tree: t, Subject: j.Subject, Plugin: plugin, Dir: j.Dir, Package: j.Package, Version: j.Version, Arch: cell.Arch, Go: g, C: c,
		Flags: j.Flags, Env: j.Env, Before: cell.Before, Command: cell.Command, Limit: cell.Limit}
	if j.Version != "" { // a published module is not generated, nor built by the project's command
		out.Before, out.Command = nil, nil
	}
	return out
}
