package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Runner runs the go command in dir and returns its stdout. The caller chooses go and environment.
type Runner func(ctx context.Context, dir string, args ...string) ([]byte, error)

// Draft is a first plugproof.toml.
type Draft struct {
	Text    []byte
	Hosts   []Place  // main packages that can call plugin.Open; the first one stands in Text, the others as comments
	Plugins []Place  // main packages without a func main or with an empty one
	Broken  []string // packages that go list could not read, with the reason
}

// Init proposes a plugproof.toml for dir. host, if not empty, is the [host] package to write: for modules whose host lies elsewhere.
// Nothing is written: see Draft.Write. Mistakes of the user are *Error.
func Init(ctx context.Context, dir, host string, run Runner) (*Draft, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, configError("", "name a directory in a Go module", "no such directory %q", dir)
	}
	if _, err := os.Lstat(filepath.Join(dir, FileName)); err == nil {
		return nil, existsError(dir)
	}
	if _, _, err := Module(dir); err != nil {
		if _, work := os.Stat(filepath.Join(dir, "go.work")); work == nil {
			return nil, configError("", "init one of its modules, say the plugins': what it lacks is looked for in the others", "%q is a workspace and no module", dir)
		}
		return nil, err
	}
	d, err := list(ctx, dir, run)
	if err != nil {
		return nil, err
	}
	if host != "" {
		d.Hosts = []Place{{Package: host}}
	}
	if len(d.Hosts) == 0 || len(d.Plugins) == 0 {
		if err := d.lookAround(ctx, dir, run); err != nil {
			return nil, err
		}
	}
	if len(d.Hosts) == 0 {
		return nil, configError("", "if the host lies elsewhere, name it: --host example.test/gw/cmd/gateway@v1.4.0",
			"no host in %q: no main package with a func main reaches the package plugin", dir)
	}
	if len(d.Plugins) == 0 {
		return nil, configError("", "a plugin is a package main without a func main, or with an empty one", "no plugin in %q", dir)
	}
	d.Text = d.render()
	if _, err := ParseProject(FileName, d.Text); err != nil {
		return nil, fmt.Errorf("writing a first %s: %w", FileName, err)
	}
	return d, nil
}

// Write puts the draft into dir and never overwrites.
func (d *Draft) Write(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return existsError(dir)
	}
	if err != nil {
		return fmt.Errorf("writing the first %s: %w", FileName, err)
	}
	if _, err = f.Write(d.Text); err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the first %s: %w", FileName, err)
	}
	return nil
}

func existsError(dir string) *Error {
	return configError("", "plugproof plan shows what it means", "%q has a %s already", dir, FileName)
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Name, Dir   string
	GoFiles, CgoFiles, Deps []string
	Error                   *struct{ Err string }
}

// list sorts the main packages in and beneath dir.
func list(ctx context.Context, dir string, run Runner) (*Draft, error) {
	out, err := run(ctx, dir, "list", "-e", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles,Deps,Error", "./...")
	if err != nil {
		return nil, fmt.Errorf("listing the packages of %q: %w", dir, err)
	}
	return survey(dir, out)
}

// survey sorts the main packages in go list's output into hosts and plugins.
func survey(dir string, out []byte) (*Draft, error) {
	abs, err := realPath(dir)
	if err != nil {
		return nil, err
	}
	d := &Draft{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("surveying %q: reading go list: %w", dir, err)
		}
		if p.Error != nil {
			d.Broken = append(d.Broken, p.ImportPath+": "+strings.TrimSpace(p.Error.Err))
		}
		rel, err := filepath.Rel(abs, p.Dir)
		if p.Name != "main" || p.Dir == "" || err != nil {
			continue
		}
		name := "."
		if rel != "." {
			name = "./" + filepath.ToSlash(rel)
		}
		works, err := hasMain(p)
		switch {
		case err != nil:
			d.Broken = append(d.Broken, p.ImportPath+": "+err.Error())
		case !works:
			d.Plugins = append(d.Plugins, Place{Package: name})
		case slices.Contains(p.Deps, "plugin"):
			d.Hosts = append(d.Hosts, Place{Package: name})
		}
	}
	slices.SortFunc(d.Hosts, Place.compare)
	slices.SortFunc(d.Plugins, Place.compare)
	return d, nil
}

// realPath is how go list names a directory.
func realPath(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("surveying %q: %w", dir, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	return abs, nil
}

// hasMain reports whether a main package declares a func main that does something.
func hasMain(p listed) (bool, error) {
	fset := token.NewFileSet()
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return false, err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && fn.Recv == nil && fn.Name.Name == "main" && fn.Body != nil && len(fn.Body.List) > 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

func (d *Draft) render() []byte {
	var b strings.Builder
	b.WriteString("# What plugproof verifies here: plugproof plan shows it, plugproof verify does it.\n\n[host]\n")
	if len(d.Hosts) > 1 {
		fmt.Fprintf(&b, "# %d programs here can open plugins; choose one.\n", len(d.Hosts))
	}
	b.WriteString(d.Hosts[0].toml(""))
	for _, h := range d.Hosts[1:] {
		b.WriteString(h.toml("# "))
	}
	for _, p := range d.Plugins {
		b.WriteString("\n[[plugin]]\n" + p.toml(""))
	}
	b.WriteString("\n[build]\nflags = [\"-trimpath\", \"-buildvcs=false\"]\n\n# [matrix]\n# go = [\"go1.26.8\"]\n# arch = [\"amd64\", \"arm\"]\n")
	return []byte(b.String())
}
