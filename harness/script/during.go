package script

import (
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// signals are what during can send.
var signals = map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}

// drainTime is how long the output of an ended process may stay open: longer means that a child holds it. On a busy machine a
// killed child takes a while to end.
const drainTime = 30 * time.Second

// during starts a command, sends it a signal once a file matches a regular expression, and demands how it ends: a status,
// or "killed" for an end by that signal.
//
//	during INT 130 run/records.jsonl '"step":"rebuild"' plugproof verify --out run
//
// FILE may hold wildcards; stderr stands for what the command says there, process for the command lines of all processes. A command that ends before the match is a failure.
func (s *session) during(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: during SIGNAL STATUS|killed FILE|stderr|process REGEXP COMMAND [ARGUMENT...]")
	}
	sig, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("during: unknown signal %q", args[0])
	}
	matched, seen := s.watching(ts, args[2], args[3])
	path, err := lookPath(args[4], ts.Getenv("PATH"))
	ts.Check(err)
	cmd := exec.Command(path, args[5:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = ts.MkAbs("."), environ(ts), drainTime
	cmd.Stdout, cmd.Stderr = ts.Stdout(), &tee{to: ts.Stderr(), seen: seen}
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var early error
	over := false
	if !s.eventually(func() bool {
		select {
		case early = <-ended:
			over = true
			return true
		default:
			return matched()
		}
	}) {
		cmd.Process.Kill()
		<-ended
		ts.Fatalf("during: no %s matched %q within %v", args[2], args[3], s.timeout)
	}
	if over {
		ts.Fatalf("during: %v ended before %s matched %q: %v", args[4:], args[2], args[3], early)
	}
	ts.Check(cmd.Process.Signal(sig))
	err = <-ended
	if errors.Is(err, exec.ErrWaitDelay) {
		ts.Fatalf("during: %v has ended, and a child still holds its output", args[4:])
	}
	if got := ending(cmd); got != args[1] {
		ts.Fatalf("during: %v: %s after SIG%s, want %s", args[4:], got, args[0], args[1])
	}
}

// ending is an exit status, or "killed", in a word.
func ending(cmd *exec.Cmd) string {
	if st, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		return "killed"
	}
	return strconv.Itoa(cmd.ProcessState.ExitCode())
}

// namesKey is where a script keeps the names of its environment's variables.
type namesKey struct{}

// environ is the script's environment, as far as its variables were set before it began. Later changes of them count.
func environ(ts *testscript.TestScript) []string {
	names, _ := ts.Value(namesKey{}).([]string)
	var env []string
	for _, name := range names {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

func names(env []string) []string {
	var out []string
	for _, kv := range env {
		if name, _, ok := strings.Cut(kv, "="); ok && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
