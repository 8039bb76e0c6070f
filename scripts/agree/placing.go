package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/abi"
)

// placed is a file as a process sees it.
type placed struct {
	name   string // below the base, "go1.26.8/p1.so"
	local  string // where its bytes are; "" for a directory, a link, or what does not exist
	target string // of a link, relative
	dir    bool
}

// scene is a sequence with its files.
type scene struct {
	sequence
	files []placed // each once, the host first
	names []string // of host and plugins, below the base
}

// companions lie beside a file that needs them.
var companions = map[string][]string{"needs-path.so": {"libfoo.so"}, "p5-foo.so": {"libfoo.so"}, "host-lib": {"libfoo.so"}, "host-lib-rpath": {"libfoo.so"},
	"needs-dst.so": {"libfoo.so"}, "needs-relative.so": {"libfoo.so"}, "needs-empty.so": {"libfoo.so"}, "needs-rpath.so": {"libfoo.so"}, "pver.so": {"libver.so"}, "pver-same.so": {"libver.so"}}

// below is the place of a reference's file below the base.
func (s sequence) below(r ref) string {
	if r.target != s.target {
		return path.Join(r.target.String(), r.goName, r.name)
	}
	return path.Join(r.goName, r.name)
}

// prepare makes the files of a sequence.
func (a *agree) prepare(ctx context.Context, s sequence) (*scene, error) {
	sc := &scene{sequence: s}
	var add func(r ref) error
	add = func(r ref) error {
		p := placed{name: s.below(r)}
		if slices.ContainsFunc(sc.files, func(q placed) bool { return q.name == p.name }) {
			return nil
		}
		rec := recipeOf(r.name)
		if rec == nil { // it does not exist
			return nil
		}
		place, err := a.place(ctx, r.target, r.goName)
		if err != nil {
			return err
		}
		if p.local, err = a.shop.file(ctx, place, rec); err != nil {
			return err
		}
		p.target, p.dir = rec.link, rec.dir
		sc.files = append(sc.files, p)
		more := companions[r.name]
		if rec.link != "" {
			more = append(more, rec.link)
		}
		for _, name := range more {
			if err := add(ref{r.target, r.goName, name}); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range append([]string{s.host}, s.plugins...) {
		r := s.ref(name)
		sc.names = append(sc.names, s.below(r))
		if err := add(r); err != nil {
			return nil, err
		}
	}
	return sc, nil
}

// given is the text of a path as the process gets it.
func (sc *scene) given(i int, base string) string {
	switch word := sc.plugins[i]; {
	case strings.HasPrefix(word, "abs:"):
		return base + "/" + sc.names[i+1]
	case strings.HasPrefix(word, "./"):
		return "./" + sc.names[i+1]
	}
	return sc.names[i+1]
}

func (sc *scene) find(name string) *placed {
	for i := range sc.files {
		if sc.files[i].name == name {
			return &sc.files[i]
		}
	}
	return nil
}

// input is a file as abi takes it: as it will lie below base.
func (sc *scene) input(name, given, base string) (abi.Input, io.Closer, error) {
	in := abi.Input{Path: given, Real: base + "/" + name}
	f := sc.find(name)
	switch {
	case f == nil:
		in.Err = fs.ErrNotExist
		return in, io.NopCloser(nil), nil
	case f.dir:
		in.Err = &fs.PathError{Op: "read", Path: name, Err: errIsDir}
		return in, io.NopCloser(nil), nil
	}
	for f.target != "" {
		name = path.Join(path.Dir(name), f.target)
		in.Real = base + "/" + name
		f = sc.find(name)
	}
	r, err := os.Open(f.local)
	if err != nil {
		return in, nil, err
	}
	st, err := r.Stat()
	if err != nil {
		r.Close()
		return in, nil, err
	}
	in.ID, in.R, in.Size = "placed:"+name, r, st.Size()
	return in, r, nil
}

// root is the file system of the virtual machine as far as the loader looks into it.
type root struct {
	sc     *scene
	base   string
	loader string
	interp string
}

func (r root) Open(name string) (fs.File, error) {
	if "/"+name == r.interp {
		return os.Open(r.loader)
	}
	if rel, ok := strings.CutPrefix("/"+name, r.base+"/"); ok {
		if f := r.sc.find(rel); f != nil && f.local != "" {
			return os.Open(f.local)
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// spread links the files into dir, where they are run natively.
func (sc *scene) spread(dir string) error {
	for _, f := range sc.files {
		to := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if f.dir {
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		var err error
		if f.target != "" {
			err = os.Symlink(f.target, to)
		} else {
			if err = os.Chmod(f.local, 0o755); err == nil {
				err = os.Link(f.local, to)
			}
		}
		if err != nil {
			return fmt.Errorf("placing %s: %w", f.name, err)
		}
	}
	return nil
}
