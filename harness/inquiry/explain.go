package inquiry

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/verify/actions"
)

// input is something that the project gives to its build and that comes out differently on the two sides.
type input struct {
	kind string // "flag", "env" or "file"
	name string // the flag or variable before its commands are run, or the file's name
	a, b string // its values; of a file, nothing
}

// explain names why a build with these variations (none: in the same surroundings) differs from the control. given are all inputs that differ,
// if the hashes meet once they are taken from the control; nil if it is not by them alone.
func (w *work) explain(ctx context.Context, on []string, seen *build.Built) (causes []Cause, given *build.Given, err error) {
	if seen.Failed != nil {
		return []Cause{{ID: unknown, Evidence: "it does not build there: " + seen.Failed.Op + ": " + seen.Failed.Text, Proven: true}}, nil, nil
	}
	at := actions.Compare(w.control.Actions, seen.Actions)
	inputs, err := w.inputs(seen)
	if err != nil {
		return nil, nil, err
	}
	if len(inputs) == 0 {
		return w.bySurroundings(on, at, seen), nil, nil
	}
	w.say("setting inputs of side b back")
	rest, err := w.build(ctx, build.Order{Side: "b", On: w.on.Only(on...), Given: w.given(inputs), Log: true, Keep: true})
	if err != nil {
		return nil, nil, err
	}
	if w.same(rest) {
		need, err := w.needed(ctx, on, inputs)
		if err != nil {
			return nil, nil, err
		}
		for _, in := range need {
			causes = append(causes, w.byInput(on, at, in, true))
		}
		return merge(causes), w.given(inputs), nil
	}
	// They are not all of it. Those that entered the go command's hashes made a difference; what is left is named for itself.
	for _, in := range inputs {
		if enters(in, at) {
			causes = append(causes, w.byInput(on, at, in, false))
		}
	}
	if rest.Failed == nil {
		causes = append(causes, w.bySurroundings(on, actions.Compare(w.control.Actions, rest.Actions), rest)...)
	}
	if len(causes) == 0 {
		causes = []Cause{{ID: unknown, Evidence: "flags, environment or files differ" + where(on) + ", and with side a's it does not build"}}
	}
	return merge(causes), nil, nil
}

// enters reports whether an input is among those by which actions differ.
func enters(in input, at *actions.Attribution) bool {
	return slices.ContainsFunc(at.Roots, func(r actions.Root) bool {
		file, isFile := strings.CutPrefix(r.Key, "file ")
		if in.kind == "file" {
			return isFile && filepath.Base(in.name) == filepath.Base(file)
		}
		return !isFile && !r.Unstable()
	})
}

// inputs lists what differs among the project's own inputs.
func (w *work) inputs(seen *build.Built) (list []input, err error) {
	for i, f := range w.control.Flags {
		if i < len(seen.Flags) && f != seen.Flags[i] {
			list = append(list, input{"flag", w.job.Flags[i], f, seen.Flags[i]})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(w.control.Env)) {
		if a, b := w.control.Env[k], seen.Env[k]; a != b {
			list = append(list, input{"env", k + "=" + w.job.Env[k], a, b})
		}
	}
	if len(w.job.Before)+len(w.job.Command) == 0 {
		return list, nil
	}
	files, err := differingFiles(w.control.Tree, seen.Tree)
	for _, f := range files {
		list = append(list, input{"file", f, "", ""})
	}
	return list, err
}

// needed drops from inputs that together make the hashes meet those without which the others do as well.
func (w *work) needed(ctx context.Context, on []string, inputs []input) ([]input, error) {
	need := slices.Clone(inputs)
	for i := 0; i < len(need) && len(need) > 1 && w.made < w.opt.Most/2; {
		less := slices.Concat(need[:i], need[i+1:])
		r, err := w.build(ctx, build.Order{Side: "b", On: w.on.Only(on...), Given: w.given(less)})
		if err != nil {
			return nil, err
		}
		if w.same(r) {
			need = less
			continue
		}
		i++
	}
	return need, nil
}

// given makes side B take these inputs from the control, and work out its others itself.
func (w *work) given(list []input) *build.Given {
	g := &build.Given{Tree: w.control.Tree}
	flags, env := slices.Clone(w.job.Flags), maps.Clone(w.job.Env)
	if h := w.held; h != nil {
		flags, env, g.Files = slices.Clone(h.Flags), maps.Clone(h.Env), slices.Clone(h.Files)
	}
	for _, in := range list {
		switch in.kind {
		case "flag":
			if i := slices.Index(flags, in.name); i >= 0 {
				flags[i] = in.a
			}
		case "env":
			k, _, _ := strings.Cut(in.name, "=")
			env[k] = in.a
		case "file":
			g.Files = append(g.Files, in.name)
		}
	}
	g.Flags, g.Env = flags, env
	return g
}

// maxFiles is the most files that are compared and named.
const maxFiles = 1 << 16

// differingFiles compares what the sides' own commands left in their trees.
func differingFiles(a, b string) (list []string, err error) {
	sums := map[string][2]string{}
	for i, root := range []string{a, b} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if slices.Contains([]string{".git", ".hg", ".svn", ".bzr"}, d.Name()) {
					return filepath.SkipDir
				}
				return nil
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			sum := "link"
			if d.Type().IsRegular() {
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				sum = fmt.Sprintf("%x", sha256.Sum256(data))
			} else if target, err := os.Readlink(path); err == nil {
				sum = target
			}
			both := sums[filepath.ToSlash(rel)]
			both[i] = sum
			sums[filepath.ToSlash(rel)] = both
			if len(sums) > maxFiles {
				return fmt.Errorf("the tree has more than %d files", maxFiles)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("comparing the sides' trees: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if s := sums[name]; s[0] != s[1] && filepath.Base(name) != ".plugproof-untracked" {
			list = append(list, name)
		}
	}
	return list, nil
}

// merge joins causes of one id.
func merge(list []Cause) (out []Cause) {
	for _, c := range list {
		i := slices.IndexFunc(out, func(o Cause) bool { return o.ID == c.ID })
		if i < 0 {
			out = append(out, c)
			continue
		}
		out[i].Evidence += "; " + c.Evidence
		out[i].Proven = out[i].Proven && c.Proven
		out[i].Guess = out[i].Guess || c.Guess
	}
	return out
}
