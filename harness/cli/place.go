package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plugproof/plugproof/fixtures"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
)

// check looks for what the projects name and fetches the toolchains before anything is built. One that does not exist is the user's mistake and ends the run
// before it begins; one that cannot be had just now is for the records of its cells.
func (s *workshop) check(ctx context.Context, all []plan.Cell) error {
	for _, c := range all {
		if err := named(c); err != nil {
			return err
		}
	}
	_, err := s.toolchains(ctx, all)
	var e *toolchain.Error
	if errors.As(err, &e) && e.Usage {
		return err
	}
	return ctx.Err()
}

// named looks for the directories and the host file that a project names. A plugin's file that is not there is a prediction.
func named(c plan.Cell) error {
	for i, j := range c.Jobs() {
		what, name := "directory", j.Dir
		switch {
		case i == 0 && j.File != "":
			what, name = "host file", j.File
		case j.Lock != "":
			what, name = "host lock", j.Lock
		}
		if name == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(c.Project.Dir, filepath.FromSlash(name)))
		switch {
		case err != nil:
			return usagef("look at "+plan.FileName, "project %s: no %s %q", c.Cell.Project, what, name)
		case info.IsDir() != (what == "directory"):
			return usagef("look at "+plan.FileName, "project %s: %q is no %s", c.Cell.Project, name, what)
		}
	}
	return nil
}

// place extracts the archives among the cells' projects. The same archive always goes to the same place, run after run, for where
// sources lie can enter what is compiled from them.
func (s *workshop) place(all []plan.Cell) error {
	for _, c := range all {
		p := c.Project
		if p.Dir != "" {
			continue
		}
		archive := s.app.archives[p]
		if archive == nil {
			return fmt.Errorf("placing project %q: it is neither a directory nor an archive", p.Name)
		}
		dir := filepath.Join(s.builder.Cache, "projects", archive.Digest.Hex()[:24], cmp.Or(filepath.Base(archive.Name), "project"))
		if err := extracted(archive, dir); err != nil {
			return err
		}
		p.Place(dir)
	}
	return nil
}

// extracted makes sure that dir holds the archive's files and nothing else.
func extracted(archive *fixtures.Archive, dir string) error {
	if archive.In(dir) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("placing %s: %w", archive.Name, err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return fmt.Errorf("placing %s: %w", archive.Name, err)
	}
	defer os.RemoveAll(fresh)
	if err := archive.Extract(filepath.Join(fresh, "new")); err != nil {
		return err
	}
	os.Rename(dir, filepath.Join(fresh, "old")) // if it is there, it is not what it should be
	err = os.Rename(filepath.Join(fresh, "new"), dir)
	if err != nil && !archive.In(dir) { // else another process was quicker
		return fmt.Errorf("placing %s: %w", archive.Name, err)
	}
	return nil
}
