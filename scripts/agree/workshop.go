package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/toolchain"
)

//go:embed yard.txtar
var yardText []byte

//go:embed more.txtar
var moreText []byte

// yard are the files that a recipe is made from, before trees changes them.
func (r *recipe) yard() []txtar.File {
	files := txtar.Parse(yardText).Files
	if r.more {
		files = append(files, txtar.Parse(moreText).Files...)
	}
	return files
}

// workshop builds files, each once: built files are kept under the digest of all that they were made from.
type workshop struct {
	dir     string // holds src, built and gocache
	gocache string
	store   *toolchain.Store
	path    string // PATH of the builds
	say     func(format string, args ...any)

	made  int           // files made now
	spent time.Duration // CPU time of that
}

// compiler is how a target's programs are linked.
type compiler struct {
	cc     string
	env    []string
	path   []string // before PATH
	digest string
	loader string // the C library's dynamic loader here; "" natively
	interp string // where programs expect it
}

// compiler finds the C compiler of a target.
func (w *workshop) compiler(ctx context.Context, t target) (compiler, error) {
	if t.libc == "glibc" { // the system's own, for the system itself
		out, err := w.output(ctx, proc.Cmd{Path: "gcc", Args: []string{"--version"}, Env: []string{"PATH=" + w.path}})
		if err != nil {
			return compiler{}, fmt.Errorf("finding gcc: %w", err)
		}
		return compiler{cc: "gcc", env: []string{"GOOS=linux", "GOARCH=" + t.arch, "CGO_ENABLED=1", "CC=gcc"}, digest: out}, nil
	}
	c, err := w.store.C(ctx, t.arch, t.libc, nil)
	if err != nil {
		return compiler{}, err
	}
	return compiler{cc: c.CC, env: c.Env, path: c.Path, digest: string(c.Digest), loader: c.Loader, interp: c.LoaderPath}, nil
}

// place is a set of files: what one Go builds for one target.
type place struct {
	target
	goName string
	root   string // GOROOT
	cc     compiler
}

// file makes a recipe's file, or finds it, and returns its path. Directories and links have none.
func (w *workshop) file(ctx context.Context, p *place, r *recipe) (string, error) {
	if r.dir || r.link != "" {
		return "", nil
	}
	source := ""
	if r.from != "" {
		var err error
		if source, err = w.file(ctx, p, recipeOf(r.from)); err != nil {
			return "", err
		}
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %q %q %q %q %v %q %q %q %v %q\n", p.target, p.goName, p.cc.cc, p.cc.digest, r.name, r.pkg, r.flags, r.env, r.paths, r.tree, trees[r.tree], r.c, r.strip, r.data)
	for _, f := range r.yard() {
		fmt.Fprintf(h, "%q %q\n", f.Name, f.Data)
	}
	fmt.Fprintf(h, "%s", filepath.Base(source))
	if r.tool != nil || r.libs != nil || r.test {
		fmt.Fprintf(h, " %q %q %v", r.tool, r.libs, r.test)
	}
	if r.change != nil { // what a function does is not known: take what it makes
		b, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		h.Write(r.change(b))
	}
	out := filepath.Join(w.dir, "built", hex.EncodeToString(h.Sum(nil))[:24]+"-"+r.name)
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return "", err
	}
	tmp := fmt.Sprintf("%s.%d", out, os.Getpid())
	defer os.Remove(tmp)
	if err := w.make(ctx, p, r, source, tmp); err != nil {
		return "", fmt.Errorf("making %s for %s by %s: %w", r.name, p.target, p.goName, err)
	}
	w.made++
	return out, os.Rename(tmp, out)
}

