package script

import (
	"errors"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits runs a command and demands an exact exit status: `exits 3 plugproof gate RUN`. Output is left for stdout and
// stderr, as with exec.
func (s *session) exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exits: %q is not a number", args[0])
	}
	s.demand(ts, want, args[1:])
}

// offline runs a command in a network namespace of its own that has no way out: `offline 0 plugproof verify .`.
func (s *session) offline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: offline STATUS COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("offline: %q is not a number", args[0])
	}
	s.demand(ts, want, append([]string{"unshare", "--net", "--"}, args[1:]...))
}

func (s *session) demand(ts *testscript.TestScript, want int, argv []string) {
	err := ts.Exec(argv[0], argv[1:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v: %v", argv, err)
	}
	if got != want {
		ts.Fatalf("%v: exit status %d, want %d", argv, got, want)
	}
}
