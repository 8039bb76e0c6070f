package plan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// Load reads dir's plugproof.toml. The project's Name is its module path, followed by "//" and dir's slash-separated place in the module
// if it is not the module's root. Mistakes of the user are *Error.
func Load(dir string) (*Project, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, configError("", "name a directory that holds a "+FileName, "no such directory %q", dir)
	case err != nil:
		return nil, fmt.Errorf("looking at the project: %w", err)
	case !info.IsDir():
		return nil, configError("", "name the directory that holds it", "%q is not a directory", dir)
	}
	root, mod, err := Module(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, FileName)
	data, err := readLimited(file, MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, configError("", "plugproof init writes a first one", "no %s in %q", FileName, dir)
	}
	if errors.Is(err, errNotFile) {
		return nil, configError(file, "plugproof init writes a first one into another directory", "it is not a regular file")
	}
	if err != nil {
		return nil, err
	}
	p, err := ParseProject(file, data)
	if err != nil {
		return nil, err
	}
	p.Dir, p.Root, p.Module = dir, root, mod
	if p.Name, err = identity(dir, root, mod); err != nil {
		return nil, err
	}
	return p, nil
}

// LoadAs is Load under another identity, for fixtures: "fixture:NAME".
func LoadAs(dir, name string) (*Project, error) {
	p, err := Load(dir)
	if err != nil {
		return nil, err
	}
	p.Name = name
	return p, nil
}

// Module finds the go.mod that encloses dir and returns its directory and its module path.
func Module(dir string) (root, path string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", "", fmt.Errorf("finding the module of %q: %w", dir, err)
	}
	for d := abs; ; d = filepath.Dir(d) {
		file := filepath.Join(d, "go.mod")
		data, err := readLimited(file, MaxSize)
		if err == nil {
			path = modfile.ModulePath(data)
			if path == "" {
				return "", "", configError(file, "", "it has no module line")
			}
			return d, path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotFile) {
			return "", "", err
		}
		if d == filepath.Dir(d) {
			return "", "", configError("", "a project lies in a Go module: go mod init", "no go.mod in %q or above it", dir)
		}
	}
}

func identity(dir, root, mod string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("naming the project in %q: %w", dir, err)
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		return "", fmt.Errorf("naming the project in %q: %w", dir, err)
	}
	if rel == "." {
		return mod, nil
	}
	return mod + "//" + filepath.ToSlash(rel), nil
}

var errNotFile = errors.New("not a regular file")

// readLimited reads a regular file of at most max bytes.
func readLimited(file string, max int64) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %q: %w", file, errNotFile)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if int64(len(data)) > max {
		return nil, configError(file, "", "file is longer than %d bytes", max)
	}
	return data, nil
}
