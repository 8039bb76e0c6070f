package testplugin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Limits of the sources: what a GOROOT holds is far below.
const (
	maxFiles = 1000
	maxFile  = 1 << 20 // bytes
)

// sources is the folder of plugin_test.go.
func sources(goroot string) string {
	return filepath.Join(goroot, "src", "cmd", "cgo", "internal", "testplugin")
}

// Prepare copies the test programs into dir/main and dir/alt and makes each the module "testplugin", as the test does. dir is made if absent.
func Prepare(goroot, dir string) error {
	for name, from := range map[string]string{Main: "testdata", Alt: filepath.Join("altpath", "testdata")} {
		to := filepath.Join(dir, name)
		if err := copyTree(filepath.Join(sources(goroot), from), to); err != nil {
			return fmt.Errorf("preparing Go's plugin tests: %w", err)
		}
		// Without a go line, like the original.
		if err := os.WriteFile(filepath.Join(to, "go.mod"), []byte("module "+Module+"\n"), 0o644); err != nil {
			return fmt.Errorf("preparing Go's plugin tests: %w", err)
		}
	}
	return nil
}

func copyTree(from, to string) error {
	files := 0
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if files++; files > maxFiles {
			return fmt.Errorf("%q holds more than %d files", from, maxFiles)
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular():
			return fmt.Errorf("%q is not a regular file", file)
		}
		return copyFile(file, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) error {
	data, err := readFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%q is longer than %d bytes", name, maxFile)
	}
	return data, err
}

// ErrAbsent says that a GOROOT does not hold Go's plugin tests.
var ErrAbsent = errors.New("this Go does not hold its plugin tests")
