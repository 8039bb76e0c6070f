package worker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/testplugin"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
)

// template is a cell as plan makes it of goTestProject.
func template(t *testing.T) plan.Cell {
	t.Helper()
	p, err := plan.ParseProject(testplugin.Module, []byte(goTestProject))
	if err != nil {
		t.Fatal(err)
	}
	p.Name = testplugin.Module
	cells, err := plan.Cells(p, plan.Selection{DefaultGo: "go1.26.8", Arch: []string{"arm"}, Libc: []string{"musl"}})
	if err != nil || len(cells) != 1 {
		t.Fatal(cells, err)
	}
	return cells[0]
}

func TestChooseNamesWhatIsLeftOut(t *testing.T) {
	cases := []testplugin.Case{{Name: "TestA"}, {Name: "TestB", Skip: "not here"}, {Name: "TestC"}}
	tests := []struct {
		name   string
		asked  []string
		chosen []string
		left   []LeftOut
	}{
		{"all", nil, []string{"TestA", "TestC"}, []LeftOut{{Test: "TestB", Go: "go1.26.8", Arch: "arm", Reason: "not here"}}},
		{"one", []string{"TestC"}, []string{"TestC"}, nil},
		{"a skipped and an unknown one", []string{"TestB", "TestD"}, nil,
			[]LeftOut{{Test: "TestB", Go: "go1.26.8", Arch: "arm", Reason: "not here"}, {Test: "TestD", Go: "go1.26.8", Arch: "arm", Reason: "this Go has no such test"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, left := choose(cases, tt.asked, template(t), map[string]bool{})
			var names []string
			for _, c := range got {
				names = append(names, c.Name)
			}
			if diff := cmp.Diff(tt.chosen, names) + cmp.Diff(tt.left, left); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGoTestCells(t *testing.T) {
	run := []testplugin.Run{{Argv: []string{"./x.exe"}, Count: 1}}
	loads := goTestCell(template(t), testplugin.Case{Name: "TestX", Runs: run})
	builds := goTestCell(template(t), testplugin.Case{Name: "TestY"})
	if diff := cmp.Diff([]results.Step{results.Rebuild, results.Load}, loads.Steps) + cmp.Diff([]results.Step{results.Rebuild}, builds.Steps); diff != "" {
		t.Error(diff)
	}
	if loads.Cell.Project != "testplugin:TestX" || loads.ID() == builds.ID() {
		t.Errorf("got cells %s and %s", loads.Cell, builds.Cell)
	}
	c := &cell{Cell: loads}
	pie := goTestJob(c, testplugin.Build{Dir: testplugin.Alt, Package: "./p/main.go", Out: "p.exe", Mode: testplugin.PIE, Flags: []string{"-gcflags=all=-N -l"}})
	want := plan.Job{Subject: "p.exe", Package: "./p/main.go", Dir: "../alt", Go: plan.GoSpec{Name: "go1.26.8"}, Env: map[string]string{"GOARM": "7"},
		Flags: []string{"-trimpath", "-buildvcs=false", "-buildmode=pie", "-gcflags=all=-N -l"}, Rebuild: "identical"}
	if diff := cmp.Diff(want, pie); diff != "" {
		t.Error(diff)
	}
}

func TestEndOfAProgram(t *testing.T) {
	tests := []struct {
		r         vm.Result
		end, text string
	}{
		{vm.Result{Kind: vm.Exited}, "ok", "it said nothing"},
		{vm.Result{Kind: vm.Exited, Exit: 1, Stderr: []byte("a\nb\n")}, "exit 1", "b"},
		{vm.Result{Kind: vm.Exited, Exit: 1, Stdout: []byte("a\nb\n")}, "exit 1", "b"},
		{vm.Result{Kind: vm.Thrown, Exit: 2, Stderr: []byte("fatal error: x\n\ngoroutine 1\n")}, "throw", "fatal error: x"},
		{vm.Result{Kind: vm.Signalled, Signal: 11}, "signal", "signal 11"},
		{vm.Result{Kind: vm.Hung, Error: "hang: idle", Stderr: []byte("SIGQUIT: quit\n")}, "hang", "hang: idle: SIGQUIT: quit"},
		{vm.Result{Kind: vm.NotReached, Exit: -1}, "not-reached", "it said nothing"},
	}
	for _, tt := range tests {
		if got := [2]string{endOf(tt.r), whyEnded(tt.r)}; got != [2]string{tt.end, tt.text} {
			t.Errorf("%+v: got %q", tt.r, got)
		}
	}
}

func TestTellApart(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"main/common/common.go", "main/host/host.go", "alt/common/common.go", "alt/plugin-mismatch/main.go", "alt/go.mod", "main/go.mod"} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := tellApart(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main/common/common.go", "alt/common/alt_common.go", "alt/plugin-mismatch/main.go", "alt/go.mod"} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "alt/common/common.go")); err == nil {
		t.Error("the other version still has its name")
	}
}
