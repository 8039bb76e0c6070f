package compare_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/compare"
)

// run makes a side of cells, each "HOSTGO PLUGINGO VERDICT", with a shape for each file.
func run(name string, shapes func(gover string) results.ModuleData, cells ...string) compare.Side {
	s := compare.Side{Plan: results.Plan{Schema: results.PlanSchema, Run: name, Tool: "v1"}, Shapes: map[results.Digest]results.Shape{}}
	for _, text := range cells {
		w := strings.Fields(text)
		c := results.Cell{Project: "example.test/p", HostGo: w[0], PluginGo: w[1], Arch: "arm", Level: "GOARM=7", Libc: "musl", Image: "default"}
		s.Plan.Cells = append(s.Plan.Cells, results.PlannedCell{ID: c.ID(), Cell: c, Steps: []results.Step{results.ABI, results.Load}})
		r := results.Record{Cell: c, Step: results.ABI, Status: results.Pass, Verdict: w[2], Expected: w[2], Inputs: results.Inputs{CC: "sha256:cc"}}
		r.Subjects = []results.Subject{{Name: "./p", Status: results.Pass, Verdict: w[2], Expected: w[2], Text: "at 0xc000" + name}}
		if w[2] != "ok" {
			r.Causes = []results.Cause{{ID: "go-version", Subject: "./p"}}
		}
		for i, g := range w[:2] {
			file := []string{"host", "plugin.0"}[i]
			d := results.DigestOf([]byte(file + g))
			r.Artifacts = append(r.Artifacts, results.Artifact{Name: file, SHA256: d, Size: int64(1000 + len(g)*i)})
			if shapes != nil {
				s.Shapes[d] = results.Shape{Schema: results.ShapeSchema, SHA256: d, Go: g, Module: shapes(g),
					Sections: []results.SectionSize{{Name: ".text", Size: uint64(len(g)) * 2000}, {Name: "only" + g, Size: 1}},
					Packages: []results.PackageHash{{Name: "runtime", Hash: g}, {Name: "errors", Hash: "0"}, {Name: "example.test/p", Hash: g}, {Name: "new/in/" + g, Hash: "1"}}}
			}
		}
		load := results.Record{Cell: c, Step: results.Load, Status: results.Pass, Verdict: map[string]string{"ok": "ok", "abort": "throw"}[w[2]], Expected: "predicted"}
		load.Subjects = []results.Subject{{Name: "./p", Status: results.Pass, Verdict: load.Verdict, Expected: "predicted"}}
		if load.Verdict == "throw" {
			load.Subjects[0].Text = "fatal error: the last words in run " + name
		}
		s.Records = append(s.Records, r.Normal(), load.Normal())
	}
	return s
}

func layouts(g string) results.ModuleData {
	m := results.ModuleData{Size: 24, PkgHashes: 8, Fields: []results.StructField{{Name: "pcHeader", Type: "*pcHeader", Offset: 0}, {Name: "pkghashes", Type: "[]modulehash", Offset: 8}, {Name: "old", Type: "int", Offset: 20}}}
	if g == "go1.26.8" {
		m = results.ModuleData{Size: 32, PkgHashes: 16, Fields: []results.StructField{{Name: "pcHeader", Type: "*pcHeader2", Offset: 0}, {Name: "epclntab", Type: "uintptr", Offset: 8}, {Name: "pkghashes", Type: "[]modulehash", Offset: 16}}}
	}
	return m
}

