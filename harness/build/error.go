package build

import (
	"fmt"
	"strings"
)

// Error is something that kept a build from being tried or from being judged: the machine's fault or the user's, not the source's.
type Error struct {
	Op   string // what was being done, "building host on side a"
	Text string // what went wrong
	hint string
	Kind Kind
	Err  error
}

// Kind tells apart the errors on which callers branch.
type Kind int

// The kinds.
const (
	Infrastructure Kind = iota // killed by a signal, disk full, no memory
	Usage                      // a tree that cannot be copied, a package that is not there
	NotFetched                 // a module is not in the module cache: Fetch, with the network, helps
	NotProbeable               // a host of which no probe can be made
)

func (e *Error) Error() string {
	if e.Err != nil && e.Text != "" {
		return fmt.Sprintf("%s: %s: %v", e.Op, e.Text, e.Err)
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return e.Op + ": " + e.Text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do, or is empty.
func (e *Error) Hint() string { return e.hint }

// grave finds the line of a tool's output that shows that the machine failed, not the source.
func grave(op, output string) (line string, ok bool) {
	for line := range strings.Lines(output) {
		// cmd/go says "go: PACKAGE: .../compile: signal: segmentation fault"; a project's own tools may end like that by their own fault.
		if strings.HasPrefix(op, "go ") && strings.Contains(line, ": signal: ") {
			return strings.TrimSpace(line), true
		}
		for _, sign := range []string{"signal: killed", "signal: bus error", "signal: terminated", "no space left on device", "disk quota exceeded", "cannot allocate memory",
			"killed signal terminated program", "killed (program", "resource temporarily unavailable", "input/output error", "out of memory", "too many open files", "read-only file system"} {
			if strings.Contains(strings.ToLower(line), sign) {
				return strings.TrimSpace(line), true
			}
		}
	}
	return "", false
}

// missingModule finds the line of cmd/go's output that says that a module is not in the module cache.
func missingModule(output string) (line string, ok bool) {
	for line := range strings.Lines(output) {
		for _, sign := range []string{"module lookup disabled by GOPROXY=off", "dial tcp: lookup", "network is unreachable", "reading file://$GOMODCACHE"} {
			if strings.Contains(line, sign) {
				return strings.TrimSpace(line), true
			}
		}
		if strings.Contains(line, "$GOMODCACHE/cache") && strings.Contains(line, "read-only file system") {
			return strings.TrimSpace(line), true // it wants to write to what the sides may only read
		}
	}
	return "", false
}
