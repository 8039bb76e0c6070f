package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// listed is what is used of `go list -json`.
type listed struct {
	Dir        string
	ImportPath string
	Name       string
	GoFiles    []string
	CgoFiles   []string
	Module     *struct {
		Path, Version, Dir, GoMod string
		Main                      bool
	}
}

// list runs go list for the job's package on the side, with the flags that decide which files and packages are part of the build.
func (s *side) list(ctx context.Context, pkg string, more ...string) (string, *Failure, error) {
	argv := append([]string{s.goCmd(), "list"}, more...)
	argv = append(argv, listFlags(s.job.Flags)...)
	return s.output(ctx, "go list", append(argv, pkg))
}

// listFlags are those of go build's flags that change which files and packages are part of it.
func listFlags(flags []string) (out []string) {
	for _, f := range flags {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		switch name {
		case "tags", "mod", "modfile", "race", "msan", "asan", "cover", "coverpkg", "covermode", "buildmode", "compiler", "gccgoflags":
			out = append(out, f)
		}
	}
	return out
}

// one is the single package that the job names.
func (s *side) one(ctx context.Context, pkg string) (listed, *Failure, error) {
	text, failed, err := s.list(ctx, pkg, "-json=Dir,ImportPath,Name,GoFiles,CgoFiles,Module")
	if failed != nil || err != nil {
		return listed{}, failed, err
	}
	dec := json.NewDecoder(strings.NewReader(text))
	var p, second listed
	if err := dec.Decode(&p); err != nil {
		return p, nil, fmt.Errorf("reading go list's output: %w", err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return p, &Failure{Op: "go list", Text: fmt.Sprintf("%s names more than one package", pkg), Side: s.name}, nil
	}
	return p, nil, nil
}

// deps are the import paths of everything that the package is linked from, sorted as go list does.
func (s *side) deps(ctx context.Context, pkg string, more ...string) ([]string, *Failure, error) {
	text, failed, err := s.list(ctx, pkg, append([]string{"-deps"}, more...)...)
	return strings.Fields(text), failed, err
}
