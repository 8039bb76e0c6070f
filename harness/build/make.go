package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// prepare runs what comes before building: {{cmd:...}} and the before commands. After it, this side has looked at the clock.
func (s *side) prepare(ctx context.Context) (*Failure, error) {
	flags, env := s.job.Flags, s.job.Env
	if g := s.set.given; g != nil && g.Flags != nil {
		flags, env = g.Flags, g.Env
	}
	flags, env, failed, err := s.expand(ctx, flags, env)
	if failed != nil || err != nil {
		return failed, err
	}
	s.job.Flags, s.job.Env = flags, env
	s.environment()
	for _, argv := range s.job.Before {
		if failed, err := s.run(ctx, "before "+strings.Join(argv, " "), s.found(argv), s.told(), nil); failed != nil || err != nil {
			return failed, err
		}
	}
	if failed, err := s.vendored(ctx); failed != nil || err != nil {
		return failed, err
	}
	return nil, s.set.given.into(s.tree)
}

// told are the variables that before and command get besides the environment.
func (s *side) told() map[string]string {
	return map[string]string{"GO": s.goCmd(), "CC": s.env["CC"], "PLUGPROOF_OUT": s.out, "PLUGPROOF_PACKAGE": s.job.Package}
}

// found makes "./script" mean the one in the job's directory.
func (s *side) found(argv []string) []string {
	if strings.Contains(argv[0], "/") && !filepath.IsAbs(argv[0]) {
		argv = slices.Clone(argv)
		argv[0] = filepath.Join(s.dir, filepath.FromSlash(argv[0]))
	}
	return argv
}

func (s *side) goCmd() string { return filepath.Join(s.gor, "bin", "go") }

// make builds the job's artifact at s.out.
func (s *side) make(ctx context.Context) (*Failure, error) {
	switch {
	case len(s.job.Command) > 0:
		return s.custom(ctx)
	case s.job.Version != "":
		return s.install(ctx)
	}
	return s.goBuild(ctx, nil, s.job.Package)
}

func (s *side) goBuild(ctx context.Context, more []string, pkg string) (*Failure, error) {
	argv := []string{s.goCmd(), "build"}
	if s.job.Plugin {
		argv = append(argv, "-buildmode=plugin")
	}
	argv = append(argv, "-o", s.out)
	argv = append(append(argv, more...), s.graphFlag()...)
	argv = append(argv, s.job.Flags...)
	var last *kept
	if len(more) == 0 { // a probe has its own way
		last = s.keeps(ctx, "", pkg)
	}
	last.lend(s.got)
	failed, err := s.run(ctx, "go build", append(argv, pkg), nil, nil)
	if failed != nil || err != nil {
		return failed, err
	}
	if failed, err := s.written("go build"); failed != nil || err != nil {
		return failed, err
	}
	last.take(s.got, keptNote{})
	return nil, nil
}

// install builds a host as `go install -trimpath PACKAGE@VERSION` does: with the module's own build list. For another architecture cmd/go
// refuses GOBIN, so the file is looked for in a fresh GOPATH.
func (s *side) install(ctx context.Context) (*Failure, error) {
	argv := []string{s.goCmd(), "install"}
	if !slices.ContainsFunc(s.job.Flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "trimpath") }) {
		argv = append(argv, "-trimpath")
	}
	argv = append(append(argv, s.graphFlag()...), s.job.Flags...)
	failed, err := s.run(ctx, "go install", append(argv, s.job.Package+"@"+s.job.Version), nil, nil)
	if failed != nil || err != nil {
		return failed, err
	}
	var files []string
	for _, pattern := range []string{"bin/*", "bin/*/*"} {
		found, err := filepath.Glob(filepath.Join(s.root, "gopath", pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if st, err := os.Lstat(f); err == nil && st.Mode().IsRegular() {
				files = append(files, f)
			}
		}
	}
	if len(files) != 1 {
		return &Failure{Op: "go install", Text: fmt.Sprintf("it wrote %d files and not one", len(files)), Side: s.name}, nil
	}
	if err := os.Rename(files[0], s.got); err != nil {
		return nil, &Error{Op: "building " + s.what(), Err: err}
	}
	return nil, nil
}

// custom runs the project's own build command.
func (s *side) custom(ctx context.Context) (*Failure, error) {
	flags, err := quoteFlags(s.job.Flags)
	if err != nil {
		return &Failure{Op: "command", Text: err.Error(), Side: s.name}, nil
	}
	told := s.told()
	told["GOFLAGS"] = strings.TrimSpace(s.env["GOFLAGS"] + " " + flags) // the last one of a name counts, as flags do beside GOFLAGS for go build
	failed, err := s.run(ctx, "command "+strings.Join(s.job.Command, " "), s.found(s.job.Command), told, nil)
	if failed != nil || err != nil {
		return failed, err
	}
	return s.written("command")
}

// written checks that there is an ELF file now: for a package that is not main, go build -o writes an archive.
func (s *side) written(op string) (*Failure, error) {
	no := func(text string) (*Failure, error) { return &Failure{Op: op, Text: text, Side: s.name}, nil }
	f, err := os.Open(s.got)
	if err != nil {
		return no(fmt.Sprintf("nothing was written for %s", s.job.Package))
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != "\x7fELF" {
		return no(fmt.Sprintf("what was written for %s is no ELF file; is it a main package?", s.job.Package))
	}
	return nil, nil
}
