package cli

import (
	"bytes"
	"debug/elf"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images"
	"github.com/plugproof/plugproof/images/base"
	"github.com/plugproof/plugproof/images/kernel"
	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/compare"
	"github.com/plugproof/plugproof/results/gate"
	"github.com/plugproof/plugproof/results/report"
	"github.com/plugproof/plugproof/verify/abi"
	"github.com/plugproof/plugproof/verify/attest"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

// follows holds a document as it is printed against the schema of its kind.
func follows(t *testing.T, kind string, doc any) {
	t.Helper()
	raw, err := results.Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(kind, text); err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	line, err := results.Canonical(doc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.MustCompile(kind).Validate(v); err != nil {
		t.Errorf("%s: %v\n%s", kind, err, line)
	}
}

// TestFilledDocuments holds documents that only a machine or a download can make against their schemas: once with every
// member set and once with none.
func TestFilledDocuments(t *testing.T) {
	digest := results.DigestOf(nil)
	text, number := "text", 7
	cell := results.Cell{Project: "p", HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "arm", Level: "GOARM=7", Libc: "musl", Image: "default"}
	planned := &results.Plan{Schema: results.PlanSchema, Cells: []results.PlannedCell{{ID: cell.ID(), Cell: cell, Steps: []results.Step{results.Load}}}}
	for _, d := range []struct {
		kind string
		doc  any
	}{
		{"verify", verifyDoc{Schema: "plugproof/verify/v1", Dir: "results/runs/x", Exit: 3, Gate: gate.Decide(planned, nil), Report: report.New(planned, nil)}},
		{"gate", gate.Decide(planned, nil)},
		{"report", report.New(planned, nil)},
		{"compare", compare.Runs(compare.Side{}, compare.Side{}, compare.Options{})},
		{"compare", filledComparison()},
		{"shape", results.Shape{Schema: results.ShapeSchema, SHA256: digest, Sections: []results.SectionSize{}, Packages: []results.PackageHash{}, Module: results.ModuleData{Fields: []results.StructField{}}}},
		{"shape", results.Shape{Schema: results.ShapeSchema, SHA256: digest, Size: 1, Go: "go1.26.8", Sections: []results.SectionSize{{Name: ".text", Size: 1}},
			Packages: []results.PackageHash{{Name: "runtime", Hash: "0123456789abcdef"}}, Module: results.ModuleData{Size: 1, PkgHashes: 1, Fields: []results.StructField{{Name: "next", Type: text, Offset: 1}}}}},
		{"request", request{Schema: requestSchema, Pairs: "same"}},
		{"request", request{Schema: requestSchema, Projects: []string{"."}, Go: []string{"go1.26.8"}, Arch: []string{"arm"}, Libc: []string{"musl"}, Pairs: "all",
			NoBoot: true, Cold: true, Steps: []results.Step{results.Load}}},
		{"load", loadDoc{Schema: "plugproof/load/v1", Backend: "vm", Host: "h", Outcome: vm.Exited, Plugins: []loadPlugin{}, Scripts: []guest.Configured{}}},
		{"load", loadDoc{"plugproof/load/v1", "vm", "tcg", "7.2.0", "6.1.0", string(digest), "debian-musl", "h",
			[]loadPlugin{{"p.so", "/payload/p.so", "error", "plugin.Open: no"}, {"q.so", "/payload/q.so", "unobserved", ""}}, vm.Hung, text, &number, &number, 1, text, text, text, true, []guest.Configured{{Package: "p-1_1", Exit: 1, Error: text, Output: text}}}},
		{"fetch", fetchDoc{Schema: "plugproof/fetch/v1", Toolchains: []fetchedGo{}, Jobs: []fetchedModules{}}},
		{"fetch", fetchDoc{"plugproof/fetch/v1", []fetchedGo{{"go1.26.8", string(digest), "path"}}, []fetchedModules{{"p", "host", "arm", true}}}},
		{"doctor", doctorDoc{"plugproof/doctor/v1", true, []doctorLine{{Name: "git"}}, []doctorAccelerator{{Arch: "arm"}}, map[string]string{"network": "own"}}},
		{"doctor", doctorDoc{"plugproof/doctor/v1", false, []doctorLine{{"git", true, true, text, text, text, text, text}}, []doctorAccelerator{{"arm", "tcg", text}}, map[string]string{}}},
		{"image-build", imageDoc{"plugproof/image-build/v1", "arm", "f", digest, base.Origin, true, []string{"musl-1.2.3_1"}, 1, "6.1.0", digest, []string{text}}},
		{"image-inspect", inspectDoc{"plugproof/image-inspect/v1", "f", digest, []inspectEntry{{"init", "100755", 3}}, &images.Note{Packages: []string{"a-1_1"}}, nil}},
		{"image-inspect", inspectDoc{"plugproof/image-inspect/v1", "f", digest, []inspectEntry{}, nil, &kernelDoc{"bzImage", "amd64", "6.1.0", "image", 3, kernel.Needs("amd64", nil), kernel.Tuning(map[string]string{"HZ": "250"})}}},
		{"xbps-verify", xbpsVerifyDoc{"plugproof/xbps-verify/v1", "d", []audit.Finding{{File: "f", Class: "c", Text: text}, {File: "f", Path: "p", Class: "c", Text: text}}}},
		{"abi", abi.Report{Schema: abi.Schema, Host: abi.Host{Path: "h"}, Plugins: []abi.Plugin{}, Limits: []string{}}},
		{"abi", abi.Report{Schema: abi.Schema, Host: abi.Host{Path: "h", SHA256: &digest, Go: &text, Libc: &text, Arch: "arm"}, Root: &text, Limits: []string{text},
			Plugins: []abi.Plugin{{Path: "p", Verdict: abi.Mismatch, Error: &text, Package: &text, Cause: &abi.Cause{ID: "c", Evidence: text}, KillsHost: true, Drift: []string{text}, Requires: []string{text},
				Code:       &abi.Code{Packages: []string{text}, Functions: 3, Differ: []abi.Function{{Name: "f", Why: text}}, Undecided: []abi.Function{{Name: "f", Why: text}}, Sources: []string{text}, Note: &text},
				Mismatches: []abi.Difference{{Package: "p", Module: &text, Host: abi.Side{Version: &text, Hash: "0123456789abcdef"}, Plugin: abi.Side{Hash: "0123456789abcdef"}}}}},
			Orders: &abi.Orders{Pairs: []abi.Pair{{First: "a", Second: "b", Alone: abi.OK, Verdict: abi.AlreadyLoaded, Error: &text}}, Safe: []string{"a"}, Proof: []string{}}}},
		{"attest-verify", attestVerifyDoc{Schema: "plugproof/attest-verify/v1", File: "f", Key: text, Subjects: []attest.Subject{}, Findings: []attest.Finding{}, Notes: []attest.Note{}}},
		{"attest-verify", attestVerifyDoc{"plugproof/attest-verify/v1", "f", text, text, attest.Fail, &attest.Scope{Projects: []string{text}, Arches: []string{}, Go: []string{}, Steps: []string{}, Varied: []string{}},
			[]attest.Subject{{Name: text, Digest: map[string]string{"sha256": digest.Hex()}}}, []string{text}, &number, []attest.Finding{{Cell: text, Subject: text, Package: text, Text: text, Incomplete: true}, {Text: text}},
			[]attest.Note{{Cell: text, Text: text, Then: digest, Now: digest}, {Text: text}}}},
		{"abi-export", lockDoc{Schema: "plugproof/abi-export/v1", Host: "h", SHA256: digest, Lock: text}},
		{"diff", elfdiff.Report{Schema: "plugproof/diff/v1", Verdict: elfdiff.Code, A: elfdiff.FileInfo{Path: "a", SHA256: digest.Hex(), Machine: elf.EM_ARM.String()}, B: elfdiff.FileInfo{Path: "b", SHA256: digest.Hex()},
			Proof: elfdiff.ProofStructure, Sections: []elfdiff.Section{{Name: ".text", Differing: 4, Verdict: elfdiff.Code}},
			Symbols: elfdiff.Symbols{Added: []string{"x"}, Removed: []string{}, Changed: []string{}, Resized: []string{}},
			Causes:  []elfdiff.Cause{{ID: "unknown"}}, Known: []string{text},
			Evidence: []elfdiff.Evidence{{Verdict: elfdiff.Code, Section: ".text", Symbol: "x", Structure: text, OffsetA: -1, Bytes: 4, A: "00", B: "01"}, {Verdict: elfdiff.Data}}}},
	} {
		follows(t, d.kind, d.doc)
	}
}

// filledComparison has every member set.
func filledComparison() compare.Comparison {
	field, gos, out := results.StructField{Name: "f", Type: "int"}, compare.Renamed{From: "go1.25.3", To: "go1.26.8"}, compare.Outcome{State: results.Missing}
	step := compare.StepChange{Step: results.ABI, From: out, To: out, Subjects: []compare.SubjectChange{{Name: "p", From: out, To: out, FromText: "t"}}, NewCauses: []string{"c"}, GoneCauses: []string{"d"}}
	moved := []compare.Moved{{Name: "f", From: field, To: field}}
	return compare.Comparison{Schema: compare.Schema, From: compare.Run{Run: "a", Tool: "v"}, Gos: []compare.Renamed{gos}, Pairs: 1, Unpaired: compare.Unpaired{From: []string{"c"}, To: []string{"d"}},
		Inputs: []compare.InputChange{{Input: "cc", From: "x", Steps: 1}}, Cells: []compare.CellChange{{From: "a", To: "b", Steps: []compare.StepChange{step}}},
		Layouts:  []compare.Layout{{Arch: "arm", Gos: gos, Added: []results.StructField{field}, Removed: []results.StructField{field}, Moved: moved, Retyped: moved, Unknown: true}},
		Files:    []compare.FileChange{{Cell: "c", Name: "host", Subject: "host", Gos: gos, Sections: []compare.SectionChange{{Name: ".text", Size: [2]uint64{1, 2}}}}},
		Packages: []compare.Packages{{Arch: "arm", Name: "host", Subject: "host", Gos: gos, Changed: []string{"a"}, Added: []string{"b"}, Removed: []string{"c"}}}}
}

// TestAnExecutableComparedWithItself: a document that was really made follows its schema too.
func TestAnExecutableComparedWithItself(t *testing.T) {
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &app{env: Env{Dir: "/"}, dir: "/"}
	r, err := a.diff(file, file)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Identical {
		t.Errorf("a file differs from itself: %v", r.Verdict)
	}
	follows(t, "diff", r)
}
