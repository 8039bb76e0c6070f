// Chaos kills plugproof with SIGKILL at seeded moments of a matrix, goes on with --resume, and holds the records against those of a run that
// nobody disturbed: times aside they must be the same, each cell once.
//
//	chaos -plugproof .bin/plugproof [-kills 50] [-seed 1] [-dir DIR]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	program := flag.String("plugproof", ".bin/plugproof", "the `FILE` to kill")
	kills := flag.Int("kills", 50, "how `MANY` times")
	seed := flag.Uint64("seed", 1, "of the moments")
	dir := flag.String("dir", "", "keep the runs in `DIR`; default a temporary directory that is removed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *program, *dir, *kills, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "chaos: error:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, program, dir string, kills int, seed uint64) error {
	full, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "chaos-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	// Five projects, two Gos for hosts and for plugins, two architectures: 40 cells.
	projects, err := projects(dir, 5)
	if err != nil {
		return err
	}
	c := chaos{program: full, dir: dir, kills: kills, seed: seed, say: func(line string) { fmt.Fprintln(os.Stderr, "chaos:", line) },
		args: append([]string{"verify", "--go", "go1.25.3,go1.26.8", "--pairs", "all", "--arch", "amd64,arm"}, projects...)}
	return c.run(ctx)
}
