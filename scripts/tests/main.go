// Command tests runs go test with the arguments given and shows how it goes on: each package's line, each failure with what
// it said, each test that took long, and, when nothing happens for a while, what is running. The whole output goes to a log.
// It ends in one line, "tests: N passed, N failed, N skipped", after the reasons of what was skipped. A test that has
// subtests counts as these. The exit status is go test's.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	heartbeat = 15 * time.Second // without a line, what is running is said
	slow      = 5.0              // seconds; a test that took longer has a line of its own
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: tests LOG GO-TEST-ARGUMENT...")
		os.Exit(2)
	}
	status, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "tests: error:", err)
	}
	os.Exit(status)
}

// run returns the exit status. It is not 0 if there is an error.
func run(logName string, args []string) (int, error) {
	if err := os.MkdirAll(filepath.Dir(logName), 0o755); err != nil {
		return 3, err
	}
	log, err := os.Create(logName)
	if err != nil {
		return 3, err
	}
	defer log.Close()
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 3, err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return 3, err
	}
	t := newTally(os.Stdout, log)
	events := make(chan event)
	broken := make(chan error, 1)
	go read(out, events, broken)
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for events != nil {
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				break
			}
			t.take(e)
		case s := <-signals: // go test ends its tests; whoever pressed Ctrl-C has told it already
			cmd.Process.Signal(s)
		case <-beat.C:
			t.beat()
		}
	}
	err = <-broken
	wait := cmd.Wait()
	t.finish(logName)
	var exit *exec.ExitError
	switch {
	case errors.As(wait, &exit):
		return max(1, exit.ExitCode()), nil
	case wait != nil:
		return 3, wait
	case err != nil:
		return 3, fmt.Errorf("reading go test's output: %w", err)
	case t.failed > 0:
		return 1, nil
	}
	return 0, nil
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Time       time.Time
	Action     string
	Package    string
	ImportPath string // of a package that is being built
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// read sends the events until the output ends. A line that is no event is passed on as output.
func read(r io.Reader, events chan<- event, broken chan<- error) {
	defer close(events)
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				e = event{Action: "build-output", Output: string(line)}
			}
			events <- e
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			broken <- err
			return
		}
	}
}
