package inquiry

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/cause"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

// Shipped is what a comparison with shipped bytes gave.
type Shipped struct {
	SHA256  results.Digest
	Equal   bool     // side a has these bytes
	Verdict string   // of the comparison of side a with the shipped file; "" if only its digest is known, or it is no ELF file
	Causes  []Cause  // proven ones where settings were found that give the shipped bytes, else what the files show
	Tried   []string // settings that were tried
	Settles []string // of those, a minimal part that gives the shipped bytes
	Fix     *Fix     // the same as flags and environment; nil if another Go is part of it, or there are none
	Builds  int
	CPU     float64 // seconds
}

// Ask is what was shipped, and where other Gos are.
type Ask struct {
	SHA256 results.Digest
	File   string                                                       // "" if only the digest is known
	Go     func(ctx context.Context, name string) (toolchain.Go, error) // nil: no other Go is tried
	Options
}

// setting is one thing in which the shipped build may have been different.
type setting struct {
	name string // in words: "-tags=extra", "without -trimpath", "go1.25.3"
	id   string // the cause that it stands for
	on   func(*build.Job)
	flag bool // it is expressed by flags and environment
}

// Against compares twins with shipped bytes. If side a has others, settings that the shipped file tells of, or that are often forgotten, are
// tried until a build has the shipped bytes.
func Against(ctx context.Context, b *build.Builder, j build.Job, r *build.TwinResult, ask Ask) (*Shipped, error) {
	s := &Shipped{SHA256: ask.SHA256, Equal: r.A.SHA256 == ask.SHA256}
	if s.Equal {
		return s, nil
	}
	if ask.Most <= 0 {
		ask.Most = DefaultMost / 2
	}
	var diff *elfdiff.Report
	if ask.File != "" {
		if diff = compare(r.A.Artifact, build.Artifact{File: ask.File, Size: sizeOf(ask.File)}); diff != nil {
			s.Verdict = diff.Verdict.String()
		}
	}
	sure, maybe, err := settings(ctx, j, r.A.File, ask)
	if err != nil {
		return nil, err
	}
	lab, err := b.Lab(ctx, j)
	if err != nil {
		return nil, err
	}
	defer lab.Close()
	w := &work{lab: lab, job: j, opt: ask.Options}
	err = w.settle(ctx, s, sure, maybe)
	s.Builds, s.CPU = lab.Builds(), lab.CPU().Seconds()
	if err != nil && !errors.Is(err, errSpent) {
		return nil, err
	}
	if len(s.Settles) == 0 {
		s.Causes = nil
		if diff != nil {
			for _, k := range diff.Causes {
				s.Causes = append(s.Causes, Cause{ID: k.ID, Evidence: k.Evidence, Guess: k.Guess})
			}
		}
		if len(s.Causes) == 0 {
			s.Causes = []Cause{{ID: unknown, Evidence: "nothing that was tried gives the shipped bytes; give the shipped file itself to learn more"}}
			if ask.File != "" {
				s.Causes[0].Evidence = "nothing that was tried gives the shipped bytes"
			}
		}
	}
	return s, nil
}

// settle looks for settings that give the shipped bytes: all that the file tells of, with each of those that no file tells of, then fewer.
func (w *work) settle(ctx context.Context, s *Shipped, sure, maybe []setting) error {
	names := func(list []setting) (out []string) {
		for _, x := range list {
			out = append(out, x.name)
		}
		return out
	}
	all := slices.Concat(sure, maybe)
	s.Tried = names(all)
	equal := func(ctx context.Context, chosen []string) (bool, error) {
		j := w.job
		j.Flags, j.Env = slices.Clone(j.Flags), maps.Clone(j.Env)
		for _, x := range all {
			if slices.Contains(chosen, x.name) {
				x.on(&j)
			}
		}
		r, err := w.build(ctx, build.Order{Side: "a", On: vary.None(), Job: &j})
		if err != nil {
			return false, err
		}
		return r.Failed == nil && r.SHA256 == s.SHA256, nil
	}
	var sets [][]string
	if len(sure) > 0 {
		sets = append(sets, names(sure))
	}
	for _, m := range maybe {
		sets = append(sets, append(names(sure), m.name))
	}
	for i, m := range maybe { // two at once
		for _, n := range maybe[i+1:] {
			sets = append(sets, append(names(sure), m.name, n.name))
		}
	}
	for _, set := range sets {
		w.say("building with " + strings.Join(set, ", "))
		ok, err := equal(ctx, set)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		found, err := (&vary.Search{Seed: w.opt.Seed, Most: w.opt.Most}).Minimize(ctx, set, equal)
		if err != nil && !errors.Is(err, errSpent) {
			return err
		}
		j, onlyFlags := w.job, true
		j.Flags, j.Env = slices.Clone(j.Flags), maps.Clone(j.Env)
		s.Settles = found.Guilty
		for _, x := range all {
			if slices.Contains(found.Guilty, x.name) {
				x.on(&j)
				onlyFlags = onlyFlags && x.flag
				s.Causes = append(s.Causes, Cause{ID: x.id, Proven: true, Input: x.name, Evidence: "the shipped file was built with " + x.name + ": with it, side a has the shipped bytes"})
			}
		}
		if s.Causes = merge(s.Causes); onlyFlags {
			s.Fix = &Fix{Text: "build with " + strings.Join(found.Guilty, ", "), Flags: j.Flags, Env: j.Env}
		}
		return nil
	}
	return nil
}

