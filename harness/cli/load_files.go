package cli

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/images/rootfs"
)

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
