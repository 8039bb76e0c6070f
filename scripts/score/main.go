// Command score builds the corpus of leaks, asks plugproof why the builds of each pair differ, and counts how often it is right.
//
//	score [-plugproof FILE] [-short] [-run REGEXP] [-keep DIR] [-json FILE] [-readme FILE]
//
// Each pair is built by package build, as rebuild does, and its files are compared by the plugproof command itself, in a process of
// its own, so that seconds and megabytes are what a user pays. The exit status is 1 if a name is wrong, a control is said to
// differ, a cause that is decidable was not named, or a fix did not make the pair equal; 3 if a pair could not be built.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/plugproof/plugproof/fixtures/leaks"
	"github.com/plugproof/plugproof/harness/proc"
)

func main() {
	proc.Main() // does not return in a supervisor
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "score: error:", err)
	}
	os.Exit(status)
}

// run returns the exit status. It is not 0 if there is an error.
func run(ctx context.Context, args []string) (int, error) {
	fl := flag.NewFlagSet("score", flag.ContinueOnError)
	command := fl.String("plugproof", ".bin/plugproof", "the plugproof `FILE` that is scored")
	short := fl.Bool("short", false, "only the subset for every day")
	only := fl.String("run", "", "only cases that match `REGEXP`, such as build-path/go1.26.8/arm")
	keep := fl.String("keep", "", "keep the pairs and pairs.json in `DIR`")
	out := fl.String("json", "", "write the result to `FILE`")
	page := fl.String("readme", "", "put the table into `FILE`, in the place of the one there")
	if err := fl.Parse(args); err != nil {
		return 2, nil // it has been said
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return 2, err
	}
	fixes := !*short // proving a fix builds the pair once more
	all, err := leaks.All()
	if err != nil {
		return 2, err
	}
	cases := casesOf(all, *short, match)
	if len(cases) == 0 {
		return 2, fmt.Errorf("no case is called for")
	}
	w, err := newWorld(*command, *keep, fixes)
	if err != nil {
		return 3, err
	}
	defer w.close()
	found, err := w.score(ctx, cases)
	if err != nil {
		return 3, err
	}
	r := summarise(found, fixes)
	if *keep != "" {
		if err := writeJSON(filepath.Join(*keep, "pairs.json"), r); err != nil {
			return 3, err
		}
	}
	if *out != "" {
		if err := writeJSON(*out, r); err != nil {
			return 3, err
		}
	}
	if *page != "" {
		if err := quote(*page, r.text()); err != nil {
			return 3, err
		}
	}
	fmt.Print(r.text())
	return r.status(), nil
}
