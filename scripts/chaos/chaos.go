package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/plugproof/plugproof/results/store"
)

// chaos is one series of kills.
type chaos struct {
	program string   // plugproof
	args    []string // verify and what it is to do
	dir     string   // where the runs are made
	kills   int
	seed    uint64
	env     []string // added to the environment
	say     func(string)

	again int // runs that had to begin anew, for nothing was written when they were killed
}

// perRun is the most kills that one run has to endure.
const perRun = 17

// late is how long after a record the kill may come, at most. The next record is usually there by then.
const late = 900 * time.Millisecond

// run makes the undisturbed run and then disturbed ones until there were enough kills.
func (c *chaos) run(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(c.seed, 40))
	begun := time.Now()
	if err := c.verify(ctx, append(c.args, "--out", filepath.Join(c.dir, "undisturbed")), nil); err != nil {
		return fmt.Errorf("the undisturbed run: %w", err)
	}
	want, err := remains(filepath.Join(c.dir, "undisturbed"))
	if err != nil {
		return err
	}
	c.say(fmt.Sprintf("undisturbed: %d records in %v", len(want), time.Since(begun).Round(time.Second)))
	killed := 0
	for n := 1; killed < c.kills; n++ {
		out := filepath.Join(c.dir, fmt.Sprintf("disturbed-%d", n))
		times, err := c.disturb(ctx, rng, out, len(want), min(perRun, c.kills-killed))
		if err != nil {
			return fmt.Errorf("run %d (seed %d): %w", n, c.seed, err)
		}
		got, err := remains(out)
		if err != nil {
			return fmt.Errorf("run %d (seed %d): %w", n, c.seed, err)
		}
		if err := same(want, got); err != nil {
			return fmt.Errorf("run %d (seed %d) was killed %d times, and then: %w", n, c.seed, times, err)
		}
		killed += times
		c.say(fmt.Sprintf("run %d was killed %d times and its %d records are those of the undisturbed run; %d of %d kills, after %v", n, times, len(got), killed, c.kills, time.Since(begun).Round(time.Second)))
		if err := os.RemoveAll(out); err != nil {
			return err
		}
	}
	c.say(fmt.Sprintf("%d kills with seed %d: nothing lost, nothing doubled; %d times nothing had been written yet and the run began anew", killed, c.seed, c.again))
	return nil
}

// disturb makes one run, kills it up to most times and lets it end. It returns how often it was killed.
func (c *chaos) disturb(ctx context.Context, rng *rand.Rand, out string, records, most int) (times int, err error) {
	args := append(append([]string{}, c.args...), "--out", out)
	for have := 0; times < most; {
		share := 2 * (records - have) / (most - times + 1) // so that the moments spread over the whole run
		at := moment{records: have + rng.IntN(max(1, share)), wait: time.Duration(rng.Int64N(int64(late)))}
		err := c.verify(ctx, args, &kill{at, out})
		switch {
		case err == nil:
			return times, nil // it was over before its moment came
		case !errors.Is(err, errKilled):
			return times, err
		}
		times++
		if have, err = lines(out); err != nil {
			return times, err
		}
		if _, err := os.Stat(filepath.Join(out, "request.json")); err != nil { // it had not come to that: as if it had never been started
			c.again++
			if err := os.RemoveAll(out); err != nil {
				return times, err
			}
			continue
		}
		args = []string{"verify", "--resume", out}
	}
	return times, c.verify(ctx, args, nil)
}

// moment is when a run is killed: so long after its file has so many records.
type moment struct {
	records int
	wait    time.Duration
}

// kill is a moment of the run in a directory.
type kill struct {
	moment
	out string
}

var errKilled = errors.New("killed")

// verify runs plugproof. Without a kill it must end with 0; with one the error is errKilled, or nil if it ended before.
func (c *chaos) verify(ctx context.Context, args []string, k *kill) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, append(os.Environ(), c.env...), &said, &said
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	if k == nil {
		err = <-ended
	} else if over, early := k.await(ended); over {
		err = early
	} else {
		family := descendants(cmd.Process.Pid)
		cmd.Process.Kill()
		if err := <-ended; errors.Is(err, exec.ErrWaitDelay) {
			return fmt.Errorf("plugproof was killed, and a child still holds its output")
		}
		if left := outlived(ctx, family); len(left) > 0 {
			return fmt.Errorf("plugproof was killed, and these live on: %s", strings.Join(left, ", "))
		}
		return errKilled
	}
	if err != nil {
		return fmt.Errorf("plugproof %s: %w\n%s", strings.Join(args, " "), err, said.Bytes())
	}
	return nil
}

// await waits for the moment, or for the end of the process.
func (k *kill) await(ended <-chan error) (over bool, err error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return true, err
		case <-tick.C:
		}
		if n, err := lines(k.out); err == nil && n >= k.records {
			break
		}
	}
	wait := time.NewTimer(k.wait)
	defer wait.Stop()
	select {
	case err := <-ended:
		return true, err
	case <-wait.C:
		return false, nil
	}
}

// lines counts the whole lines of a run's records.
func lines(out string) (int, error) {
	data, err := os.ReadFile(filepath.Join(out, "records.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return bytes.Count(data, []byte("\n")), err
}

// remains are the records of a finished run without what may differ between two runs of the same thing.
func remains(out string) ([]string, error) {
	c, err := store.Read(out)
	if err != nil {
		return nil, err
	}
	return timeless(c)
}
