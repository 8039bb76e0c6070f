package testplugin

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Cases reads the table from the plugin_test.go of a GOROOT, for linux and an architecture, in the order of the file.
// The error is ErrAbsent if there is no such file.
func Cases(goroot, arch string) ([]Case, error) {
	file := filepath.Join(sources(goroot), "plugin_test.go")
	src, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading %q: %w", file, ErrAbsent)
	}
	if err != nil {
		return nil, fmt.Errorf("reading Go's plugin tests: %w", err)
	}
	return parse(file, src, arch)
}

// parse turns the source of plugin_test.go into the table.
func parse(name string, src []byte, arch string) ([]Case, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading Go's plugin tests: %w", err)
	}
	var shared *reader
	for _, fn := range functions(f) {
		if fn.Name.Name == "testMain" {
			shared = &reader{arch: arch, dir: Main, times: 1, lenient: true, files: map[string]string{}}
			shared.block(fn.Body)
		}
	}
	if shared == nil || len(shared.c.Builds) == 0 {
		return nil, fmt.Errorf("reading Go's plugin tests: %q: testMain builds nothing that is understood", name)
	}
	var cases []Case
	for _, fn := range functions(f) {
		if !strings.HasPrefix(fn.Name.Name, "Test") || fn.Name.Name == "TestMain" {
			continue
		}
		r := &reader{arch: arch, dir: Main, times: 1, files: map[string]string{}, c: Case{Name: fn.Name.Name}}
		r.block(fn.Body)
		cases = append(cases, r.finish(shared.c.Builds))
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("reading Go's plugin tests: %q holds no test", name)
	}
	return cases, nil
}

// finish adds what testMain built, if the case uses any of it, and turns what was not understood into a Skip.
func (r *reader) finish(shared []Build) Case {
	c := r.c
	if r.unknown != "" && c.Skip == "" {
		c.Skip = "its recipe is not understood: " + r.unknown
	}
	if c.Skip != "" {
		return Case{Name: c.Name, Skip: c.Skip}
	}
	own := func(name string) bool {
		return slices.ContainsFunc(c.Builds, func(b Build) bool { return "./"+b.Out == name || b.Out == name })
	}
	uses := func(name string) bool {
		return !own(name) && slices.ContainsFunc(shared, func(b Build) bool { return "./"+b.Out == name || b.Out == name })
	}
	needs := false
	for _, run := range c.Runs {
		needs = needs || slices.ContainsFunc(run.Argv, uses)
		if !own(run.Argv[0]) && !uses(run.Argv[0]) {
			return Case{Name: c.Name, Skip: fmt.Sprintf("its recipe is not understood: nothing builds %q", run.Argv[0])}
		}
	}
	for _, tool := range c.Tools {
		needs = needs || slices.ContainsFunc(tool, uses)
	}
	if needs {
		c.Builds = append(slices.Clone(shared), c.Builds...)
	}
	if len(c.Builds) == 0 {
		return Case{Name: c.Name, Skip: "its recipe is not understood: it builds nothing"}
	}
	return c
}

func functions(f *ast.File) []*ast.FuncDecl {
	var out []*ast.FuncDecl
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Body != nil {
			out = append(out, fn)
		}
	}
	return out
}
