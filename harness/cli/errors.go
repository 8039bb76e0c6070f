package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
)

// The exit codes (DESIGN section 4).
const (
	ExitOK          = 0
	ExitFinding     = 1
	ExitUsage       = 2
	ExitIncomplete  = 3
	ExitInterrupted = 130
)

// Error is an error with an exit code and a hint of what to do.
type Error struct {
	Code int
	Err  error
	Hint string // what the user can do; may be empty
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// hinter is any error of a lower package that knows what the user can do.
type hinter interface{ Hint() string }

// usagef is an error in how the command was called or configured.
func usagef(hint, format string, args ...any) error {
	return &Error{Code: ExitUsage, Err: fmt.Errorf(format, args...), Hint: hint}
}

// incompletef is an error of the machine: nothing was learned.
func incompletef(hint, format string, args ...any) error {
	return &Error{Code: ExitIncomplete, Err: fmt.Errorf(format, args...), Hint: hint}
}

// exitCode ends the command with a code and without a message: what there is to say is on stdout.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// verdict is nil for code 0.
func verdict(code int) error {
	if code == ExitOK {
		return nil
	}
	return exitCode(code)
}

// fail reports err on stderr and returns the exit code for it. It is the one place that maps errors to codes.
func (a *app) fail(err error) int {
	if err == nil {
		return ExitOK
	}
	var silent exitCode
	if errors.As(err, &silent) {
		return int(silent)
	}
	code, hint := ExitIncomplete, ""
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		hint = "make room and run it again ('plugproof verify' goes on with --resume); `plugproof cache prune` gives back what the cache takes"
	}
	var h hinter
	if errors.As(err, &h) {
		hint = h.Hint()
	}
	var e *Error
	var config *plan.Error
	var noTool *toolchain.Error
	switch {
	case errors.As(err, &e):
		code = e.Code
		if e.Hint != "" {
			hint = e.Hint
		}
	case errors.As(err, &config), errors.As(err, &noTool) && noTool.Usage:
		code = ExitUsage
	case errors.Is(err, context.Canceled):
		code, err = ExitInterrupted, errors.New("interrupted")
	}
	fmt.Fprintf(a.env.Stderr, "plugproof: error: %s\n", oneLine(err.Error()))
	if hint != "" {
		fmt.Fprintf(a.env.Stderr, "plugproof: hint: %s\n", oneLine(hint))
	}
	return code
}

// oneLine keeps a message from outside from writing lines, or terminal sequences, of its own.
func oneLine(s string) string {
	s = strings.TrimRight(s, "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0:
			return '\uFFFD'
		}
		return r
	}, s)
}

// exitOf is the exit code of findings, of which some only say that something was not found out.
func exitOf[T any](found []T, incomplete func(T) bool) int {
	code := ExitOK
	for _, f := range found {
		if !incomplete(f) {
			return ExitFinding
		}
		code = ExitIncomplete
	}
	return code
}
