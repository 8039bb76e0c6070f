package cli

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/images/rootfs"
)

// loadJob puts the files on the payload disk. A plugin that is not there is left out, and one that is a folder or a link that leads nowhere stays one:
// the guest will say so.
func (a *app) loadJob(f loadFlags, host string, plugins []string) (vm.Job, []string, error) {
	const hostPath = guest.PayloadDir + "/host"
	job := vm.Job{Files: []rootfs.File{{Name: "host", Perm: 0o755, Source: a.path(host)}}}
	var paths []string
	for i, p := range plugins {
		name := fmt.Sprintf("plugins/%d/%s", i, filepath.Base(p))
		paths = append(paths, guest.PayloadDir+"/"+name)
		info, err := os.Stat(a.path(p))
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			continue
		case errors.Is(err, syscall.ELOOP):
			job.Files = append(job.Files, rootfs.File{Name: name, Target: filepath.Base(p)})
		case err != nil:
			return job, nil, err
		case info.IsDir():
			job.Files = append(job.Files, rootfs.File{Name: name, Perm: 0o755, Dir: true})
		case !info.Mode().IsRegular():
			return job, nil, usagef("name a file", "plugin %q is not a regular file", p)
		default:
			job.Files = append(job.Files, rootfs.File{Name: name, Perm: 0o644, Source: a.path(p)})
		}
	}
	more, err := a.loadFiles(f.files, job.Files)
	if err != nil {
		return job, nil, err
	}
	job.Files = append(job.Files, more...)
	args := append([]string{hostPath}, paths...)
	if f.run != "" {
		if args, err = runWords(f.run, hostPath, paths); err != nil {
			return job, nil, usagef("write it like --run '{host} --plugins {plugins}'", "--run: %w", err)
		}
	}
	env, err := addEnv(worker.BaseEnv, f.env)
	if err != nil {
		return job, nil, err
	}
	job.Commands = []guest.Command{{Path: args[0], Args: args, Env: env, Report: f.probe == nil || *f.probe}}
	job.Plugins = [][]string{paths}
	return job, paths, nil
}

// loadFiles are what --file names, files and folders; the names of host and plugins are taken.
func (a *app) loadFiles(pairs []string, taken []rootfs.File) ([]rootfs.File, error) {
	const hint = "write --file HERE=THERE, with THERE relative to " + guest.PayloadDir
	tree := &guestTree{app: a, files: map[string]rootfs.File{}}
	for _, pair := range pairs {
		here, there, ok := strings.Cut(pair, "=")
		if !ok || !filepath.IsLocal(there) {
			return nil, usagef(hint, "file %q is no pair of paths", pair)
		}
		there = path.Clean(filepath.ToSlash(there))
		if err := tree.put(a.path(here), there); err != nil {
			return nil, usagef(hint, "%w", err)
		}
		f := tree.files[there]
		switch {
		case there == "." && !f.Dir:
			return nil, usagef(hint, "file %q has no name there", pair)
		case there == ".":
			delete(tree.files, there) // it is there
		case !f.Dir:
			f.Perm |= 0o755 // it may be a program
			tree.files[there] = f
		}
	}
	if err := tree.check(hint, taken...); err != nil {
		return nil, err
	}
	return tree.list(), nil
}

// runWords are the words of --run. {plugins} as a word of its own stands for as many words as there are plugins; within one, for
// the paths with a space between them.
func runWords(run, host string, plugins []string) ([]string, error) {
	words, err := build.SplitWords(run)
	if err != nil {
		return nil, err
	}
	var args []string
	for _, word := range words {
		if word == "{plugins}" {
			args = append(args, plugins...)
			continue
		}
		args = append(args, strings.NewReplacer("{host}", host, "{plugins}", strings.Join(plugins, " ")).Replace(word))
	}
	return args, nil
}
