// Command agree holds plugproof's predictions of plugin.Open against reality: it builds hosts and plugins with many releases of Go and in many ways,
// opens sequences of them for real, on musl in virtual machines of both architectures and on glibc natively, and compares
// each open with what verify/abi says from the files, and with what it says from the host's lock: class, first package, exact text,
// killed or not. A disagreement is plugproof's own defect, and the exit status is 1; 3 if something could not be run.
//
// Each sequence is a process of its own; one machine runs several, one after another. Built files and what was seen are kept
// in -dir, by the digests of what they were made from, so a second run goes on where the first one ended; predictions are
// always made anew. What a sequence did does not depend on plugproof, so a kept observation holds while the files, the kernel and the C
// library are the same; -fresh looks again.
//
// Listed apart, and not counted as right: opens whose outcome no file tells (init functions that panic or hang), what
// follows an open that was predicted to be poisoned, and damaged files of which the prediction says that they are undecided.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/toolchain"
)

// releases are the Gos that are tried, oldest first: one of each minor release, and two of one.
const releases = "go1.20.14,go1.21.13,go1.22.12,go1.23.4,go1.24.6,go1.25.3,go1.26.0,go1.26.8,go1.27.0"

func main() {
	proc.Main() // does not return in a supervisor
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx)
	switch {
	case errors.Is(err, errDisagree):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "agree: error:", err)
		os.Exit(3)
	}
}

func run(ctx context.Context) error {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	dir := flag.String("dir", filepath.Join(cache, "agree"), "what is built and seen is kept in `DIR`")
	gos := flag.String("go", releases, "the `RELEASES`, oldest first; neighbours are tried against each other")
	rich := flag.String("rich", "go1.26.8", "the `RELEASES` that get every kind of file")
	on := flag.String("on", "amd64-musl,arm-musl,amd64-glibc", "the `TARGETS`")
	seed := flag.Int64("seed", 1, "of the random sequences")
	random := flag.Int("random", 150, "how many random sequences")
	fresh := flag.Bool("fresh", false, "look again at what was seen before")
	plain := flag.Bool("build-only", false, "build the files and stop")
	flag.Parse()
	a := &agree{
		shop: &workshop{dir: *dir, gocache: filepath.Join(*dir, "gocache"), path: os.Getenv("PATH"),
			store: &toolchain.Store{Cache: cache, UserModCache: modCache(), FetchEnv: os.Environ(), Once: true, Log: say}},
		cache: cache, fresh: *fresh, say: say,
	}
	if a.shop.store.Bootstrap, err = exec.LookPath("go"); err != nil {
		return err
	}
	var ts []target
	for _, name := range strings.Split(*on, ",") {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return fmt.Errorf("target %q is none of %v", name, targets)
		}
		ts = append(ts, targets[i])
	}
	all := fixed(strings.Split(*gos, ","), strings.Split(*rich, ","), ts)
	all = append(all, ordered(strings.Split(*rich, ",")[0], ts)...)
	all = append(all, drawn(*seed, *random, all)...)
	if *plain {
		_, err := a.prepareAll(ctx, all)
		return err
	}
	c, err := a.compareAll(ctx, all)
	if err != nil {
		return err
	}
	fmt.Print(c.text())
	if c.disagreements() > 0 {
		return errDisagree
	}
	return nil
}

func say(line string) { fmt.Fprintln(os.Stderr, "agree:", line) }

// cacheDir is plugproof's.
func cacheDir() (string, error) {
	if dir := os.Getenv("PLUGPROOF_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "plugproof"), err
}

// modCache is the user's, in which toolchains may lie already.
func modCache() string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	home, _ := os.UserHomeDir() // "" finds nothing
	return filepath.Join(home, "go", "pkg", "mod")
}
