package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// restored returns a session of a saved machine, which is booted and saved first if there is none.
func (m *Machine) restored(ctx context.Context, job Job, disk *os.File, out *Outcome) (*session, error) {
	if m.Accel != "tcg" {
		return nil, fmt.Errorf("machines under %s are not saved", m.Accel)
	}
	sv, err := m.saved(ctx, out)
	if err != nil {
		return nil, err
	}
	defer sv.close()
	s, err := m.restore(ctx, job, disk, out, sv)
	if err != nil {
		if ctx.Err() == nil {
			os.RemoveAll(sv.dir)
		}
		return nil, fmt.Errorf("restoring: %w", err)
	}
	return s, nil
}

// restore starts QEMU with the saved memory and state and lets the guest go on.
func (m *Machine) restore(ctx context.Context, job Job, disk *os.File, out *Outcome, sv *saved) (*session, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	l := launch{disk: disk, memory: out.MemoryMiB, ram: inherited(fdFree), incoming: true}
	q, err := m.start(ctx, l, job.Talk, sv.ram, r)
	r.Close()
	if err != nil {
		return nil, err
	}
	s := &session{q: q, job: job, out: out, text: make([]Result, len(job.Commands))}
	s.watch = newWatchdog(q, BootBudget)
	if err := s.resume(ctx, sv, w); err != nil {
		q.kill()
		if text := q.stderr.String(); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return nil, err
	}
	out.Release, out.Configured = sv.Release, sv.Scripts
	return s, nil
}

// resume feeds the state to QEMU and starts the guest's processor.
func (s *session) resume(ctx context.Context, sv *saved, w *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, restoreTime)
	defer cancel()
	mon, err := s.openMonitor(ctx)
	if err != nil {
		return err
	}
	if err := mon.capabilities(ctx); err != nil {
		return err
	}
	if err := mon.do(ctx, "migrate-incoming", map[string]any{"uri": fmt.Sprintf("fd:%d", fdFree+1)}, nil); err != nil {
		return err
	}
	fed := make(chan error, 1)
	go func() { // ends with the pipe
		_, err := io.Copy(w, io.NewSectionReader(sv.state, 0, maxState))
		w.Close()
		fed <- err
	}()
	defer func() {
		w.SetWriteDeadline(time.Unix(1, 0))
		<-fed
	}()
	for {
		var status struct {
			Status string `json:"status"`
		}
		if err := mon.do(ctx, "query-status", nil, &status); err != nil {
			return err
		}
		switch status.Status {
		case "inmigrate":
			time.Sleep(2 * time.Millisecond)
			continue
		case "paused", "postmigrate", "prelaunch":
			return mon.do(ctx, "cont", nil, nil)
		}
		return fmt.Errorf("QEMU is %q after the restore", status.Status)
	}
}

// restoreTime bounds a restore by the clock on the wall; it takes 0.2 s on an idle machine, and after it a kernel is booted.
const restoreTime = 3 * time.Minute