func TestToolchains(t *testing.T) {
	got := compare.Runs(run("a", layouts, "go1.25.3 go1.25.3 ok"), run("b", layouts, "go1.26.8 go1.26.8 ok"), compare.Options{})
	if got.Changed() || got.Pairs != 1 {
		t.Errorf("changed: %+v", got)
	}
	gos := compare.Renamed{From: "go1.25.3", To: "go1.26.8"}
	if diff := cmp.Diff([]compare.Renamed{gos}, got.Gos); diff != "" {
		t.Error(diff)
	}
	pk := results.StructField{Name: "pkghashes", Type: "[]modulehash", Offset: 8}
	moved := pk
	moved.Offset = 16
	want := []compare.Layout{{Arch: "arm", Gos: gos, Size: [2]uint64{24, 32}, PkgHashes: [2]uint64{8, 16},
		Added: []results.StructField{{Name: "epclntab", Type: "uintptr", Offset: 8}}, Removed: []results.StructField{{Name: "old", Type: "int", Offset: 20}},
		Moved:   []compare.Moved{{Name: "pkghashes", From: pk, To: moved}},
		Retyped: []compare.Moved{{Name: "pcHeader", From: results.StructField{Name: "pcHeader", Type: "*pcHeader"}, To: results.StructField{Name: "pcHeader", Type: "*pcHeader2"}}}}}
	if diff := cmp.Diff(want, got.Layouts); diff != "" {
		t.Error(diff)
	}
	if len(got.Packages) != 2 || got.Packages[1].Name != "plugin.0" {
		t.Fatalf("%+v", got.Packages)
	}
	p := compare.Packages{Arch: "arm", Name: "host", Subject: "host", Gos: gos, Same: 1, Std: 1,
		Changed: []string{"runtime", "example.test/p"}, Added: []string{"new/in/go1.26.8"}, Removed: []string{"new/in/go1.25.3"}}
	if diff := cmp.Diff(p, got.Packages[0]); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"every verdict, outcome and cause is the same\n", "module data, arm, go1.25.3 -> go1.26.8: 24 -> 32 bytes, pkghashes at 8 -> 16, +epclntab uintptr, -old int, 1 field moved", "fingerprints of ./p"} {
		if !strings.Contains(got.Text(), want) {
			t.Errorf("the text lacks %q:\n%s", want, got.Text())
		}
	}
}

func TestVerdicts(t *testing.T) {
	a := run("a", nil, "go1.25.3 go1.25.3 ok", "go1.25.3 go1.26.8 ok", "go1.26.8 go1.26.8 ok")
	b := run("b", nil, "go1.25.3 go1.25.3 ok", "go1.25.3 go1.26.8 abort", "go1.27.0 go1.27.0 ok")
	b.Records[0].Inputs.CC = "sha256:other"
	got := compare.Runs(a, b, compare.Options{})
	if !got.Changed() || got.Pairs != 2 || len(got.Unpaired.From) != 1 || len(got.Unpaired.To) != 1 {
		t.Errorf("pairs %d, unpaired %v", got.Pairs, got.Unpaired)
	}
	if len(got.Cells) != 1 || len(got.Cells[0].Steps) != 2 {
		t.Fatalf("%+v", got.Cells)
	}
	abi := got.Cells[0].Steps[0]
	want := compare.StepChange{Step: results.ABI, From: compare.Outcome{State: results.AsExpected, Verdict: "ok"}, To: compare.Outcome{State: results.AsExpected, Verdict: "abort"},
		Subjects:  []compare.SubjectChange{{Name: "./p", From: compare.Outcome{State: "pass", Verdict: "ok"}, To: compare.Outcome{State: "pass", Verdict: "abort"}, FromText: "at 0xc000a", ToText: "at 0xc000b"}},
		NewCauses: []string{"go-version in ./p"}, GoneCauses: []string{}}
	if diff := cmp.Diff(want, abi); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]compare.InputChange{{Input: "cc", From: "sha256:cc", To: "sha256:other", Steps: 1}}, got.Inputs); diff != "" {
		t.Error(diff)
	}
	if len(got.Layouts)+len(got.Packages) != 0 {
		t.Errorf("something is known of files without shapes: %+v", got)
	}
}

// TestLastWords: what a dying process says depends on where the kernel laid it, and is no change.
func TestLastWords(t *testing.T) {
	got := compare.Runs(run("a", nil, "go1.25.3 go1.26.8 abort"), run("b", nil, "go1.25.3 go1.26.8 abort"), compare.Options{})
	if got.Changed() || got.Pairs != 1 {
		t.Errorf("changed: %+v", got.Cells)
	}
}

