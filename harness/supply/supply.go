// Package supply gathers what an offline site needs into the parts of a kit, and puts a kit's parts to use there.
//
// What a kit unpacks to is a plugproof cache: gomod/cache/download (modules, toolchains and the checksum database's proofs,
// in the layout of a module proxy), inputs (kernels and musl), bin (plugproof itself, go), tools (Debian packages with QEMU
// and C compilers) and projects.
package supply

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

// The kinds of parts.
const (
	Toolchain = "toolchain" // a Go release's zip and what belongs to it
	Module    = "module"
	Proof     = "sumdb" // of the checksum database
	Input     = "input" // kernels, musl for other architectures
	Program   = "program"
	Tool      = "tool" // a Debian package
	Package   = "xbps" // a file of a repository of Void packages
	Source    = "source"
	Expected  = "expected" // records of a run
	SBOM      = "sbom"
)

// Modules is where the module tree lies in a cache.
const Modules = "gomod/cache/download"

// A File is a part before it is measured.
type File struct {
	Kind string
	Path string // in the kit
	From string // on this machine
	Data []byte // instead of From, if From is ""
	Exec bool
	Link bool // a symbolic link, which leads to Data
}

// Tree lists the regular files below dir as parts below at. keep says which, by the name relative to dir; nil keeps all.
// Links and special files are errors.
func Tree(kind, dir, at string, keep func(name string) bool) ([]File, error) {
	return tree(kind, dir, at, keep, func(name, _, to string) error {
		return fmt.Errorf("%q is a link to %q, and a kit holds regular files only", name, to)
	})
}

// Sources lists the files of a project like Tree, and its links, which must stay in the project: at begins with projects/NAME. In a
// vendor folder there may be none, for nothing that go.sum names is a link.
func Sources(dir, at string) ([]File, error) {
	return tree(Source, dir, at, nil, func(name, part, to string) error {
		if slices.Contains(strings.Split(part, "/"), "vendor") {
			return fmt.Errorf("%q is a link in a vendor folder, where no module has one: put a copy of what it leads to in its place", name)
		}
		if err := kit.CheckLink(part, to); err != nil {
			return fmt.Errorf("%q is a link that a kit does not take: %w", name, err)
		}
		return nil
	})
}

// Dangling names a link among files that leads to none of them.
func Dangling(files []File) (string, bool) {
	there := map[string]bool{}
	for _, f := range files {
		for name := f.Path; name != "." && !there[name]; name = path.Dir(name) {
			there[name] = true
		}
	}
	for _, f := range files {
		if f.Link && !there[path.Join(path.Dir(f.Path), string(f.Data))] {
			return f.Path, true
		}
	}
	return "", false
}

// tree lists files; link says of a link, by its name, its path in the kit and where it leads to, why it is not taken.
func tree(kind, dir, at string, keep func(name string) bool, link func(name, part, to string) error) ([]File, error) {
	var out []File
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if keep != nil && !keep(rel) {
			return nil
		}
		part := path.Join(at, rel)
		if to, err := os.Readlink(name); err == nil {
			out = append(out, File{Kind: kind, Path: part, Data: []byte(to), Link: true})
			return link(name, part, to)
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%q is no regular file, and a kit holds no other", name)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out = append(out, File{Kind: kind, Path: part, From: name, Exec: info.Mode()&0o100 != 0})
		return nil
	})
	return out, err
}

// ModuleTree lists what a kit needs of a GOMODCACHE's cache/download: versions' files, without locks, proofs and other words of
// the go command to itself. mods are the versions, "path@version".
func ModuleTree(dir string) (files []File, mods []string, err error) {
	seen := map[string]bool{}
	files, err = Tree(Module, dir, Modules, func(name string) bool {
		at, base := path.Split(name)
		ext := path.Ext(base)
		escaped, ok := strings.CutSuffix(at, "/@v/")
		if !ok || strings.HasPrefix(name, "sumdb/") || ext != ".info" && ext != ".mod" && ext != ".zip" {
			return false
		}
		p, err1 := module.UnescapePath(escaped)
		v, err2 := module.UnescapeVersion(strings.TrimSuffix(base, ext))
		if err1 != nil || err2 != nil || module.Check(p, v) != nil { // a branch's name, which is no version
			return false
		}
		if m := p + "@" + v; ext != ".info" && !seen[m] {
			seen[m], mods = true, append(mods, m)
		}
		return true
	})
	for i, f := range files {
		files[i].Exec = false
		if strings.HasPrefix(f.Path, Modules+"/golang.org/toolchain/") {
			files[i].Kind = Toolchain
		}
	}
	return files, mods, err
}

// Lists reports whether a vendor folder's modules.txt names the module whose zip has this name in a module tree.
func Lists(modules []byte, name string) bool {
	at, base := path.Split(name)
	escaped, ok := strings.CutSuffix(at, "/@v/")
	p, err := module.UnescapePath(escaped)
	v, err2 := module.UnescapeVersion(strings.TrimSuffix(base, ".zip"))
	if !ok || err != nil || err2 != nil || path.Ext(base) != ".zip" {
		return false
	}
	for line := range strings.Lines(string(modules)) {
		if strings.HasPrefix(line, "# ") && strings.Contains(line+" ", " "+p+" "+v) {
			return true
		}
	}
	return false
}

// Proofs lists the checksum database's proofs in dir, the folder "sumdb" of a GOMODCACHE. Each database gets the empty file by
// which a proxy says that it serves it.
func Proofs(dir string) ([]File, error) {
	databases := map[string]bool{}
	files, err := Tree(Proof, dir, Modules+"/sumdb", func(name string) bool {
		db, rest, _ := strings.Cut(name, "/")
		ok := strings.HasPrefix(rest, "lookup/") || strings.HasPrefix(rest, "tile/")
		databases[db] = databases[db] || ok
		return ok
	})
	for i := range files {
		files[i].Exec = false
	}
	for db, ok := range databases {
		if ok {
			files = append(files, File{Kind: Proof, Path: path.Join(Modules, "sumdb", db, "supported")})
		}
	}
	return files, err
}

// Measure makes a manifest's parts of files: sorted, each with size and digest. progress is told of bytes read; it may be nil.
func Measure(files []File, progress func(int64)) ([]kit.Part, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	var out []kit.Part
	for _, f := range files {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		d, n, err := results.DigestReader(&counted{r, progress})
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", f.From, err)
		}
		out = append(out, kit.Part{Kind: f.Kind, Path: f.Path, Exec: f.Exec, Link: f.Link, Size: n, SHA256: d})
	}
	return out, nil
}

// Open gives a file's bytes.
func (f File) Open() (io.ReadCloser, error) {
	if f.From == "" {
		return io.NopCloser(strings.NewReader(string(f.Data))), nil
	}
	return os.Open(f.From)
}

type counted struct {
	io.Reader
	tell func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.tell != nil {
		c.tell(int64(n))
	}
	return n, err
}
