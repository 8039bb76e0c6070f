package results_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/gate"
	"github.com/plugproof/plugproof/results/report"
)

// schemaOf compiles the schema of a document kind.
func schemaOf(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	raw, err := results.Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(kind, doc); err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	s, err := c.Compile(kind)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return s
}

func TestSchemasCompile(t *testing.T) {
	for _, kind := range results.Schemas() {
		schemaOf(t, kind)
	}
}

func TestDocumentsFollowTheirSchemas(t *testing.T) {
	full := record(results.Load, results.Fail)
	full.Run, full.Reason, full.Verdict, full.Expected, full.Log = "r", "why", "error", "ok", "logs/x"
	full.Subjects = []results.Subject{{Name: "host", Status: results.Fail, Verdict: "error", Expected: "ok", Text: "x", Note: "y"}}
	full.Causes = []results.Cause{{ID: "go-version", Subject: "host", Evidence: "x", Fix: "y", Proven: true}}
	full.Artifacts = []results.Artifact{{Name: "host.a", SHA256: results.DigestOf(nil), Size: 3}}
	full.Inputs = results.Inputs{Sources: results.DigestOf(nil), QEMU: "7.2", Isolation: map[string]string{"network": "own"}}
	full.Started, full.Seconds, full.CPU, full.Boots = time.Date(2026, 11, 23, 3, 45, 1, 0, time.UTC), 1.5, 2, 1
	bare := record(results.Rebuild, results.Pass)
	plan := results.Plan{Schema: results.PlanSchema, Cells: []results.PlannedCell{{ID: cell.ID(), Cell: cell, Steps: []results.Step{results.Rebuild, results.Load}}}}
	recs := []results.Record{full.Normal(), bare.Normal()}
	docs := []struct {
		kind string
		doc  any
	}{
		{"record", full.Normal()}, {"record", bare.Normal()}, {"plan", plan},
		{"gate", gate.Decide(&plan, recs)}, {"gate", gate.Decide(nil, recs)},
		{"report", report.New(&plan, recs)}, {"report", report.New(nil, nil)}, {"report", report.New(&plan, nil)},
	}
	for _, d := range docs {
		b, err := results.Canonical(d.doc)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := schemaOf(t, d.kind).Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", d.kind, err, b)
		}
	}
}
