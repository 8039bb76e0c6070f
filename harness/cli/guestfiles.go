package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/images/rootfs"
)

// workDir is the folder of the payload that commands start in.
const workDir = "work"

// guestTree collects what goes into a guest, by its place on the payload disk. What is put in later wins.
type guestTree struct {
	app   *app
	files map[string]rootfs.File
}

func (a *app) newGuestTree() *guestTree {
	t := &guestTree{app: a, files: map[string]rootfs.File{}}
	t.files[workDir] = rootfs.File{Name: workDir, Dir: true, Perm: 0o755}
	return t
}

// pairs puts in what --file HERE=THERE names: files and whole folders, THERE below the folder that commands start in.
func (t *guestTree) pairs(pairs []string) error {
	const hint = "write --file HERE=THERE, with THERE relative to " + guest.PayloadDir + "/" + workDir
	for _, pair := range pairs {
		here, there, ok := strings.Cut(pair, "=")
		if !ok || !filepath.IsLocal(there) {
			return usagef(hint, "file %q is no pair of paths", pair)
		}
		if err := t.put(t.app.path(here), path.Join(workDir, filepath.ToSlash(there))); err != nil {
			return usagef(hint, "%w", err)
		}
	}
	return t.check(hint)
}

// put puts in a file, or a folder with all that is in it. Links inside a folder stay links; sockets and the like are left out.
func (t *guestTree) put(here, there string) error {
	info, err := os.Stat(here)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%q is neither a file nor a folder", here)
		}
		t.files[there] = rootfs.File{Name: there, Perm: uint32(info.Mode().Perm()), Source: here}
		return nil
	}
	root, err := filepath.EvalSymlinks(here)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		f := rootfs.File{Name: path.Join(there, filepath.ToSlash(rel))}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f.Perm = uint32(info.Mode().Perm())
		switch {
		case d.IsDir():
			f.Dir = true
		case info.Mode().IsRegular():
			f.Source = file
		case info.Mode().Type() == fs.ModeSymlink:
			if f.Target, err = os.Readlink(file); err != nil {
				return err
			}
		default:
			t.app.talk("%s is no regular file and stays here", file)
			return nil
		}
		t.files[f.Name] = f
		return nil
	})
}

// list is the files by name.
func (t *guestTree) list() []rootfs.File {
	var list []rootfs.File
	for _, f := range t.files {
		list = append(list, f)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// guestEnv is the environment of a guest's command: a small base and the pairs of --env.
func guestEnv(pairs []string) ([]string, error) {
	env := []string{"PATH=/usr/bin:/bin:/sbin", "HOME=/tmp", "TMPDIR=/tmp", "PWD=" + guest.PayloadDir + "/" + workDir}
	return addEnv(env, pairs)
}

// addEnv is the environment with the pairs of --env; of a name that is given twice the last value stays, for who looks one up
// may take the first.
func addEnv(base, pairs []string) ([]string, error) {
	env := slices.Clone(base)
	for _, e := range pairs {
		name, _, ok := strings.Cut(e, "=")
		if !ok || name == "" || strings.ContainsRune(e, 0) {
			return nil, usagef("write --env NAME=VALUE", "env %q is no pair", e)
		}
		env = slices.DeleteFunc(env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		env = append(env, e)
	}
	return env, nil
}

// check says what cannot be put together: a file where a folder must be, or a name that is taken.
func (t *guestTree) check(hint string, taken ...rootfs.File) error {
	is := map[string]string{}
	for _, f := range taken {
		is[f.Name] = "the name of the host or of a plugin"
	}
	for _, f := range t.list() {
		if what := is[f.Name]; what != "" {
			return usagef(hint, "%q is %s", f.Name, what)
		}
		if !f.Dir {
			is[f.Name] = "a file, not a folder"
		}
	}
	for _, f := range append(t.list(), taken...) {
		for dir := path.Dir(f.Name); dir != "."; dir = path.Dir(dir) {
			if what := is[dir]; what != "" {
				return usagef(hint, "%q cannot hold %q: it is %s", dir, path.Base(f.Name), what)
			}
		}
	}
	return nil
}
