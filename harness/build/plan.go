package build

import (
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

// JobOf makes the job of one artifact of a cell; Out and Name are left to the caller. All jobs of a project must share a Tree.
func JobOf(t *Tree, cell plan.Cell, j plan.Job, plugin bool, g toolchain.Go, c toolchain.C) Job {
	out := Job{Tree: t, Subject: j.Subject, Plugin: plugin, Dir: j.Dir, Package: j.Package, Version: j.Version, Arch: cell.Arch, Go: g, C: c,
		Flags: j.Flags, Env: j.Env, Before: cell.Before, Command: cell.Command, Limit: cell.Limit}
	if j.Version != "" { // a published module is not generated, nor built by the project's command
		out.Before, out.Command = nil, nil
	}
	return out
}
