package report

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/plugproof/plugproof/results"
)

// JUnit is the report as JUnit XML: a suite per cell, a test case per step. What is not as expected is a failure,
// what is missing or inconclusive an error, what was skipped on request skipped. It holds no time but the records'.
func (r Report) JUnit() ([]byte, error) {
	all := junit.Testsuites{Name: "plugproof"}
	for _, row := range r.Rows {
		suite := junit.Testsuite{Name: clean(row.Cell.String())}
		suite.AddProperty("cell_id", string(row.CellID))
		suite.AddProperty("libc", clean(row.Cell.Libc))
		var started time.Time
		var seconds float64
		for _, s := range row.Steps {
			suite.AddTestcase(s.testcase(row.Cell))
			if s.Record != nil {
				seconds += s.Record.Seconds
				if started.IsZero() || s.Record.Started.Before(started) {
					started = s.Record.Started
				}
			}
		}
		suite.Time = fmt.Sprintf("%.3f", seconds)
		if !started.IsZero() {
			suite.SetTimestamp(started.UTC())
		}
		all.AddSuite(suite)
	}
	if bad := r.outside(); len(bad.Testcases) > 0 {
		all.AddSuite(bad)
	}
	all.Time = fmt.Sprintf("%.3f", r.Totals.Seconds)
	var b bytes.Buffer
	if err := all.WriteXML(&b); err != nil {
		return nil, fmt.Errorf("writing JUnit: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func (s Step) testcase(c results.Cell) junit.Testcase {
	tc := junit.Testcase{Name: clean(string(s.Step)), Classname: clean(c.String()), Time: "0.000"}
	if s.Record != nil {
		tc.Time = fmt.Sprintf("%.3f", s.Record.Seconds)
	}
	if text := s.notes(); text != "" {
		tc.SystemOut = &junit.Output{Data: text}
	}
	if s.State == results.AsExpected {
		if s.Record.Status == results.Skip {
			tc.Skipped = &junit.Result{Message: clean(s.Record.Reason)}
		}
		return tc
	}
	var b strings.Builder
	s.why(&paragraph{b: &b})
	text := strings.TrimSpace(b.String())
	first, _, _ := strings.Cut(text, "\n")
	result := &junit.Result{Message: first, Type: string(s.State), Data: text}
	if s.State == results.NotAsExpected {
		tc.Failure = result
	} else {
		tc.Error = result
	}
	return tc
}

// outside is a suite of what belongs to no planned cell: each an error, or a failure if the record says so.
func (r Report) outside() junit.Testsuite {
	suite := junit.Testsuite{Name: "outside the plan", Time: "0.000"}
	for i, rec := range r.Other {
		tc := junit.Testcase{Name: clean(string(rec.Step)), Classname: clean(rec.Cell.String()), Time: fmt.Sprintf("%.3f", rec.Seconds)}
		result := &junit.Result{Message: "recorded, but not planned", Type: "unplanned"}
		if flaw := r.flaws[i]; flaw != "" {
			result = &junit.Result{Message: clean(flaw), Type: "bad-record"}
		}
		if rec.State() == results.NotAsExpected {
			tc.Failure = result
		} else {
			tc.Error = result
		}
		suite.AddTestcase(tc)
	}
	for _, p := range r.Problems {
		suite.AddTestcase(junit.Testcase{Name: "plan", Classname: "run", Time: "0.000", Error: &junit.Result{Message: clean(p), Type: "bad-plan"}})
	}
	return suite
}
