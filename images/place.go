package images

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// maxHops is how many links Linux follows in one path (path_resolution(7)).
const maxHops = 40

// ErrRoot is the reason why a root file system cannot become an image: what plugproof adds does not fit into it.
var ErrRoot = errors.New("the root file system does not take what a machine needs")

// tree is the root file system of an image in the making, by clean relative names.
type tree map[string]File

// newTree takes the recipe's root. A name that occurs twice is an error, unless both are directories.
func newTree(files []File) (tree, error) {
	t := make(tree, len(files)+32)
	for _, f := range files {
		if old, twice := t[f.Name]; twice && !(old.Dir && f.Dir) {
			return nil, fmt.Errorf("file %q is given twice", f.Name)
		}
		t[f.Name] = f
	}
	return t, nil
}

// put lays a file over the root: it goes where its name leads through the root's own links, as it would in the booted
// system, and nothing that is there is replaced but an equal link or a directory.
func (t tree) put(f File) error {
	name, err := t.resolve(f.Name)
	if err != nil {
		return err
	}
	if old, there := t[name]; there {
		if old.Dir && f.Dir || old.Target != "" && old.Target == f.Target {
			return nil
		}
		return fmt.Errorf("%w: file %q is in the root file system already", ErrRoot, f.Name)
	}
	f.Name = name
	t[name] = f
	return nil
}

// resolve follows the root's links in the directories of a name, and where it is a link to a directory also in its last
// element. What leads out of the root is an error.
func (t tree) resolve(name string) (string, error) {
	done, rest := "", strings.Split(name, "/")
	for hops := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		link, ok := t[next]
		if !ok || link.Target == "" || len(rest) == 0 && !t.dirBehind(link) {
			done = next
			continue
		}
		if hops++; hops > maxHops {
			return "", fmt.Errorf("%w: file %q: more than %d links", ErrRoot, name, maxHops)
		}
		target := link.Target
		if !path.IsAbs(target) {
			target = "/" + path.Join(path.Dir(next), target)
		}
		if !path.IsAbs(link.Target) && strings.HasPrefix(path.Join(path.Dir(next), link.Target), "..") {
			return "", fmt.Errorf("%w: file %q: the link %q leads out of the root", ErrRoot, name, next)
		}
		done = ""
		rest = append(strings.FieldsFunc(path.Clean(target), func(r rune) bool { return r == '/' }), rest...)
	}
	return done, nil
}

// dirBehind says that the link leads to a directory, or to something that is no file of the root.
func (t tree) dirBehind(link File) bool {
	target := link.Target
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(link.Name), target)
	}
	f, ok := t[strings.TrimPrefix(path.Clean(target), "/")]
	return !ok || f.Dir
}