func (w *workshop) make(ctx context.Context, p *place, r *recipe, source, out string) error {
	src, err := w.sources(r)
	if err != nil {
		return err
	}
	env := append([]string{"PATH=" + strings.Join(append(p.cc.path, filepath.Join(p.root, "bin"), w.path), ":"), "HOME=" + w.dir, "GOCACHE=" + w.gocache,
		"GOTOOLCHAIN=local", "GOFLAGS=", "GOENV=off", "GOPROXY=off", "GOWORK=off", "TMPDIR=" + filepath.Join(w.dir, "tmp")}, p.cc.env...)
	if err := os.MkdirAll(filepath.Join(w.dir, "tmp"), 0o755); err != nil {
		return err
	}
	switch {
	case r.pkg != "":
		here := filepath.Join(w.dir, "lib", p.String())
		args := []string{"build", "-buildvcs=false", "-o", out}
		if r.test {
			args = []string{"test", "-c", "-vet=off", "-o", out}
		}
		if !r.paths {
			args = append(args, "-trimpath")
		}
		if strings.HasSuffix(r.name, ".so") {
			args = append(args, "-buildmode=plugin")
		}
		if strings.Contains(strings.Join(slices.Concat(r.flags, r.env), " "), "{here}") {
			for _, l := range append([]string{"libfoo.so=libfoo.so"}, r.libs...) {
				as, name, _ := strings.Cut(l, "=")
				if err := w.library(ctx, p, recipeOf(name), filepath.Join(here, as)); err != nil {
					return err
				}
			}
		}
		places := strings.NewReplacer("{here}", here, "{src}", src)
		for _, kv := range r.env {
			env = append(env, places.Replace(kv))
		}
		for _, f := range r.flags {
			args = append(args, places.Replace(f))
		}
		_, err := w.output(ctx, proc.Cmd{Path: filepath.Join(p.root, "bin", "go"), Args: append(args, "./"+r.pkg), Dir: src, Env: env})
		return err
	case r.c != nil:
		args := []string{"-o", out}
		for _, a := range r.c {
			args = append(args, strings.ReplaceAll(a, "{from}", source))
		}
		_, err := w.output(ctx, proc.Cmd{Path: p.cc.cc, Args: args, Dir: src, Env: env})
		return err
	case r.strip:
		_, err := w.output(ctx, proc.Cmd{Path: p.binutil("strip"), Args: []string{"-o", out, source}, Dir: src, Env: env})
		return err
	case r.tool != nil:
		var args []string
		for _, a := range r.tool[1:] {
			args = append(args, strings.ReplaceAll(a, "{src}", src))
		}
		_, err := w.output(ctx, proc.Cmd{Path: p.binutil(r.tool[0]), Args: append(args, source, out), Dir: src, Env: env})
		return err
	case r.change != nil:
		b, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		return os.WriteFile(out, r.change(b), 0o644)
	}
	return os.WriteFile(out, []byte(r.data), 0o644)
}

// binutil is a program of the binutils for a target.
func (p *place) binutil(name string) string {
	if p.arch == "arm" {
		return "arm-linux-gnueabihf-" + name
	}
	return name
}

// library puts a recipe's file where the linker is to find it.
func (w *workshop) library(ctx context.Context, p *place, r *recipe, to string) error {
	file, err := w.file(ctx, p, r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

// sources writes a recipe's variant of the yard and returns its directory.
func (w *workshop) sources(r *recipe) (string, error) {
	name := r.tree
	if name == "" {
		name = "base"
	}
	if r.more {
		name += "-more"
	}
	dir := filepath.Join(w.dir, "src", name)
	edit := trees[r.tree]
	for _, f := range r.yard() {
		data := f.Data
		for i := 0; i+2 < len(edit); i += 3 {
			if edit[i] != f.Name {
				continue
			}
			if !bytes.Contains(data, []byte(edit[i+1])) {
				return "", fmt.Errorf("variant %q of the yard: %s does not contain %q", r.tree, f.Name, edit[i+1])
			}
			data = bytes.Replace(data, []byte(edit[i+1]), []byte(edit[i+2]), 1)
		}
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, data) {
			continue
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// output runs a program and returns what it wrote; its failure is an error with the end of that.
func (w *workshop) output(ctx context.Context, c proc.Cmd) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	res, err := proc.Run(ctx, c)
	if err != nil {
		return "", fmt.Errorf("running %s %q: %w", c.Path, c.Args, err)
	}
	w.spent += res.CPU()
	if !res.OK() {
		text := out.String()
		return "", fmt.Errorf("running %s %q: %s: %s", c.Path, c.Args, res, text[max(0, len(text)-2000):])
	}
	return out.String(), nil
}
