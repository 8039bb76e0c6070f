package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/plugproof/plugproof/harness/build"
)

// clean removes a cell's files, or keeps them beneath the run if something was not as expected.
func (w *Worker) clean(c *cell) {
	defer w.shelf.done(c)
	defer os.RemoveAll(c.dir) // gone already if it was moved
	lost := func(what string, err error) {
		if err != nil {
			w.tell(Event{Cell: c.Cell.Cell, Lost: what + " could not be kept: " + err.Error()})
		}
	}
	if w.Built != "" && !c.bad && c.trouble == nil {
		lost("what was built", c.handOut(filepath.Join(w.Built, c.ID().Short())))
	}
	if w.Dir == "" {
		return
	}
	kept := filepath.Join(w.Dir, failuresDir, string(c.ID()))
	err := os.RemoveAll(kept) // of an earlier attempt, which a resumed run makes again
	if c.bad && c.trouble == nil {
		if err == nil {
			err = c.moveTo(kept)
		}
		if err == nil {
			err = w.shelf.lend(c, kept)
		}
		lost("its files", err)
	}
}

// failuresDir holds, beneath the run, the folders of cells that are not as expected.
const failuresDir = "failures"

// moveTo moves the cell's files to a directory that is not there yet, also on another file system: then it is there whole or not at all.
func (c *cell) moveTo(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	err := os.Rename(c.dir, dir)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	fresh := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir))
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	defer os.RemoveAll(fresh)  // gone after the rename
	own := map[string]string{} // what lies beneath the run already: there are links to it
	for _, f := range c.machine {
		own[filepath.Join(loadDir, filepath.FromSlash(f.Name))] = f.Source
	}
	err = filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(c.dir, path)
		if err != nil {
			return err
		}
		to := filepath.Join(fresh, rel)
		if own[rel] != "" {
			return place(own[rel], to)
		}
		info, err := d.Info()
		if err == nil {
			err = place(path, to)
		}
		if err != nil {
			return err
		}
		return os.Chmod(to, info.Mode().Perm())
	})
	if err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// handOut puts what the cell built into dir: host, plugins under the names that the guest saw them by, and the probe where there is one.
func (c *cell) handOut(dir string) error {
	files := map[string]string{}
	if c.HostJob.Package != "" {
		files[hostName] = c.host.path
	}
	for i, p := range c.plugins {
		if c.Plugins[i].Package == "" {
			continue
		}
		name := filepath.Base(guestPath(c, i))
		if files[name] != "" {
			name = fmt.Sprintf("%d-%s", i, name)
		}
		files[name] = p.path
	}
	if c.probe.path != "" {
		files["probe"] = c.probe.path
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, build.Mark), []byte(c.Cell.Cell.String()+"\n"), 0o666); err != nil {
		return err
	}
	for name, from := range files {
		to := filepath.Join(dir, name)
		if err := os.Remove(to); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := place(from, to); err != nil {
			return err
		}
	}
	return nil
}
