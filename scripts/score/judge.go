package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/fixtures/leaks"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

// finding is what came out of one case.
type finding struct {
	Case      string   `json:"case"`
	Expected  []string `json:"expected"`
	Named     []string `json:"named"`   // by two files alone, without unknown
	Sourced   []string `json:"sourced"` // by the sources' builds as well, which say what entered their hashes; null if not asked
	Verdict   string   `json:"verdict"`
	Differing int64    `json:"differing"` // bytes
	Explained int64    `json:"explained"`
	Fixed     bool     `json:"fixed"`  // built once more with the known fix, the pair was equal
	Stable    bool     `json:"stable"` // asked twice, the answer was the same bytes
	CPU       float64  `json:"cpu"`    // seconds of plugproof diff
	MB        float64  `json:"mb"`     // its peak
	BuildCPU  float64  `json:"build_cpu"`
	Wrong     []string `json:"wrong"`  // names that are not the cause
	Missed    []string `json:"missed"` // causes that two files prove and that were not named
	Faults    []string `json:"faults"` // what else is not as it must be

	fixes  bool // there was a fix to be proved
	leak   *leaks.Leak
	report *elfdiff.Report
}

// judge compares what was said with what was planted.
func (f *finding) judge() {
	l, r := f.leak, f.report
	f.Expected, f.Named, f.Wrong, f.Missed, f.Faults = append([]string{}, l.Cause...), []string{}, []string{}, []string{}, []string{}
	f.Verdict, f.Differing, f.Explained = r.Verdict.String(), r.Bytes.Differing, r.Bytes.Explained
	fault := func(format string, args ...any) { f.Faults = append(f.Faults, fmt.Sprintf(format, args...)) }
	unknown := false
	for _, c := range r.Causes {
		switch {
		case c.ID == "unknown":
			unknown = true
		case !slices.Contains(f.Named, c.ID):
			f.Named = append(f.Named, c.ID)
			if !slices.Contains(l.Cause, c.ID) && !slices.Contains(l.Also, c.ID) {
				f.Wrong = append(f.Wrong, c.ID)
			}
		}
	}
	if !f.Stable {
		fault("asked twice, it gave two answers")
	}
	if l.Control() {
		if !r.Identical {
			fault("a clean control differs: %s", r.Verdict)
		}
		return
	}
	if r.Identical {
		fault("the leak does not show: the pair is equal")
		return
	}
	if l.Files == leaks.FilesCause {
		for _, id := range l.Cause {
			if !slices.Contains(f.Named, id) && !slices.Contains(l.Unseen, id) {
				f.Missed = append(f.Missed, id)
			}
		}
		if len(f.Missed) == 0 && len(l.Unseen) == 0 && f.Explained != f.Differing {
			fault("%d of %d bytes are explained", f.Explained, f.Differing)
		}
	} else if len(f.Named) == 0 && !unknown {
		fault("no cause, and not even unknown")
	}
	if l.Verdict != "" && l.Verdict != r.Verdict.String() {
		fault("the verdict is %s and not %s", r.Verdict, l.Verdict)
	}
	if f.Sourced != nil {
		for _, id := range f.Sourced {
			if !slices.Contains(l.Cause, id) && !slices.Contains(l.Also, id) {
				f.Wrong = append(f.Wrong, id+" (with sources)")
			}
		}
		for _, id := range l.Cause {
			if !slices.Contains(f.Sourced, id) {
				f.Missed = append(f.Missed, id+" (with sources)")
			}
		}
	}
	if f.fixes && !f.Fixed {
		fault("the fix does not make the pair equal")
	}
}

// bad reports whether anything is not as it must be.
func (f *finding) bad() bool { return len(f.Wrong)+len(f.Missed)+len(f.Faults) > 0 }

func (f *finding) line() string {
	state := "ok"
	if f.bad() {
		state = "BAD"
	}
	named := strings.Join(f.Named, ",")
	if named == "" {
		named = "-"
	}
	text := fmt.Sprintf("%-3s %s: %s, %s, %d of %d, %.2f s, %.0f MB, built in %.1f s", state, f.Case, f.Verdict, named, f.Explained, f.Differing, f.CPU, f.MB, f.BuildCPU)
	for _, l := range []struct {
		what string
		list []string
	}{{"wrong", f.Wrong}, {"missed", f.Missed}, {"fault", f.Faults}} {
		if len(l.list) > 0 {
			text += "; " + l.what + ": " + strings.Join(l.list, "; ")
		}
	}
	return text
}
