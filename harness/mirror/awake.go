package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

var (
	errSilent = fmt.Errorf("it was silent for %v in the middle of an answer", patience)
	errSlow   = fmt.Errorf("it sent less than %d bytes a second for %v", pace, stretch)
)

// awake is an answer that ends with an error once it was silent or slow for too long: an upstream that is stopped closes nothing, and
// one that trickles would hold a request for ever.
type awake struct {
	io.ReadCloser
	ctx    context.Context
	end    func(error)
	silent *time.Timer
	slow   *time.Timer

	mu    sync.Mutex
	bytes int64 // of this stretch
	shut  bool
}

// watched watches an answer; end ends ctx, by which its body is read.
func watched(ctx context.Context, body io.ReadCloser, end context.CancelCauseFunc) *awake {
	a := &awake{ReadCloser: body, ctx: ctx, end: end}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.silent = time.AfterFunc(patience, func() { end(errSilent) })
	a.slow = time.AfterFunc(stretch, a.count)
	return a
}

// count ends a stretch.
func (a *awake) count() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bytes < int64(pace*stretch/time.Second) {
		a.end(errSlow)
		return
	}
	if a.bytes = 0; !a.shut {
		a.slow.Reset(stretch)
	}
}

func (a *awake) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if cause := context.Cause(a.ctx); err != nil && (errors.Is(cause, errSilent) || errors.Is(cause, errSlow)) {
		return n, cause
	}
	a.silent.Reset(patience)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += int64(n)
	return n, err
}

func (a *awake) Close() error {
	a.mu.Lock()
	a.shut = true
	a.mu.Unlock()
	a.silent.Stop()
	a.slow.Stop()
	defer a.end(nil)
	return a.ReadCloser.Close()
}
