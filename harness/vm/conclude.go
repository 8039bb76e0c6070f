package vm

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"golang.org/x/sys/unix"
)

// conclude fills the outcome from what the guest said and from what became of the machine.
func (s *session) conclude(out *Outcome) {
	out.Console = s.q.screen.String()
	if s.registers != "" {
		out.Console += "\n[QEMU: info registers]\n" + s.registers
	}
	out.Kind = Exited
	if !s.done {
		out.Kind, out.Error = s.verdict()
	}
	for i := range s.text {
		r := s.text[i]
		var left [3]int64
		for n, b := range []*[]byte{&r.Stdout, &r.Stderr, &r.Report} {
			if s.over != nil {
				*b, left[n] = s.over[i][n].close(*b)
			}
		}
		switch {
		case i < len(s.ended):
			r.fill(s.ended[i], left)
		case i == len(s.ended):
			r.Kind, r.Error, r.Exit = out.Kind, out.Error, -1
		default:
			r.Kind, r.Exit = NotReached, -1
		}
		if i < len(s.job.Plugins) && i < len(s.job.Commands) && s.job.Commands[i].Report {
			r.Plugins = guest.ReadReport(r.Report, s.job.Plugins[i], r.fate()).Plugins
		}
		out.Results = append(out.Results, r)
	}
}

// verdict says how a machine ended that did not say so itself.
func (s *session) verdict() (Kind, string) {
	switch {
	case s.q.screen.panicked():
		return GuestPanic, "the guest's kernel panicked"
	case s.watch.enc != nil && (errors.Is(s.fault, errHung) || errors.Is(s.fault, errSilent)): // what has no order yet cannot hang for it
		return Hung, s.fault.Error()
	case s.fault != nil:
		return HarnessErr, s.fault.Error()
	}
	return HarnessErr, "the guest did not finish"
}

// fill takes over what the guest said about the command's end; left is what was not kept here.
func (r *Result) fill(end guest.End, left [3]int64) {
	r.Exit, r.Signal, r.Error = end.Exit, end.Signal, end.Error
	r.Dropped, r.Leftovers = end.Dropped, end.Leftovers
	for i, b := range []*[]byte{&r.Stdout, &r.Stderr, &r.Report} {
		if at := int64(len(*b)) - end.Tail[i]; end.Dropped[i] > 0 && at >= 0 {
			gap := fmt.Appendf(nil, "\n[%d bytes left out]\n", end.Dropped[i])
			*b = slices.Insert(*b, int(at), gap...)
		}
		r.Dropped[i] += left[i]
	}
	r.UserCPU, r.SysCPU = time.Duration(end.UserMicros)*time.Microsecond, time.Duration(end.SysMicros)*time.Microsecond
	r.MaxRSS = end.MaxRSSKiB << 10
	switch {
	case end.Error != "":
		r.Kind = NotStarted
	case end.Hang != "":
		r.Kind, r.Error = Hung, "hang: "+end.Hang
	case end.OOM && end.Signal == int(syscall.SIGKILL):
		r.Kind = OutOfMemory
	case end.Signal == int(syscall.SIGABRT): // by which Go's runtime ends the process under GOTRACEBACK=crash
		if r.Kind, _ = goEnd(r.Stderr, r.Dropped[1] > 0); r.Kind != Thrown {
			r.Kind = Signalled
		}
	case end.Signal != 0:
		r.Kind = Signalled
	case end.Exit == 2:
		r.Kind, r.Signal = goEnd(r.Stderr, r.Dropped[1] > 0)
	default:
		r.Kind = Exited
	}
}

// These are Go's last words (runtime/panic.go, runtime/signal_unix.go). A program that ends by itself may say them, too, so a
// word counts only with what follows it.
var (
	caught  = regexp.MustCompile(`(SIG[A-Z]+): [^\n]*\nPC=0x`)      // a signal
	inPanic = regexp.MustCompile(`(?m)^\[signal (SIG[A-Z]+)[: \]]`) // a signal that made a panic
	word    = regexp.MustCompile(`panic: |fatal error: `)           // wherever the program's own line was left off
	// stacks follow, after an empty line; with its second line, for one that the program took of itself begins with that.
	stacks = regexp.MustCompile(`\n\n(?:goroutine [0-9]+ .*\[[^\n]*\]:|runtime stack:)\n([^\n]*)`)
	// alone is what is left under GOTRACEBACK=none, or where no goroutine is.
	alone = regexp.MustCompile(`(?m)^(panic: |fatal error: ).*\n?((\t|\[signal |goroutine ).*\n?)*\s*\z`)
)

// goEnd says what a program that ended with 2 says of its end: a signal that Go's runtime caught and could not handle, a throw
// or panic, or neither. Where bytes were left out, the word may be among them.
func goEnd(stderr []byte, dropped bool) (Kind, int) {
	if m := caught.FindSubmatch(stderr); m != nil {
		return Signalled, int(unix.SignalNum(string(m[1])))
	}
	thrown := alone.Match(stderr)
	if at := word.FindIndex(stderr); at != nil && hasStack(stderr[at[1]:]) || dropped && hasStack(stderr) {
		thrown = true
	}
	if !thrown {
		return Exited, 0
	}
	if m := inPanic.FindSubmatch(stderr); m != nil {
		return Signalled, int(unix.SignalNum(string(m[1])))
	}
	return Thrown, 0
}

// hasStack says that the text holds a stack that the runtime printed by itself, not one that the program took by runtime/debug.
func hasStack(text []byte) bool {
	for _, m := range stacks.FindAllSubmatch(text, -1) {
		if !bytes.HasPrefix(m[1], []byte("runtime/debug.")) {
			return true
		}
	}
	return false
}

// fate is how the command's end looks to the plugins that it was opening.
func (r *Result) fate() guest.Fate {
	switch r.Kind {
	case Exited:
		return guest.FateExit
	case Thrown:
		return guest.FateThrow
	case Signalled, OutOfMemory:
		return guest.FateSignal
	case Hung:
		return guest.FateHang
	case NotStarted:
		return guest.FateUnborn
	}
	return guest.FateLost
}