func TestOneRunAgainstItself(t *testing.T) {
	all := run("a", layouts, "go1.25.3 go1.25.3 ok", "go1.25.3 go1.26.8 abort", "go1.26.8 go1.25.3 abort", "go1.26.8 go1.26.8 ok")
	if same := compare.Runs(all, all, compare.Options{}); same.Changed() || same.Pairs != 4 || len(same.Files)+len(same.Layouts)+len(same.Gos) != 0 {
		t.Errorf("a run differs from itself: %+v", same)
	}
	if got := compare.Runs(all, all, compare.Options{From: "go1.25.3", To: "go1.26.8"}); got.Changed() || got.Pairs != 1 || len(got.Layouts) != 1 {
		t.Errorf("%+v", got)
	}
	if got := compare.Runs(all, all, compare.Options{From: "go1.25.3", To: "go1.20.14"}); got.Pairs != 0 || !got.Changed() {
		t.Errorf("%+v", got)
	}
	lost := all
	lost.Records = all.Records[1:]
	if got := compare.Runs(all, lost, compare.Options{}); got.Changed() || got.Unknown != 1 || got.Cells[0].Steps[0].To.State != results.Missing {
		t.Errorf("a lost record: %+v", got)
	}
	if got := compare.Runs(lost, lost, compare.Options{}); got.Changed() || got.Unknown != 1 || strings.Contains(got.Text(), "is the same") {
		t.Errorf("a record that both have lost: %+v", got)
	}
}

// Without a shape on one side nothing is claimed of a layout but that it is not known.
func TestUnknownLayout(t *testing.T) {
	got := compare.Runs(run("a", layouts, "go1.25.3 go1.25.3 ok"), run("b", nil, "go1.26.8 go1.26.8 ok"), compare.Options{})
	if len(got.Layouts) != 1 || !got.Layouts[0].Unknown || len(got.Layouts[0].Removed) != 0 {
		t.Errorf("%+v", got.Layouts)
	}
}

func TestGosInOrder(t *testing.T) {
	a := run("a", nil, "go1.9.7 go1.9.7 ok", "go1.26.8 go1.26.8 ok", "tip tip ok")
	b := run("b", nil, "go1.27rc1 go1.27rc1 ok", "go1.27.0 go1.27.0 ok", "mine mine ok")
	want := []compare.Renamed{{From: "go1.9.7", To: "go1.27rc1"}, {From: "go1.26.8", To: "go1.27.0"}, {From: "tip", To: "mine"}}
	if diff := cmp.Diff(want, compare.Runs(a, b, compare.Options{}).Gos); diff != "" {
		t.Error(diff)
	}
}

// A GOROOT that was edited between two runs is another Go of the same name.
func TestAnotherGoOfThatName(t *testing.T) {
	a, b := run("a", nil, "tip tip ok", "go1.26.8 tip ok"), run("b", nil, "tip tip ok", "go1.26.8 tip ok")
	for i := range a.Records {
		a.Records[i].Inputs.HostGo, b.Records[i].Inputs.HostGo = "sha256:1", "sha256:1"
		a.Records[i].Inputs.PluginGo, b.Records[i].Inputs.PluginGo = "sha256:2", "sha256:3"
		if a.Records[i].Cell.HostGo == "tip" {
			a.Records[i].Inputs.HostGo, b.Records[i].Inputs.HostGo = "sha256:2", "sha256:3"
		}
	}
	got := compare.Runs(a, b, compare.Options{})
	if diff := cmp.Diff([]compare.InputChange{{Input: "go tip", From: "sha256:2", To: "sha256:3", Steps: 4}}, got.Inputs); diff != "" {
		t.Error(diff)
	}
	if text := got.Text(); strings.Contains(text, "the same Gos") || !strings.Contains(text, "another go tip in 4 steps: sha256:2 -> sha256:3") {
		t.Error(text)
	}
	if same := compare.Runs(a, a, compare.Options{}); len(same.Inputs) != 0 {
		t.Errorf("a run differs from itself: %+v", same.Inputs)
	}
	// Of Gos that stand against each other that is not worth a line.
	if got := compare.Runs(a, b, compare.Options{From: "go1.26.8", To: "tip"}); len(got.Inputs) != 0 {
		t.Errorf("%+v", got.Inputs)
	}
}

