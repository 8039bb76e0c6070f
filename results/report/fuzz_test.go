package report_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/report"
)

// FuzzReport puts outside text into every place of a record: what comes out is safe for a terminal and well-formed.
func FuzzReport(f *testing.F) {
	f.Add("\x1b[2J]]>\x00\xff\ufffe", "fail", 40)
	f.Add("a\n\nwhy nothing\r\n", "error", 0)
	f.Add("  ", "skip", -1)
	f.Add(strings.Repeat("long ", 50), "pass", 25)
	f.Fuzz(func(t *testing.T, s, status string, width int) {
		c := results.Cell{Project: s, HostGo: s, Arch: s, Libc: s}
		r := results.Record{Cell: c, CellID: c.ID(), Step: results.Step(s), Status: results.Status(status), Reason: s, Verdict: s, Expected: s, Log: s,
			Subjects: []results.Subject{{Name: s, Status: results.Status(status), Verdict: s, Text: s, Note: s}},
			Causes:   []results.Cause{{ID: s, Subject: s, Evidence: s, Fix: s}},
			Inputs:   results.Inputs{QEMU: s, KernelName: s, Accelerator: s}}
		plan := &results.Plan{Run: s, Tool: s, Cells: []results.PlannedCell{{ID: c.ID(), Cell: c, Steps: []results.Step{r.Step, results.Load}}}}
		stray := r
		stray.Step += "x"
		rep := report.New(plan, []results.Record{r, stray})
		var b bytes.Buffer
		if err := rep.Text(&b, report.Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		for _, c := range b.String() {
			if c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 {
				t.Fatalf("control character %q in the text %q", c, b.String())
			}
		}
		x, err := rep.JUnit()
		if err != nil {
			t.Fatal(err)
		}
		for dec := xml.NewDecoder(bytes.NewReader(x)); ; {
			if _, err := dec.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %q", err, x)
			}
		}
		if _, err := rep.JSON(); err != nil {
			t.Fatal(err)
		}
	})
}
