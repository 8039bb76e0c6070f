package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that the first SIGINT or SIGTERM cancels. A second one ends the process, which may be waiting in
// a read that no context ends; what it started ends with it (package proc). The default action would not do: a shell starts
// commands in the background with SIGINT ignored.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	over := make(chan struct{})
	go func() { // ends with the command
		for range 2 {
			select {
			case <-signals:
			case <-over:
				return
			}
			if ctx.Err() != nil {
				os.Exit(ExitInterrupted)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		cancel()
	}
}
