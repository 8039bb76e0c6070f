package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// test is one test, or one package where the name is empty.
type test struct {
	pkg, name string
	begun     time.Time
	output    strings.Builder
	parent    bool // it has subtests
	paused    bool // it waits for its turn
	below     bool // one of them failed
}

// key is a test's place in the tally.
type key struct{ pkg, name string }

// tally follows go test and counts.
type tally struct {
	to, log                 io.Writer
	running                 map[key]*test
	passed, failed, skipped int
	skips, failures         []string
	said                    time.Time
}

func newTally(to, log io.Writer) *tally {
	return &tally{to: to, log: log, running: map[key]*test{}, said: time.Now()}
}

func (t *tally) say(format string, args ...any) {
	t.said = time.Now()
	fmt.Fprintf(t.to, format+"\n", args...)
}

// take counts one event.
func (t *tally) take(e event) {
	io.WriteString(t.log, e.Output)
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		t.say("%s", strings.TrimSuffix(e.Output, "\n"))
	case "start", "run":
		t.running[k] = &test{pkg: e.Package, name: e.Test, begun: time.Now()}
		if up := strings.LastIndex(e.Test, "/"); up >= 0 {
			if p := t.running[key{e.Package, e.Test[:up]}]; p != nil {
				p.parent = true
			}
		}
	case "pause", "cont":
		if now := t.running[k]; now != nil {
			now.paused, now.begun = e.Action == "pause", time.Now()
		}
	case "output":
		if now := t.running[k]; now != nil && !strings.HasPrefix(e.Output, "=== ") {
			now.output.WriteString(e.Output)
		}
		if e.Test == "" && packageLine(e.Output) {
			t.say("%s", strings.TrimSuffix(e.Output, "\n"))
		}
	case "pass", "fail", "skip":
		now := t.running[k]
		delete(t.running, k)
		if now == nil {
			now = &test{pkg: e.Package, name: e.Test}
		}
		if e.Test == "" {
			t.packageEnded(e, now)
			return
		}
		t.testEnded(e, now)
	}
}

// packageLine is one of the lines that go test writes about a package as a whole.
func packageLine(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "?   \t")
}

func (t *tally) testEnded(e event, now *test) {
	name := path.Base(now.pkg) + " " + now.name
	switch {
	case e.Action == "fail":
		if up := strings.LastIndex(now.name, "/"); up >= 0 {
			if p := t.running[key{now.pkg, now.name[:up]}]; p != nil {
				p.below = true
			}
		}
		if !now.below {
			t.failed++
			t.failures = append(t.failures, name)
		}
		if said := strings.TrimRight(now.output.String(), "\n"); !now.below || strings.Count(said, "\n") > 0 {
			t.say("--- FAIL: %s (%.1f s)\n%s", name, e.Elapsed, said)
		}
	case now.parent:
	case e.Action == "skip":
		t.skipped++
		t.skips = append(t.skips, name+": "+reason(now.output.String()))
	default:
		t.passed++
		if e.Elapsed >= slow {
			t.say("    pass  %s (%.1f s)", name, e.Elapsed)
		}
	}
}

// packageEnded counts what a failed package left without an end, and what it said outside its tests.
func (t *tally) packageEnded(e event, now *test) {
	open := 0
	for k, left := range t.running {
		if k.pkg != e.Package || k.name == "" {
			continue
		}
		delete(t.running, k)
		if left.parent {
			continue
		}
		open++
		t.failed++
		t.failures = append(t.failures, path.Base(k.pkg)+" "+k.name+": it did not end")
		t.say("--- NO END: %s %s\n%s", path.Base(k.pkg), k.name, strings.TrimRight(left.output.String(), "\n"))
	}
	if e.Action != "fail" {
		return
	}
	said := strings.TrimSpace(now.output.String())
	if open == 0 && !slices.ContainsFunc(t.failures, func(f string) bool { return strings.HasPrefix(f, path.Base(e.Package)+" ") }) {
		t.failed++ // it does not compile, or its TestMain ended it
		t.failures = append(t.failures, path.Base(e.Package)+" the package itself")
		t.say("--- FAIL: %s\n%s", e.Package, said)
	}
}

// reason is what a skipped test said last.
func reason(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" && !strings.HasPrefix(line, "--- ") {
			return line
		}
	}
	return "no reason given"
}

// beat says what is running if nothing was said for a while.
func (t *tally) beat() {
	if time.Since(t.said) < heartbeat {
		return
	}
	var names []string
	for k, now := range t.running {
		if k.name != "" && !now.parent && !now.paused {
			names = append(names, fmt.Sprintf("%s %s (%.0f s)", path.Base(k.pkg), k.name, time.Since(now.begun).Seconds()))
		}
	}
	slices.Sort(names)
	if n := len(names); n > 4 {
		names = append(names[:4], fmt.Sprintf("%d more", n-4))
	}
	if len(names) == 0 {
		names = []string{"building"}
	}
	t.say("    ... %d passed; running: %s", t.passed, strings.Join(names, ", "))
}

// finish writes the skips with their reasons, the failures by name, and the line of totals.
func (t *tally) finish(logName string) {
	for _, s := range t.skips {
		t.say("skipped  %s", s)
	}
	for _, f := range t.failures {
		t.say("failed   %s", f)
	}
	t.say("log      %s", logName)
	t.say("tests: %d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
}
