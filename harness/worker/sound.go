package worker

import (
	"fmt"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/results"
)

// unsound says why a probe's report that names every open ok or refused is not believed, or is empty. The report is written by
// the process into which the plugins were loaded: a plugin that knows the protocol to the letter can write it in the probe's
// place, and nothing outside the process can tell. What ends the process early, or writes less than the probe would, is told.
func unsound(c *cell, paths []string, r vm.Result) string {
	if r.Kind != vm.Exited {
		return "" // the end of the process is a finding by itself
	}
	for _, p := range r.Plugins {
		if p.Outcome != "ok" && p.Outcome != "error" {
			return ""
		}
	}
	read := guest.ReadReport(r.Report, paths, guest.FateExit)
	switch {
	case read.Trouble != "":
		return "the report on the result channel is not the probe's: " + read.Trouble
	case !read.Complete:
		return fmt.Sprintf("after the last open, the process ended with exit %d before the probe was done: something that a plugin started ended it", r.Exit)
	case r.Exit != 0:
		return fmt.Sprintf("the probe was done, but the process ended with exit %d", r.Exit)
	}
	for i, p := range read.Plugins {
		if want := len(c.Plugins[i].Symbols); p.Outcome == "ok" && len(p.Symbols) != want {
			return fmt.Sprintf("%d declared symbols of %s were to be looked up and the report has %d: the report is not the probe's", want, c.Plugins[i].Subject, len(p.Symbols))
		}
	}
	return ""
}

// disbelieve puts an unsound report's reason on the last plugin that it calls ok.
func disbelieve(rec *results.Record, why string) {
	last := len(rec.Subjects) - 1
	for i, s := range rec.Subjects {
		if s.Verdict == "ok" {
			last = i
		}
	}
	if why != "" && last >= 0 {
		rec.Subjects[last].Status, rec.Subjects[last].Verdict, rec.Subjects[last].Text = results.Fail, unobserved, why
	}
}