// A module's path need not have a dot; who knows the standard library says so.
func TestModulesWithoutDots(t *testing.T) {
	a, b := run("a", layouts, "go1.25.3 go1.25.3 ok"), run("b", layouts, "go1.26.8 go1.26.8 ok")
	for _, s := range []compare.Side{a, b} {
		for d, shape := range s.Shapes {
			shape.Packages = append(shape.Packages, results.PackageHash{Name: "corp/api", Hash: shape.Go})
			s.Shapes[d] = shape
		}
	}
	got := compare.Runs(a, b, compare.Options{Standard: func(pkg, version string) bool { return pkg == "runtime" && version == "go1.26.8" }})
	if len(got.Packages) != 2 || got.Packages[0].Std != 1 || len(got.Packages[0].Changed) != 3 {
		t.Errorf("%+v", got.Packages)
	}
}

// TestOtherPlugins: a plugin that only one run knows is a change, and the files of the others are compared with their own.
func TestOtherPlugins(t *testing.T) {
	a, b := run("a", layouts, "go1.26.8 go1.26.8 ok"), run("b", layouts, "go1.26.8 go1.26.8 ok")
	first := results.Subject{Name: "./first", Status: results.Pass, Verdict: "ok", Expected: "ok"}
	for i := range b.Records {
		b.Records[i].Subjects = append([]results.Subject{first}, b.Records[i].Subjects...)
	}
	files := b.Records[0].Artifacts
	files[1].Name = "plugin.1"
	b.Records[0].Artifacts = append(files, results.Artifact{Name: "plugin.0", SHA256: results.DigestOf([]byte("first")), Size: 9})
	got := compare.Runs(a, b, compare.Options{})
	if len(got.Files) != 0 || len(got.Packages) != 0 || !got.Changed() || got.Unknown != 0 {
		t.Errorf("%+v", got)
	}
	missing, ok := compare.Outcome{State: results.Missing}, compare.Outcome{State: results.State(results.Pass), Verdict: "ok"}
	if diff := cmp.Diff([]compare.SubjectChange{{Name: "./first", From: missing, To: ok}}, got.Cells[0].Steps[0].Subjects); diff != "" {
		t.Error(diff)
	}
	if text := got.Text(); !strings.Contains(text, "  ./first: missing  -> ok") || strings.Contains(text, "the same\n") {
		t.Error(text)
	}
	if back := compare.Runs(b, a, compare.Options{}); !back.Changed() || !strings.Contains(back.Text(), "  ./first: ok  -> missing") {
		t.Error(back.Text())
	}
	if same := compare.Runs(b, b, compare.Options{}); same.Changed() || len(same.Cells) != 0 {
		t.Error(same.Text())
	}
	b.Plan.Cells[0].Steps = append(b.Plan.Cells[0].Steps, results.Policy) // which only one run plans
	for _, c := range []compare.Comparison{compare.Runs(a, b, compare.Options{}), compare.Runs(b, a, compare.Options{})} {
		if c.Unknown != 1 {
			t.Errorf("%d steps are unknown", c.Unknown)
		}
	}
}

// A load that one run left out on request is neither another outcome nor another machine.
func TestLeftOut(t *testing.T) {
	a, b := run("a", nil, "go1.26.8 go1.26.8 ok"), run("b", nil, "go1.26.8 go1.26.8 ok")
	a.Records[1].Inputs.Kernel = "sha256:k"
	b.Records[1].Status, b.Records[1].Reason, b.Records[1].Verdict, b.Records[1].Expected = results.Skip, results.SkipRequested, "", ""
	b.Records[1].Subjects = nil
	got := compare.Runs(a, b, compare.Options{})
	if got.Changed() || got.Unknown != 1 || len(got.Inputs) != 0 {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got.Text(), "load: ok (as expected) -> skip (missing)") {
		t.Error(got.Text())
	}
	if got := compare.Runs(b, b, compare.Options{}); got.Changed() || got.Unknown != 0 || !strings.Contains(got.Text(), "is the same") {
		t.Errorf("left out on both sides: %+v", got)
	}
}
