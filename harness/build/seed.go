package build

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// standard reports whether a package is of the standard library of a Go.
func standard(goroot string) func(pkg string) bool {
	return func(pkg string) bool {
		return pkg != "command-line-arguments" && filepath.IsLocal(pkg) && isDir(filepath.Join(goroot, "src", filepath.FromSlash(pkg)))
	}
}

// seed makes at dst a build cache that holds, of the one at src, what keys name and nothing else: with the standard library's keys
// everything of a project is compiled anew. Files are shared by hard links where possible; cmd/go never changes one in place that it finds complete.
func seed(src, dst string, keys map[string]bool) error {
	for i := range 256 {
		if err := os.MkdirAll(filepath.Join(dst, fmt.Sprintf("%02x", i)), 0o755); err != nil {
			return fmt.Errorf("making a build cache: %w", err)
		}
	}
	for key := range keys {
		entry := filepath.Join(key[:2], key+"-a")
		data, err := readSmall(filepath.Join(src, entry))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading a build cache: %w", err)
		}
		// "v1 KEY OUTPUT SIZE TIME\n", see cmd/go/internal/cache/cache.go
		f := bytes.Fields(data)
		if len(f) != 5 || len(f[2]) != 64 || strings.Trim(string(f[2]), "0123456789abcdef") != "" {
			continue
		}
		output := filepath.Join(string(f[2][:2]), string(f[2])+"-d")
		if err := share(filepath.Join(src, output), filepath.Join(dst, output)); err != nil {
			return err
		}
		// The entry itself is rewritten in place if the action is done again, so it is copied.
		if err := os.WriteFile(filepath.Join(dst, entry), data, 0o644); err != nil {
			return fmt.Errorf("making a build cache: %w", err)
		}
	}
	return nil
}

// clone makes a build cache like the one at src.
func clone(src, dst string) error {
	return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dst, strings.TrimPrefix(path, src))
		switch {
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		case strings.HasSuffix(path, "-d"):
			return share(path, to)
		}
		data, err := readSmall(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}

// share links a file, or copies it where the file systems differ.
func share(from, to string) error {
	err := os.Link(from, to)
	if err == nil || os.IsExist(err) || os.IsNotExist(err) {
		return nil
	}
	info, serr := os.Stat(from)
	if serr != nil {
		return serr
	}
	return copyFile(from, to, info)
}
