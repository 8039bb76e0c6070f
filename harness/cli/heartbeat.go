package cli

import (
	"fmt"
	"sync"
	"time"
)

// beat says on stderr every heartbeat what is being done and for how long, until stop is called, which may be more than once.
func (a *app) beat(doing string) (stop func()) {
	begun, ticker := a.env.Now(), time.NewTicker(heartbeat)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				fmt.Fprintf(a.env.Stderr, "plugproof: %s, after %s\n", doing, a.env.Now().Sub(begun).Round(time.Second))
			}
		}
	}()
	return sync.OnceFunc(func() {
		ticker.Stop()
		close(quit)
		<-ended
	})
}
