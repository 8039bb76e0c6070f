// Package cli is the plugproof command: it reads flags, environment, clock and terminal, hands them to the packages
// below as values, and turns what they return into output and an exit code.
//
// A verb is one file with one constructor, newXxxCmd(*app) *cobra.Command, named in the list in root.go. It prints data
// through app.print or app.printJSON and returns an error: a plain one is infrastructure (exit 3), usagef makes it the
// user's (2), exitCode carries a verdict that is already on stdout (1, 3). Nothing else decides about exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/plugproof/plugproof/fixtures"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
)

// Env is everything that the command takes from outside, so that it can run inside another process.
type Env struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // NAME=value
	Dir     string   // working directory, absolute
	Now     func() time.Time
	Context context.Context // ends the command; nil means that only a signal does
}

// OS is the Env of this process.
func OS() Env {
	dir, err := os.Getwd()
	if err != nil {
		dir = "." // a removed working directory: commands that need it will say so
	}
	return Env{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Dir: dir, Now: time.Now}
}

// app is what every verb gets.
type app struct {
	env      Env
	json     bool                                // --json
	verbose  bool                                // -v
	offline  bool                                // verify --offline: what is not here is not asked for elsewhere
	dir      string                              // the directory of -C, absolute
	archives map[*plan.Project]*fixtures.Archive // of the projects that were read from archives
	ready    bool                                // flags and arguments were read: later errors are not about usage unless they say so
}

// Main runs one command and returns its exit code. SIGINT and SIGTERM cancel its context; a second one ends the process.
func Main(env Env) int {
	if env.Context == nil {
		env.Context = context.Background()
	}
	ctx, stop := interruptible(env.Context)
	defer stop()
	a := &app{env: env, dir: env.Dir}
	root := newRootCmd(a)
	root.SetArgs(append([]string{}, env.Args...)) // nil would mean os.Args
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.ready {
		if e := (*Error)(nil); !errors.As(err, &e) {
			err = &Error{Code: ExitUsage, Err: err, Hint: "run 'plugproof help' for the commands and flags"}
		}
	}
	if err != nil && strings.HasPrefix(err.Error(), "required flag(s) ") { // which cobra looks for late
		err = &Error{Code: ExitUsage, Err: err, Hint: "run the command with --help for its flags"}
	}
	if err != nil && ctx.Err() != nil {
		err = &Error{Code: ExitInterrupted, Err: errors.New("interrupted")}
	}
	return a.fail(err)
}

// enter applies the flags that all verbs have.
func (a *app) enter() error {
	if !filepath.IsAbs(a.dir) {
		a.dir = filepath.Join(a.env.Dir, a.dir)
	}
	info, err := os.Stat(a.dir)
	if err != nil {
		return usagef("give -C a directory that exists", "%w", err)
	}
	if !info.IsDir() {
		return usagef("give -C a directory", "%q is not a directory", a.dir)
	}
	a.ready = true
	return nil
}

// getenv returns the last value of an environment variable, or "".
func (a *app) getenv(name string) string {
	for i := len(a.env.Environ) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(a.env.Environ[i], "="); ok && k == name {
			return v
		}
	}
	return ""
}

// path makes a path argument absolute, as seen from -C.
func (a *app) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(a.dir, p)
}

// print writes data to stdout.
func (a *app) print(text string) error {
	if _, err := io.WriteString(a.env.Stdout, text); err != nil {
		return fmt.Errorf("writing to stdout: %w", err)
	}
	return nil
}

// printJSON writes one document to stdout as one line.
func (a *app) printJSON(doc any) error {
	b, err := results.Canonical(doc)
	if err != nil {
		return err
	}
	return a.print(string(b) + "\n")
}

// note says something on stderr that is not an error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.env.Stderr, "plugproof: note: "+format+"\n", args...)
}

// talk says something on stderr under -v.
func (a *app) talk(format string, args ...any) {
	if a.verbose {
		fmt.Fprintf(a.env.Stderr, "plugproof: "+format+"\n", args...)
	}
}
