package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/harness/cli"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

func TestMain(m *testing.M) {
	proc.Main() // does not return in a supervisor
	if filepath.Base(os.Args[0]) == "plugproof" {
		os.Exit(cli.Main(cli.OS()))
	}
	os.Exit(m.Run())
}

// Three kills of four cells. make chaos does fifty of forty.
func TestThreeKills(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and loads for half a minute; not under -short")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "plugproof")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	names, err := projects(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := chaos{program: program, dir: dir, kills: 3, seed: 7, env: []string{"GOPROXY=off"}, say: func(line string) { t.Log(line) },
		args: append([]string{"verify", "--go", "go1.25.3,go1.26.8", "--pairs", "all", "--arch", "amd64"}, names...)}
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What chaos looks for, it finds.
func TestDifferencesAreSeen(t *testing.T) {
	cell := results.Cell{Project: "p", HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "arm", Level: "GOARM=7", Libc: "musl", Image: "default"}
	rec := func(step results.Step, verdict string, cpu float64) results.Record {
		return results.Record{Cell: cell, Step: step, Status: results.Pass, Verdict: verdict, Expected: verdict, CPU: cpu, Run: "r",
			Subjects: []results.Subject{{Name: "./p", Status: results.Pass, Verdict: verdict, Expected: verdict}}}.Normal()
	}
	read := func(recs ...results.Record) ([]string, error) {
		plan := results.Plan{Schema: results.PlanSchema, Run: "r", Cells: []results.PlannedCell{{ID: cell.ID(), Cell: cell, Steps: []results.Step{results.ABI, results.Load}}}}
		return timeless(store.Contents{Plan: &plan, Records: recs})
	}
	want, err := read(rec(results.ABI, "ok", 1), rec(results.Load, "ok", 2))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(rec(results.Load, "ok", 7), rec(results.ABI, "ok", 0)); err != nil || same(want, got) != nil {
		t.Errorf("order and times count: %v, %v", err, same(want, got))
	}
	if got, err := read(rec(results.ABI, "ok", 1), rec(results.Load, "error", 2)); err != nil || same(want, got) == nil {
		t.Errorf("another outcome was not seen: %v", err)
	}
	if same(want, want[:1]) == nil || same(want[:1], want) == nil {
		t.Error("a lost record was not seen")
	}
	if _, err := read(rec(results.ABI, "ok", 1), rec(results.ABI, "ok", 2), rec(results.Load, "ok", 2)); err == nil || !strings.Contains(err.Error(), "has 2 records") {
		t.Errorf("a doubled record: %v", err)
	}
	if _, err := read(rec(results.ABI, "ok", 1)); err == nil || !strings.Contains(err.Error(), "has 0 records") {
		t.Errorf("a missing record: %v", err)
	}
}
