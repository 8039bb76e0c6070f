package cli

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/verify/policy"
)

// listShipped lists what a cell's shipped files may be linked from: those that by their build information were built from a package of
// the project's own modules. A file of another module, or that is not there, is passed over.
func (e *evidence) listShipped(ctx context.Context, l *listing, c plan.Cell, cc toolchain.C) error {
	i := slices.IndexFunc(c.Jobs(), func(j plan.Job) bool { return j.Package != "" && j.Version == "" })
	if i < 0 {
		return nil // no Go and no checkout to list with
	}
	like := c.Jobs()[i]
	for _, j := range c.Jobs() {
		if j.File == "" {
			continue
		}
		info, err := buildinfo.ReadFile(filepath.Join(e.project.Dir, filepath.FromSlash(j.File)))
		if err != nil || setting(info, "GOARCH") != c.Arch {
			continue
		}
		r, own, ok := e.shippedJob(like, j.Subject, info)
		if !ok {
			continue
		}
		question := fmt.Sprintf("%q %q %q %q %q %v", c.Arch, own.Dir, own.Package, goName(c, own.Go), own.Flags, own.Env)
		if _, ok := l.asked[question]; ok {
			continue
		}
		job := build.JobOf(l.tree, c, own, true, l.gos[goName(c, own.Go)], cc)
		job.Out, job.Name = l.shop.scratch, "listed" // nothing is built
		b, ok, err := e.linked(ctx, l.shop, job)
		if err != nil {
			return err
		}
		if l.asked[question] = b.Path; ok {
			e.Roots[r].Builds = append(e.Roots[r].Builds, b)
		} else {
			e.Roots[r].Unlisted = true
		}
	}
	return nil
}

// plainTags are build tags as cmd/go writes them into build information. They are the file's words, while a flag of a job may hold
// {{cmd:...}}, which is run.
var plainTags = regexp.MustCompile(`^[\pL\pN_.,]*$`)

// shippedJob is how a shipped file was built by what it says itself, as far as that decides which packages are part of it, with the Go and
// the environment of another job; and the index of the checkout that has its package.
func (e *evidence) shippedJob(like plan.Job, subject string, info *debug.BuildInfo) (int, plan.Job, bool) {
	pkg, ok := strings.CutPrefix(info.Path, info.Main.Path)
	if !ok || module.CheckImportPath(info.Path) != nil || pkg != "" && pkg[0] != '/' {
		return 0, like, false // of another module, or of a list of files
	}
	for i, r := range e.Roots {
		at := slices.IndexFunc(r.Manifests, func(m policy.Manifest) bool { return m.Module == info.Main.Path && m.Module != "" })
		if at < 0 {
			continue
		}
		dir, err := filepath.Rel(e.project.Dir, r.Manifests[at].Dir)
		if err != nil {
			return 0, like, false
		}
		tags := setting(info, "-tags")
		if !plainTags.MatchString(tags) {
			e.lose(e.RulesFile, "the packages of %s cannot be listed: by its build information it was built with the tags %.100q", subject, tags)
			e.Roots[i].Unlisted = true
			return 0, like, false
		}
		if dir == "." {
			dir = ""
		}
		out := like
		out.Subject, out.Dir, out.Package, out.Flags = subject, filepath.ToSlash(dir), "."+pkg, []string{"-tags=" + tags}
		for _, name := range []string{"-race", "-msan", "-asan"} {
			if setting(info, name) == "true" {
				out.Flags = append(out.Flags, name)
			}
		}
		for _, f := range like.Flags {
			if name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "="); name == "mod" || name == "modfile" {
				out.Flags = append(out.Flags, f)
			}
		}
		return i, out, true
	}
	return 0, like, false
}

// setting is what build information says of one of the build's settings, or "".
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
