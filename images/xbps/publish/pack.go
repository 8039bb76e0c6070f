// Package publish makes xbps packages of folders, and a signed repository of packages. The same input gives the same bytes:
// neither the folder's place nor owners, umask or times show in them.
package publish

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo"
	"github.com/plugproof/plugproof/images/xbps/manifest"
)

// maxScript bounds INSTALL and REMOVE, in bytes.
const maxScript = 1 << 20

// Folder makes a recipe of a folder that looks like a root file system. INSTALL and REMOVE at its top become the package's
// scripts. A file that its owner may execute gets mode 0755, every other one 0644; modes overrides that by absolute path,
// and is the only way to a setuid file. Pipes, sockets and devices are errors.
func Folder(dir string, props manifest.Props, modes map[string]int64) (binpkg.Recipe, error) {
	r := binpkg.Recipe{Props: props}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if rel == "INSTALL" || rel == "REMOVE" {
			return script(&r, rel, name, info)
		}
		s, err := source("/"+filepath.ToSlash(rel), name, info)
		if err != nil {
			return err
		}
		if mode, ok := modes[s.Path]; ok && s.Target == "" {
			s.Mode = mode
		}
		r.Sources = append(r.Sources, s)
		return nil
	})
	if err != nil {
		return binpkg.Recipe{}, fmt.Errorf("publish: reading %q: %w", dir, err)
	}
	return r, nil
}

func script(r *binpkg.Recipe, rel, name string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() || info.Size() > maxScript {
		return fmt.Errorf("%q is no script of at most %d bytes", rel, maxScript)
	}
	data, err := os.ReadFile(name)
	if rel == "INSTALL" {
		r.Install = data
	} else {
		r.Remove = data
	}
	return err
}

func source(at, name string, info fs.FileInfo) (binpkg.Source, error) {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(name)
		return binpkg.Source{Path: at, Target: target}, err
	case !info.Mode().IsRegular():
		return binpkg.Source{}, fmt.Errorf("%q is no file, link or folder", at)
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	return binpkg.Source{Path: at, Mode: mode, Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(name) }}, nil
}

// Libraries completes shlib-requires and shlib-provides from the ELF files of a recipe: what they need and the package
// has not itself, and the sonames of those libraries that lie directly in /usr/lib. What the recipe lists already stays.
func Libraries(r *binpkg.Recipe) error {
	own, needed, provided := map[string]bool{}, []string{}, []string{}
	for _, s := range r.Sources {
		own[path.Base(s.Path)] = true
		if s.Target != "" {
			continue
		}
		info, err := inspect(s)
		if err != nil {
			return fmt.Errorf("publish: reading %q: %w", s.Path, err)
		}
		if info == nil {
			continue
		}
		needed = append(needed, info.Needed...)
		soname := info.Soname
		if base := path.Base(s.Path); soname == "" && info.Dynamic && strings.Contains(base, ".so") {
			soname = base // musl's own libc.so has none
		}
		if soname == "" {
			continue
		}
		own[soname] = true
		if path.Dir(s.Path) == "/usr/lib" || path.Dir(s.Path) == "/lib" {
			provided = append(provided, soname)
		}
	}
	needed = slices.DeleteFunc(needed, func(lib string) bool { return own[lib] || strings.ContainsAny(lib, " /") })
	r.Props.ShlibRequires = merge(r.Props.ShlibRequires, needed)
	r.Props.ShlibProvides = merge(r.Props.ShlibProvides, provided)
	return nil
}

// inspect reads an ELF file; any other one gives nil.
func inspect(s binpkg.Source) (*elfinfo.Info, error) {
	f, err := s.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	if n, err := io.ReadFull(f, head); err != nil || !elfinfo.Magic(head[:n]) {
		return nil, nil
	}
	rest, err := io.ReadAll(io.LimitReader(f, s.Size))
	if err != nil {
		return nil, err
	}
	body := append(head, rest...)
	return elfinfo.Read(bytes.NewReader(body), int64(len(body)))
}

func merge(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
