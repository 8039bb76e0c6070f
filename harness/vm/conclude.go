package vm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
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
		switch {
		case i < len(s.ended):
			r.fill(s.ended[i])
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
	case errors.Is(s.fault, errHung):
		return Hung, s.fault.Error()
	case s.fault != nil:
		return HarnessErr, s.fault.Error()
	}
	return HarnessErr, "the guest did not finish"
}

// fill takes over what the guest said about the command's end.
func (r *Result) fill(end guest.End) {
	r.Exit, r.Signal, r.Error = end.Exit, end.Signal, end.Error
	r.Dropped, r.Leftovers = end.Dropped, end.Leftovers
	for i, b := range []*[]byte{&r.Stdout, &r.Stderr, &r.Report} {
		if at := int64(len(*b)) - end.Tail[i]; end.Dropped[i] > 0 && at >= 0 {
			gap := fmt.Appendf(nil, "\n[%d bytes left out]\n", end.Dropped[i])
			*b = slices.Insert(*b, int(at), gap...)
		}
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
	case end.Signal != 0:
		r.Kind = Signalled
	case end.Exit == 2 && goSignal(r.Stderr) != 0:
		r.Kind, r.Signal = Signalled, goSignal(r.Stderr)
	case end.Exit == 2 && goThrow(r.Stderr):
		r.Kind = Thrown
	default:
		r.Kind = Exited
	}
}

// goThrow says that Go's runtime ended the program: both texts begin a line (runtime/panic.go).
func goThrow(stderr []byte) bool {
	for _, word := range []string{"fatal error: ", "panic: "} {
		if bytes.HasPrefix(stderr, []byte(word)) || bytes.Contains(stderr, []byte("\n"+word)) {
			return true
		}
	}
	return false
}

// goSignal finds the signal that Go's runtime caught and could not handle: it prints "[signal SIGSEGV: ..." or a line that
// begins with "SIGBUS: bus error", and ends with 2 (runtime/signal_unix.go).
func goSignal(stderr []byte) int {
	for _, s := range []struct {
		name string
		sig  syscall.Signal
	}{{"SIGSEGV", syscall.SIGSEGV}, {"SIGBUS", syscall.SIGBUS}, {"SIGILL", syscall.SIGILL}, {"SIGFPE", syscall.SIGFPE}, {"SIGABRT", syscall.SIGABRT}, {"SIGTRAP", syscall.SIGTRAP}} {
		text := []byte(s.name + ": ")
		if bytes.HasPrefix(stderr, text) || bytes.Contains(stderr, append([]byte("\n"), text...)) || bytes.Contains(stderr, []byte("[signal "+s.name)) {
			return int(s.sig)
		}
	}
	return 0
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
