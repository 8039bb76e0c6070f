package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/plugproof/plugproof/results"
	"golang.org/x/sys/unix"
)

// A machine is saved by QEMU's migration with the capability x-ignore-shared (since 4.0): the guest's memory is a file that
// QEMU maps shared while it is booted, so that only the devices' state is migrated; a restored machine maps the same file
// privately. A restore so costs as many pages as the guest touches, not as many as it has.
const ignoreShared = "x-ignore-shared"

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

// saved opens the saved machine of this key, or boots and saves it. Only one process at a time does the latter.
func (m *Machine) saved(ctx context.Context, out *Outcome) (*saved, error) {
	key, err := m.key(out.MemoryMiB)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(m.Saved, key)
	sv, err := openSaved(dir)
	if err == nil {
		return sv, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		out.Notes = append(out.Notes, err.Error())
	}
	if err := os.MkdirAll(m.Saved, 0o755); err != nil {
		return nil, err
	}
	held, err := lock(ctx, dir+".lock")
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if sv, err := openSaved(dir); err == nil { // saved by another while this one waited
		return sv, nil
	}
	if err := m.save(ctx, dir, key, out); err != nil {
		return nil, fmt.Errorf("saving: %w", roomIn(m.Saved, err))
	}
	if err := prune(m.Saved, key, MaxSaved); err != nil {
		return nil, fmt.Errorf("pruning saved machines: %w", err)
	}
	return openSaved(dir)
}

// save boots the machine with an empty disk, stops it when it waits for its order, and saves it into dir.
func (m *Machine) save(ctx context.Context, dir, key string, out *Outcome) error {
	if err := makeRoom(m.Saved, key); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(m.Saved, unfinished(key)+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // gone after the rename
	disk, _, err := m.payload(nil)
	if err != nil {
		return err
	}
	defer disk.Close()
	memory, err := memoryFile()
	if err != nil {
		return err
	}
	defer memory.Close()
	l := launch{disk: disk, memory: out.MemoryMiB, ram: inherited(fdFree), shared: true}
	s, err := m.boot(ctx, Job{}, l, out, memory)
	if err != nil {
		return err
	}
	defer s.q.kill()
	defer func() { out.CPU += s.watch.used() }()
	if s.fault != nil {
		return s.fault
	}
	s.settle(ctx)
	if err := s.migrate(ctx, filepath.Join(tmp, "state")); err != nil {
		return err
	}
	s.q.kill()
	if err := copySparse(filepath.Join(tmp, "ram"), memory); err != nil {
		return err
	}
	sv := &saved{Key: key, Release: out.Release, Scripts: out.Configured, dir: tmp}
	if err := sv.seal(); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

// leastRoom is what a file system must have free in bytes before a machine is booted to be saved there: the smallest ones
// take a little more.
const leastRoom = 40 << 20

// makeRoom removes what a killed process left unfinished of this machine, whose lock is held, and says early if the file
// system is full: without it each run would boot twice.
func makeRoom(dir, key string) error {
	left, err := filepath.Glob(filepath.Join(dir, unfinished(key)+"*"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err == nil && int64(st.Bavail)*int64(st.Bsize) < leastRoom {
		return fmt.Errorf("%d MiB are free, at least %d are needed: %w", int64(st.Bavail)*int64(st.Bsize)>>20, leastRoom>>20, unix.ENOSPC)
	}
	return nil
}

// unfinished begins the name of a machine's directory while it is written.
func unfinished(key string) string { return ".new-" + key + "-" }

// memoryFile is a file without a name that is never written back: a guest that boots in a file of a disk waits for the disk.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("plugproof", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file of memory: %w", err)
	}
	return os.NewFile(uintptr(fd), "memory"), nil
}

// copySparse copies a file and leaves holes for its zero blocks.
func copySparse(name string, from *os.File) error {
	st, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	err = blocks(from, func(off int64, block []byte) error {
		_, err := to.WriteAt(block, off)
		return err
	})
	if err != nil {
		return err
	}
	return to.Truncate(st.Size())
}

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

// seal takes the digests, makes the files durable and writes the description.
func (s *saved) seal() error {
	for i, f := range []struct {
		name string
		sum  *results.Digest
	}{{"ram", &s.RAM}, {"state", &s.State}} {
		file, err := os.Open(filepath.Join(s.dir, f.name))
		if err != nil {
			return err
		}
		defer file.Close()
		if *f.sum, err = sparseDigest(file); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		if s.Checked[i], err = stampOf(file); err != nil {
			return err
		}
	}
	return s.writeMeta()
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
