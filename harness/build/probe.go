package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// shippedMain is what the host's own func main is called in a probe, and probeFile the file that holds the probe's.
const (
	shippedMain = "plugproofShippedMain"
	probeFile   = "zz_plugproof_probe.go"
)

// ProbeResult is a probe host, or why the project gives none.
type ProbeResult struct {
	Artifact
	Failed    *Failure   // the host does not build
	Packages  []string   // what both the probe and the shipped host are linked from
	Types     TypeReport // what the probe says of a symbol
	Isolation map[string]string
	Log       string
	CPU       time.Duration
}

// TypeReport says how exactly a probe reports the type of a symbol.
type TypeReport string

// The ways of reporting types.
const (
	FullTypes  TypeReport = "full"  // Go syntax with full import paths: reflect is in the host's closure
	ShortTypes TypeReport = "short" // as the runtime prints it, with package names: reflect is not and must not be added
)

// Probe builds the host of the job once more, on side a, with another main: it opens the plugins that are named on its command line, reports on
// descriptor 3, and can call the host's own main afterwards, which therefore stays linked. By an overlay the one identifier main is renamed in
// the file that declares it, and one file is added. Nothing is opened from init (golang/go#75102), and no package is added: that is checked.
//
// The artifact is Job.Out/Job.Name. A host that does not hold package plugin is an *Error of the kind NotProbeable.
func (b *Builder) Probe(ctx context.Context, j Job) (*ProbeResult, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	if len(j.Command) > 0 {
		return nil, &Error{Op: "building a probe of " + j.Subject, Text: "it is built by a command of its own", Kind: NotProbeable,
			hint: "the overlay of a probe needs go build; load the shipped host instead"}
	}
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return nil, &Error{Op: "building a probe of " + j.Subject, Err: err}
	}
	defer done()
	s, err := b.open(ctx, j, j.usual("a"), scratch)
	if err != nil {
		return nil, err
	}
	defer s.shut()
	if b.Slots != nil {
		if err := b.Slots.Acquire(ctx, 1); err != nil {
			return nil, &Error{Op: "building a probe of " + j.Subject, Err: err}
		}
		defer b.Slots.Release(1)
	}
	r := &ProbeResult{Isolation: b.isolation().Map()}
	r.Failed, err = s.probe(ctx, r)
	r.Log, r.CPU = s.plain(s.log.String()), s.cpu
	if r.Failed != nil || err != nil {
		if err != nil {
			return nil, s.fail("building a probe of "+j.Subject, err)
		}
		return r, nil
	}
	r.Artifact, err = artifact(s.got, filepath.Join(j.Out, j.Name))
	if err != nil {
		return nil, s.fail("keeping a probe of "+j.Subject, err)
	}
	return r, nil
}

func (s *side) probe(ctx context.Context, r *ProbeResult) (*Failure, error) {
	if failed, err := s.prepare(ctx); failed != nil || err != nil {
		return failed, err
	}
	pkg := s.job.Package
	if s.job.Version != "" {
		if failed, err := s.wrap(ctx); failed != nil || err != nil {
			return failed, err
		}
	}
	last := s.keeps(ctx, "probe "+probeVersion(), pkg)
	if last.from(s.job.Tree) && last.lend(s.got) { // it is no evidence of anything about the build: the same sources will do
		r.Packages, r.Types = last.note.Packages, last.note.Types
		return nil, nil
	}
	p, failed, err := s.one(ctx, pkg)
	if failed != nil || err != nil {
		return failed, err
	}
	before, failed, err := s.deps(ctx, pkg)
	if failed != nil || err != nil {
		return failed, err
	}
	for _, need := range []string{"plugin", "syscall"} {
		if !slices.Contains(before, need) {
			return nil, &Error{Op: "building a probe of " + s.job.Subject, Kind: NotProbeable,
				Text: fmt.Sprintf("%s does not hold package %q, so it cannot open plugins", p.ImportPath, need)}
		}
	}
	r.Types = ShortTypes
	if slices.Contains(before, "reflect") {
		r.Types = FullTypes
	}
	overlay, failed, err := s.overlay(p, probeSource(r.Types, slices.Contains(before, "os")))
	if failed != nil || err != nil {
		return failed, err
	}
	after, failed, err := s.deps(ctx, pkg, "-overlay="+overlay)
	if failed != nil || err != nil {
		return failed, err
	}
	if !slices.Equal(before, after) {
		return nil, fmt.Errorf("building a probe of %s: the overlay changed the packages that it is linked from", s.job.Subject)
	}
	r.Packages = after
	more := []string{"-overlay=" + overlay}
	if s.job.Version != "" && !slices.ContainsFunc(s.job.Flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "trimpath") }) {
		more = append(more, "-trimpath")
	}
	failed, err = s.goBuild(ctx, more, pkg)
	if sources, unread := s.job.Tree.Sources(); failed == nil && err == nil && unread == nil {
		last.take(s.got, keptNote{Sources: sources, Packages: r.Packages, Types: r.Types})
	}
	return failed, err
}

// overlay writes the two files and the JSON file that puts them into the package.
func (s *side) overlay(p listed, source string) (file string, failed *Failure, err error) {
	no := func(format string, args ...any) (string, *Failure, error) {
		return "", nil, &Error{Op: "building a probe of " + s.job.Subject, Text: fmt.Sprintf(format, args...), Kind: NotProbeable}
	}
	if p.Name != "main" {
		return no("%s is not a main package", p.ImportPath)
	}
	replace := map[string]string{}
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		seen := filepath.Join(p.Dir, name)
		data, err := readSmall(s.outside(seen))
		if err != nil {
			return "", nil, err
		}
		if bytes.Contains(data, []byte(shippedMain)) || name == probeFile {
			return no("%s uses the name %s itself", p.ImportPath, shippedMain)
		}
		renamed, ok, err := renameMain(name, data)
		if err != nil {
			return "", &Failure{Op: "parse", Text: s.plain(err.Error()), Side: s.name}, nil
		}
		if ok {
			replace[seen] = filepath.Join(s.root, "overlay_"+name)
			if err := os.WriteFile(replace[seen], renamed, 0o644); err != nil {
				return "", nil, err
			}
		}
	}
	if len(replace) != 1 {
		return "", &Failure{Op: "go build", Text: fmt.Sprintf("function main is declared %d times in %s", len(replace), p.ImportPath), Side: s.name}, nil
	}
	added := filepath.Join(s.root, probeFile)
	if err := os.WriteFile(added, []byte(source), 0o644); err != nil {
		return "", nil, err
	}
	replace[filepath.Join(p.Dir, probeFile)] = added
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", nil, err
	}
	file = filepath.Join(s.root, "overlay.json")
	return file, nil, os.WriteFile(file, data, 0o644)
}

// outside is where this process finds a file that commands of the side see at path.
func (s *side) outside(path string) string {
	for _, b := range s.cmd.Binds {
		if within(b.To, path) {
			return b.From + strings.TrimPrefix(path, b.To)
		}
	}
	return path
}

// renameMain renames func main, if the file declares it, and leaves every other byte alone.
func renameMain(name string, data []byte) ([]byte, bool, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, data, parser.SkipObjectResolution)
	if err != nil {
		return nil, false, err
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Name.Name != "main" {
			continue
		}
		at := fset.PositionFor(fn.Name.Pos(), false).Offset
		return slices.Concat(data[:at], []byte(shippedMain), data[at+len("main"):]), true, nil
	}
	return data, false, nil
}