// settings lists what the shipped file's build information says that side a's does not (sure), and what no file tells (maybe).
func settings(ctx context.Context, j build.Job, own string, ask Ask) (sure, maybe []setting, err error) {
	flag := func(f string) setting {
		name, _, _ := strings.Cut(f, "=")
		return setting{name: f, id: causeOf(name), flag: true, on: func(j *build.Job) { j.Flags = withFlag(j.Flags, f) }}
	}
	for _, f := range []string{"-ldflags=-s -w", "-ldflags=-buildid=", "-ldflags=-w"} {
		maybe = append(maybe, flag(f))
	}
	maybe[0].id, maybe[1].id, maybe[2].id = "stripped", "build-id", "stripped"
	theirs, err := buildinfo.ReadFile(ask.File)
	if ask.File == "" || err != nil { // only the digest, or no build information
		for _, f := range []string{"-trimpath", "-buildvcs=false", "-buildvcs=true"} {
			maybe = append(maybe, flag(f))
		}
		levels := map[string][]string{"amd64": {"GOAMD64", "v1", "v2", "v3"}, "arm": {"GOARM", "5", "6", "7"}}[j.Arch]
		for i := 1; i < len(levels); i++ {
			if j.Env[levels[0]] != levels[i] {
				maybe = append(maybe, variable(levels[0], levels[i]))
			}
		}
		return nil, slices.DeleteFunc(maybe, func(x setting) bool { return has(j, x) }), nil
	}
	if stripped(ask.File) == stripped(own) {
		maybe = slices.DeleteFunc(maybe, func(x setting) bool { return x.id == "stripped" })
	}
	ours, err := buildinfo.ReadFile(own)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the build information of side a: %w", err)
	}
	if theirs.GoVersion != ours.GoVersion && ask.Go != nil {
		name, _, _ := strings.Cut(theirs.GoVersion, " ")
		if g, err := ask.Go(ctx, name); err == nil {
			sure = append(sure, setting{name: name, id: "go-version", on: func(j *build.Job) { j.Go = g }})
		} else if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
	a, b := recorded(ours), recorded(theirs)
	for _, k := range slices.Sorted(maps.Keys(union(a, b))) {
		va, inA := a[k]
		vb, inB := b[k]
		if va == vb && inA == inB || va == "" && vb == "" {
			continue
		}
		if _, trimmed := b["-trimpath"]; trimmed && !inB && (k == "-ldflags" || strings.HasPrefix(k, "CGO_")) {
			continue // it is not recorded then
		}
		if x, ok := fromInfo(k, vb, inB); ok {
			sure = append(sure, x)
		}
	}
	return slices.DeleteFunc(sure, func(x setting) bool { return has(j, x) }), slices.DeleteFunc(maybe, func(x setting) bool { return has(j, x) }), nil
}

// fromInfo makes a setting of what a file's build information records under a key; given is false if it does not have it.
func fromInfo(key, value string, given bool) (setting, bool) {
	switch {
	case key == "vcs":
		f := map[bool]string{true: "-buildvcs=true", false: "-buildvcs=false"}[given]
		return setting{name: f, id: "vcs-stamp", flag: true, on: func(j *build.Job) { j.Flags = withFlag(j.Flags, f) }}, true
	case strings.HasPrefix(key, "vcs"), key == "-buildmode", key == "-compiler", key == "GOOS", key == "GOARCH", key == "CGO_ENABLED", key == "DefaultGODEBUG", key == "GOFIPS140":
		return setting{}, false
	case strings.HasPrefix(key, "-"):
		f := key + "=" + value
		x := setting{name: f, id: causeOf(key), flag: true, on: func(j *build.Job) { j.Flags = withFlag(without(j.Flags, key), f) }}
		if !given || value == "" {
			x.name, x.on = "without "+key, func(j *build.Job) { j.Flags = without(j.Flags, key) }
		}
		return x, true
	}
	return variable(key, value), true
}

func variable(key, value string) setting {
	return setting{name: key + "=" + value, id: causeOf(key), flag: true, on: func(j *build.Job) {
		if j.Env == nil {
			j.Env = map[string]string{}
		}
		j.Env[key] = value
	}}
}

// causeOf is the cause that a setting of cmd/go stands for.
func causeOf(key string) string {
	id := map[string]string{"-trimpath": "trimpath-one-side", "-ldflags": "ldflags", "-buildvcs": "vcs-stamp"}[key]
	if id == "" {
		id = elfdiff.SettingCause(key)
	}
	if _, ok := cause.Lookup(id); !ok {
		return unknown
	}
	return id
}

// has reports whether the job is as the setting says already.
func has(j build.Job, x setting) bool {
	k := j
	k.Flags, k.Env = slices.Clone(j.Flags), maps.Clone(j.Env)
	x.on(&k)
	return slices.Equal(k.Flags, j.Flags) && maps.Equal(k.Env, j.Env) && k.Go.Digest == j.Go.Digest
}

func without(flags []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool {
		have, _, _ := strings.Cut("-"+strings.TrimLeft(f, "-"), "=")
		return have == name
	})
}

func recorded(info *debug.BuildInfo) map[string]string {
	m := map[string]string{}
	for _, s := range info.Settings {
		m[s.Key] = s.Value
	}
	return m
}

func union(a, b map[string]string) map[string]bool {
	m := map[string]bool{}
	for k := range a {
		m[k] = true
	}
	for k := range b {
		m[k] = true
	}
	return m
}

func stripped(file string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Section(".symtab") == nil
}

func sizeOf(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
