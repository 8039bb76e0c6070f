package links

import (
	"io/fs"
	"os"
)

// Dir is a directory that holds a root file system: symbolic links in it, absolute ones too, stay inside it. Its files can
// be read at random. Errors are *fs.PathError.
func Dir(dir string) fs.FS { return rootDir(dir) }

type rootDir string

func (d rootDir) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	real, err := Follow(name, func(name string) (string, bool) {
		to, err := os.Readlink(string(d) + "/" + name)
		return to, err == nil // what is no link, or is not there: Open will say
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	root, err := os.OpenRoot(string(d)) // guards against links that change while we look
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(real)
}
