package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/verify/actions"
	"github.com/plugproof/plugproof/verify/cause"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

// sourced names the causes with the sources at hand: both sides are built once more, the go command says what entered its hashes, and
// that is put beside what the files say.
func (w *world) sourced(ctx context.Context, p pair, dir string, files *elfdiff.Report) ([]string, error) {
	var said [2]actions.Side
	for i, side := range []string{"a", "b"} {
		job, surroundings, err := w.job(ctx, p, side, false, dir)
		if err != nil {
			return nil, err
		}
		if said[i], err = w.logged(ctx, job, surroundings); err != nil {
			return nil, fmt.Errorf("asking what entered side %s of %s: %w", side, p.name(), err)
		}
	}
	edited, err := w.edited(p)
	if err != nil {
		return nil, err
	}
	at := actions.Compare(said[0], said[1])
	names := []string{}
	for _, c := range cause.Together(cause.FromActions(at), files.Causes) {
		id := c.ID
		if id == "source-edit" && len(p.leak.Both.Before)+len(p.leak.A.Before) > 0 && !touches(at, edited) {
			id = "generated-input" // the trees are equal: the file that differs was made by the build
		}
		if id != "unknown" {
			names = append(names, id)
		}
	}
	return names, nil
}

// logged builds a job from its side's lasting cache, with logs.
func (w *world) logged(ctx context.Context, job build.Job, surroundings string) (actions.Side, error) {
	lab, err := w.builder.Lab(ctx, job)
	if err != nil {
		return actions.Side{}, err
	}
	defer lab.Close()
	on := vary.None()
	if surroundings == "b" {
		on = vary.Default()
	}
	made, err := lab.Build(ctx, build.Order{Side: surroundings, On: on, Warm: true, Log: true})
	switch {
	case err != nil:
		return actions.Side{}, err
	case made.Failed != nil:
		return actions.Side{}, fmt.Errorf("%s: %s", made.Failed.Op, made.Failed.Text)
	case made.Unread != nil:
		return actions.Side{}, made.Unread
	}
	return made.Actions, nil
}

// edited are the base names of the files that differ between the sides' trees before anything is built.
func (w *world) edited(p pair) (map[string]bool, error) {
	root, err := os.MkdirTemp(w.work, "trees-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	trees := map[string]map[string][]byte{}
	for _, side := range []string{"a", "b"} {
		dir := filepath.Join(root, side)
		if err := p.leak.Extract(dir, side, false); err != nil {
			return nil, err
		}
		tree := map[string][]byte{}
		err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				rel, _ := filepath.Rel(dir, file)
				tree[rel], err = os.ReadFile(file)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		trees[side] = tree
	}
	out := map[string]bool{}
	for _, pass := range [][2]string{{"a", "b"}, {"b", "a"}} {
		for name, text := range trees[pass[0]] {
			if other, ok := trees[pass[1]][name]; !ok || !bytes.Equal(text, other) {
				out[filepath.Base(name)] = true
			}
		}
	}
	return out, nil
}

// touches reports whether a source file that differs by itself was edited.
func touches(at *actions.Attribution, edited map[string]bool) bool {
	for _, r := range at.Roots {
		if name, ok := strings.CutPrefix(r.Key, "file "); ok && edited[path.Base(name)] {
			return true
		}
	}
	return false
}
