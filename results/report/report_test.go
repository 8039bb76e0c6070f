package report_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func cell(project, arch, level, plug string) results.Cell {
	return results.Cell{Project: project, HostGo: "go1.26.8", PluginGo: plug, Arch: arch, Level: level, Libc: "musl", Image: "default"}
}

// sample is a run with a row of every kind.
func sample() (*results.Plan, []results.Record) {
	plan := &results.Plan{Schema: results.PlanSchema, Run: "20261123T034501Z-ab12", Tool: "v0.1.0", Changed: "a file has another name",
		LeftOut: []results.LeftOut{{Test: "TestGdb", Go: "go1.26.8", Arch: "arm", Reason: "no gdb\x1b[31m"}}}
	var recs []results.Record
	add := func(c results.Cell, rs ...results.Record) {
		plan.Cells = append(plan.Cells, results.PlannedCell{ID: c.ID(), Cell: c, Steps: []results.Step{results.Rebuild, results.ABI, results.Load}})
		for _, r := range rs {
			r.Cell, r.Run, r.Seconds = c, plan.Run, 2.5
			switch r.Step {
			case results.Rebuild:
				r.Spend(results.PhaseBuild, 3)
				r.Spend(results.PhaseProbe, 1)
			case results.Load:
				r.Spend(results.PhaseRestore, 1)
				r.Spend(results.PhaseLoad, 3)
			default:
				r.CPU = 4
			}
			r.Started = time.Date(2026, 11, 23, 3, 45, 1, 0, time.UTC)
			if r.Step == results.Load && r.Status != results.Error {
				r.Boots = 1
				r.Inputs = results.Inputs{KernelName: "6.1.0-41", QEMU: "7.2.19", Accelerator: "tcg", ImageOrigin: "debian-musl"}
			}
			recs = append(recs, r.Normal())
		}
	}
	rec := func(step results.Step, status results.Status, verdict, expected string) results.Record {
		r := results.Record{Step: step, Status: status, Verdict: verdict, Expected: expected}
		if status == results.Pass { // which something was looked at for
			r.Subjects = []results.Subject{{Name: "./p", Status: status, Verdict: verdict, Expected: expected}}
		}
		if status == results.Pass && step == results.Rebuild {
			r.Artifacts = []results.Artifact{{Name: "plugin.0.a", SHA256: results.DigestOf(nil)}, {Name: "plugin.0.b", SHA256: results.DigestOf(nil)}}
		}
		if status == results.Pass && step == results.ABI {
			r.Artifacts = []results.Artifact{{Name: "plugin.0", SHA256: results.DigestOf(nil)}}
		}
		return r
	}
	add(cell("fixture:match", "amd64", "GOAMD64=v1", "go1.26.8"), rec(results.Rebuild, results.Pass, "identical", "identical"), rec(results.ABI, results.Pass, "ok", "ok"), rec(results.Load, results.Pass, "ok", "ok"))
	clock := rec(results.Rebuild, results.Fail, "data", "identical")
	clock.Subjects = []results.Subject{{Name: "host", Status: results.Pass, Verdict: "identical", Expected: "identical"}, {Name: "./plugins/greet", Status: results.Fail, Verdict: "data", Expected: "identical", Text: ".rodata differs in 10 bytes\x1b[31m"}}
	clock.Causes = []results.Cause{{ID: "embedded-time", Subject: "./plugins/greet", Evidence: "-ldflags has {{cmd:date +%s}}, whose output was 1795405501 on side A and 1795405503 on side B", Fix: "take the time from the commit", Proven: true}}
	clock.Log = "logs/clock-rebuild.log"
	add(cell("fixture:clock", "arm", "GOARM=7", "go1.26.8"), clock, rec(results.ABI, results.Pass, "ok", "ok"), rec(results.Load, results.Pass, "ok", "ok"))
	qemu := rec(results.Load, results.Error, "", "predicted")
	qemu.Reason = "qemu-system-arm: not found"
	add(cell("example.test/gateway//deep/inside/of/a/long/path", "arm", "GOARM=7", "go1.25.3"), rec(results.Rebuild, results.Pass, "identical", "identical"), rec(results.ABI, results.Pass, "abort", "predicted"), qemu)
	no := rec(results.Load, results.Skip, "", "ok")
	no.Reason = results.SkipRequested
	add(cell("fixture:cgo", "amd64", "GOAMD64=v1", "go1.26.8"), rec(results.Rebuild, results.Pass, "identical", "identical"), no)
	stray := rec(results.ABI, results.Pass, "ok", "ok")
	stray.Cell = cell("fixture:gone", "amd64", "GOAMD64=v1", "go1.26.8")
	return plan, append(recs, stray.Normal())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

func text(t *testing.T, r report.Report, st report.Style) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Text(&b, st); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	plan, recs := sample()
	r := report.New(plan, recs)
	golden(t, "wide.txt", text(t, r, report.Style{}))
	golden(t, "narrow.txt", text(t, r, report.Style{Width: 100}))
	j, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", j)
	x, err := r.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", x)
}

func TestJUnitCounts(t *testing.T) {
	plan, recs := sample()
	x, err := report.New(plan, recs).JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var got junit.Testsuites
	if err := xml.Unmarshal(x, &got); err != nil {
		t.Fatal(err)
	}
	// 4 cells of 3 steps and a stray record; an error, a missing step and the stray one are errors.
	if got.Tests != 13 || got.Failures != 1 || got.Errors != 3 || got.Skipped != 1 {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped", got.Tests, got.Failures, got.Errors, got.Skipped)
	}
}

func TestTextIsSafeAndNarrow(t *testing.T) {
	plan, recs := sample()
	r := report.New(plan, recs)
	out := string(text(t, r, report.Style{Width: 100}))
	for _, c := range out {
		if c < ' ' && c != '\n' {
			t.Fatalf("control character %q in the text", c)
		}
	}
	body, _, _ := strings.Cut(out, "\n4 cells") // the last line is for machines too and is not broken
	for _, l := range strings.Split(body, "\n") {
		if n := utf8.RuneCountInString(l); n > 100 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	if coloured := string(text(t, r, report.Style{Colour: true})); !strings.Contains(coloured, "\x1b[32mas expected\x1b[0m") {
		t.Error("no colour though it was asked for")
	}
}

func TestEmptyRuns(t *testing.T) {
	for name, plan := range map[string]*results.Plan{"no plan": nil, "no cells": {}} {
		r := report.New(plan, nil)
		if got := string(text(t, r, report.Style{})); !strings.Contains(got, "why the run\n  the ") || !strings.Contains(got, "0 cells") {
			t.Errorf("%s: %q", name, got)
		}
		if _, err := r.JUnit(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkText shows a run whose only error text is 1 MiB long: layout is linear in it.
func BenchmarkText(b *testing.B) {
	plan, recs := sample()
	recs[3].Subjects[1].Text = strings.Repeat("a few words ", 1<<20/12)
	r := report.New(plan, recs)
	b.SetBytes(1 << 20)
	for b.Loop() {
		if err := r.Text(&bytes.Buffer{}, report.Style{Width: 80}); err != nil {
			b.Fatal(err)
		}
	}
}
