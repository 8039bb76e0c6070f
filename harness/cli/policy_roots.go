package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/verify/policy"
)

// root finds or reads the checkout in which a job is built, and returns its index.
func (e *evidence) root(tree *build.Tree, j plan.Job) (int, error) {
	dir, _, err := plan.Module(filepath.Join(e.project.Dir, filepath.FromSlash(j.Dir)))
	if err != nil {
		return 0, err
	}
	for _, flag := range slices.Concat(j.Flags, strings.Fields(j.Env["GOFLAGS"])) {
		if name, _, _ := strings.Cut(strings.TrimLeft(flag, `-'"`), "="); name == "modfile" || name == "overlay" {
			e.lose(e.RulesFile, "%s of %s puts something else in the place of what was looked at", flag, j.Subject)
		}
	}
	if v := j.Env["GOWORK"]; v != "" && v != "off" {
		e.lose(e.RulesFile, "GOWORK=%s of %s puts something else in the place of what was looked at", v, j.Subject)
	}
	work := ""
	if tree.Work && j.Env["GOWORK"] != "off" {
		work = upwards(dir, "go.work")
	}
	top := dir
	if work != "" {
		top = filepath.Dir(work)
	}
	if i := slices.Index(e.dirs, top); i >= 0 {
		return i, nil
	}
	r := policy.Root{Dir: top, SumFile: e.name(filepath.Join(dir, "go.sum"))}
	mods := []string{dir}
	if work != "" {
		m, err := read(e, work, policy.ParseGoWork)
		if err != nil {
			return 0, err
		}
		m.Dir = top
		r.Manifests = append(r.Manifests, m)
		for _, u := range m.Uses {
			if d := filepath.Join(top, filepath.FromSlash(u)); !slices.Contains(mods, d) {
				mods = append(mods, d)
			}
		}
	}
	for _, d := range mods {
		m, err := read(e, filepath.Join(d, "go.mod"), policy.ParseGoMod)
		if err != nil {
			return 0, err
		}
		m.Dir = d
		r.Manifests = append(r.Manifests, m)
	}
	sums := []string{}
	for _, d := range mods {
		sums = append(sums, filepath.Join(d, "go.sum"))
	}
	for _, file := range append(sums, filepath.Join(top, "go.work.sum")) {
		s, err := read(e, file, policy.ParseGoSum)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if r.Sums == nil {
			r.Sums = policy.Sums{}
		}
		r.Sums.Add(s)
	}
	e.dirs, e.Roots = append(e.dirs, top), append(e.Roots, r)
	return len(e.dirs) - 1, nil
}

// read reads and parses one small file of a checkout.
func read[T any](e *evidence, file string, parse func(string, []byte) (T, error)) (out T, err error) {
	st, err := os.Stat(file)
	if err != nil {
		return out, err
	}
	if !st.Mode().IsRegular() || st.Size() > policy.MaxManifest {
		return out, usagef("", "%q is no regular file of at most %d bytes", e.name(file), policy.MaxManifest)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return out, err
	}
	if out, err = parse(e.name(file), data); err != nil {
		return out, usagef("go mod verify and go mod tidy say more", "%w", err)
	}
	return out, nil
}

// upwards is the nearest file of a name in dir or above it, or "".
func upwards(dir, name string) string {
	for d := dir; ; d = filepath.Dir(d) {
		if st, err := os.Stat(filepath.Join(d, name)); err == nil && st.Mode().IsRegular() {
			return filepath.Join(d, name)
		}
		if d == filepath.Dir(d) {
			return ""
		}
	}
}
