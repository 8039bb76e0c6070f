package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images/links"
	"github.com/plugproof/plugproof/verify/abi"
)

var errIsDir = error(syscall.EISDIR)

// inputs are a sequence's files as abi takes them. done closes them.
func (a *agree) inputs(sc *scene) (host abi.Input, ins []abi.Input, opt abi.Options, done func(), err error) {
	base := a.base(sc.target)
	opt = abi.Options{NoDigest: true, Root: links.Dir("/")}
	if sc.target.libc == "musl" {
		cc := a.compilers[sc.target]
		opt.Root = root{sc, base, cc.loader, cc.interp}
	}
	var open []io.Closer
	done = func() {
		for _, c := range open {
			c.Close()
		}
	}
	take := func(name, given string) abi.Input {
		in, c, e := sc.input(name, given, base)
		if e != nil {
			err = e
		} else {
			open = append(open, c)
		}
		return in
	}
	host = take(sc.names[0], sc.names[0])
	for i := range sc.plugins {
		ins = append(ins, take(sc.names[i+1], sc.given(i, base)))
	}
	if err != nil {
		done()
	}
	return host, ins, opt, done, err
}

// predict asks abi about a sequence, once with the host and once with its lock, and says how the two differ.
func (a *agree) predict(sc *scene) (rep *abi.Report, disagreement string, err error) {
	host, ins, opt, done, err := a.inputs(sc)
	if err != nil {
		return nil, "", err
	}
	defer done()
	if rep, err = abi.Predict(host, ins, opt); err != nil {
		return nil, "", fmt.Errorf("predicting %s: %w", sc, err)
	}
	local := sc.find(sc.names[0]).local
	text, ok := a.locks[local]
	if !ok {
		l, err := abi.Export(host)
		if err != nil {
			return nil, "", fmt.Errorf("exporting the lock of %s: %w", sc.names[0], err)
		}
		text = l.Text()
		a.locks[local] = text
	}
	l, err := abi.ParseLock(text)
	if err != nil {
		return nil, "", fmt.Errorf("reading the lock of %s: %w", sc.names[0], err)
	}
	in := l.Input(host.Path)
	in.Real = host.Real
	locked, err := abi.Predict(in, ins, opt)
	if err != nil {
		return nil, "", fmt.Errorf("predicting %s from the host's lock: %w", sc, err)
	}
	return rep, cmp.Diff(claims(rep), claims(locked)), nil
}

// claims are a report's answers: without causes and drift, for which a lock has less evidence.
func claims(r *abi.Report) []abi.Plugin {
	var out []abi.Plugin
	for _, p := range r.Plugins {
		p.Cause, p.Drift, p.Code = nil, nil, nil
		out = append(out, p)
	}
	return out
}

// The fates of one prediction.
const (
	right   = "right"
	wrong   = "wrong"
	apart   = "apart"   // what the files do not say: init code, what follows a poisoned open, and what is said to be undecided
	crashed = "crashed" // right: predicted poisoned, opened, and crashed then
)

// judge compares prediction and reality open by open. text says what is wrong.
func judge(sc *scene, rep *abi.Report, got *seen) (fates []string, text string) {
	undecided := "" // why the rest cannot be decided
	var bad []string
	for i, p := range rep.Plugins {
		s := got.Plugins[i]
		last := i+1 == len(got.Plugins) || got.Plugins[i+1].Outcome == "not-reached" || got.Plugins[i+1].Outcome == "unobserved"
		died := s.Outcome == "ok" && last && got.Kind != string(vm.Exited) // after the open, in code that was called
		if rec := recipeOf(sc.ref(sc.plugins[i]).name); undecided == "" && rec != nil && rec.silent != "" && (rec.where == "" && p.Verdict == abi.OK || rec.where == sc.target.libc) {
			undecided = rec.silent
		}
		if undecided == "" && p.Undecided != nil {
			undecided = *p.Undecided
		}
		if undecided != "" {
			fates = append(fates, apart)
			continue
		}
		fate := right
		switch {
		case p.Verdict == abi.Poisoned && !p.KillsHost:
			if s.Outcome != "ok" || died {
				fate = wrong
			}
		case p.Verdict == abi.Poisoned:
			if died {
				fate = crashed
			}
			if s.Outcome != "ok" && s.Outcome != "throw" && s.Outcome != "signal" {
				fate = wrong
			}
			undecided = "an earlier open was poisoned"
		case died:
			fate = wrong
		case p.Verdict == abi.NotReached:
			if s.Outcome != "not-reached" {
				fate = wrong
			}
		case p.KillsHost:
			if s.Outcome != "throw" && s.Outcome != "signal" && !(s.Outcome == "hang" && strings.Contains(p.Cause.Evidence, "blocks for ever")) {
				fate = wrong
			}
		case p.Error != nil:
			if s.Outcome != "error" || s.Error != *p.Error || named(s) != deref(p.Package) {
				fate = wrong
			}
		case p.Verdict == abi.OK:
			if s.Outcome != "ok" {
				fate = wrong
			}
		case p.Verdict == abi.HostCannotLoad && s.Outcome == "not-reached": // the host died at the first
		default:
			fate = wrong
		}
		if fate == wrong {
			bad = append(bad, fmt.Sprintf("  open %d, %s: predicted %s %s, seen %s %s", i, sc.plugins[i], p.Verdict, deref(p.Error), s.Outcome, s.Error))
			undecided = "an earlier open was predicted wrongly"
		}
		fates = append(fates, fate)
	}
	if len(bad) > 0 {
		bad = append(bad, fmt.Sprintf("  the process ended: %s: %s", got.Kind, got.LastLine))
	}
	return fates, strings.Join(bad, "\n")
}

// named is the package that an error names.
func named(s guest.Plugin) string {
	_, pkg, _ := strings.Cut(s.Error, ": plugin was built with a different version of package ")
	return strings.TrimSuffix(pkg, " (previous failure)")
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

var errDisagree = errors.New("prediction and reality disagree")
