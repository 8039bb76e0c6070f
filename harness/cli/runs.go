package cli

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/plugproof/plugproof/results/store"
)

// runDir finds the directory of a RUN argument: an id under results/runs of -C, or a directory. "" is the last run.
func (a *app) runDir(arg string) (string, error) {
	runs := store.Dir(a.dir)
	if arg == "" {
		ids, err := store.List(runs)
		if err != nil {
			return "", err
		}
		if len(ids) == 0 {
			return "", usagef("name a run's directory", "no runs under %q", runs)
		}
		return filepath.Join(runs, ids[len(ids)-1]), nil
	}
	dir := a.path(arg)
	if store.IsID(arg) {
		if info, err := os.Stat(filepath.Join(runs, arg)); err == nil && info.IsDir() {
			return filepath.Join(runs, arg), nil
		}
	}
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", usagef("a run is an id under results/runs or a directory", "no run %q", arg)
	}
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", usagef("a run is an id under results/runs or a directory", "%q is not a directory", arg)
	}
	return dir, nil
}

// readRun reads the run of a RUN argument and says on stderr what was dropped.
func (a *app) readRun(arg string) (string, store.Contents, error) {
	dir, err := a.runDir(arg)
	if err != nil {
		return "", store.Contents{}, err
	}
	a.talk("reading run %s", dir)
	c, err := store.Read(dir)
	if err != nil {
		return "", c, incompletef("a damaged run cannot be judged; run it again", "%w", err)
	}
	if c.Torn > 0 {
		a.note("dropped a torn last line of %d bytes in %q", c.Torn, dir)
	}
	return dir, c, nil
}

// optional is the only argument, or "".
func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
