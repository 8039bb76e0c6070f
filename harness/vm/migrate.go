package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// A machine is saved by QEMU's migration with the capability x-ignore-shared (since 4.0): the guest's memory is a file that
// QEMU maps shared while it is booted, so that only the devices' state is migrated; a restored machine maps the same file
// privately. A restore so costs as many pages as the guest touches, not as many as it has.
const ignoreShared = "x-ignore-shared"

// settle waits until the guest has nothing more to do, at most two seconds: what it leaves undone, every restored machine
// would do again.
func (s *session) settle(ctx context.Context) {
	const slice = 100 * time.Millisecond
	for last, i := s.watch.used(), 0; i < 20; i++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(slice):
		}
		now := s.watch.used()
		if now-last <= slice/10 {
			return
		}
		last = now
	}
}

// migrate stops the machine and writes its devices' state into file.
func (s *session) migrate(ctx context.Context, file string) error {
	mon, err := s.openMonitor(ctx)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	r, w, err := os.Pipe() // newer QEMUs refuse plain files
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	copied := make(chan error, 1)
	go func() { // ends when QEMU closes the pipe, or with r
		_, err := io.Copy(out, io.LimitReader(r, maxState))
		io.Copy(io.Discard, r) // QEMU waits for a reader, also when the disk is full
		copied <- err
	}()
	if err := mon.capabilities(ctx); err != nil {
		return err
	}
	if err := mon.do(ctx, "stop", nil, nil); err != nil {
		return err
	}
	if err := mon.do(ctx, "getfd", map[string]any{"fdname": "state"}, nil, w); err != nil {
		return err
	}
	w.Close()
	if err := mon.do(ctx, "migrate", map[string]any{"uri": "fd:state"}, nil); err != nil {
		return err
	}
	for {
		var status struct {
			Status string `json:"status"`
			Error  string `json:"error-desc"`
		}
		if err := mon.do(ctx, "query-migrate", nil, &status); err != nil {
			return err
		}
		if status.Status == "completed" {
			break
		}
		if status.Status == "failed" || status.Status == "cancelled" {
			return fmt.Errorf("migration %s: %s", status.Status, status.Error)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := mon.do(ctx, "quit", nil, nil); err != nil { // closes the pipe
		return err
	}
	select {
	case err := <-copied:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maxState bounds the devices' state in bytes; it has about one million.
const maxState = 256 << 20

func (m *monitor) capabilities(ctx context.Context) error {
	return m.do(ctx, "migrate-set-capabilities", map[string]any{
		"capabilities": []map[string]any{{"capability": ignoreShared, "state": true}},
	}, nil)
}
