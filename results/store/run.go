package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/plugproof/plugproof/results"
)

// ErrLocked means that another process writes the run.
var ErrLocked = errors.New("another process writes this run")

// ErrExists means that the directory holds a run already.
var ErrExists = errors.New("there is a run already")

// ErrNoPlan means that the directory holds no plan.
var ErrNoPlan = errors.New("it has no " + planFile)

// Run is a run that this process writes. Its methods may be called from several goroutines.
type Run struct {
	Dir  string
	Plan results.Plan

	mu   sync.Mutex
	lock *os.File
	file *os.File // records.jsonl, at its end
	size int64    // bytes of whole lines
}

// File is a file of the caller's that lies beside a run's plan.
type File struct {
	Name string
	Data []byte
}

// Create makes dir, which must not hold a run yet, and writes the files and then the plan, so that no plan is without them.
func Create(dir string, plan results.Plan, beside ...File) (*Run, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("creating run: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, fmt.Errorf("creating run %q: %w", dir, err)
	}
	for _, name := range []string{planFile, recordsFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			lock.Close()
			return nil, fmt.Errorf("creating run %q: %w", dir, ErrExists)
		}
	}
	if plan.Schema == "" {
		plan.Schema = results.PlanSchema
	}
	for _, f := range beside {
		if err := writeFile(dir, f.Name, f.Data); err != nil {
			lock.Close()
			return nil, fmt.Errorf("creating run %q: %w", dir, err)
		}
	}
	if err := writePlan(dir, plan); err != nil {
		lock.Close()
		return nil, fmt.Errorf("creating run %q: %w", dir, err)
	}
	return attach(dir, plan, lock, 0)
}

// Open takes up a run that exists, for more records: a torn last line is cut off. The run must have a plan.
func Open(dir string) (*Run, Contents, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, Contents{}, fmt.Errorf("opening run: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, Contents{}, fmt.Errorf("opening run %q: %w", dir, err)
	}
	c, err := Read(dir)
	if err == nil && c.Plan == nil {
		err = fmt.Errorf("opening run %q: %w", dir, ErrNoPlan)
	}
	if err != nil {
		lock.Close()
		return nil, c, err
	}
	run, err := attach(dir, *c.Plan, lock, c.Torn)
	return run, c, err
}

// attach opens the records file for appending, cuts torn bytes off its end, and owns lock from then on.
func attach(dir string, plan results.Plan, lock *os.File, torn int64) (*Run, error) {
	f, err := os.OpenFile(filepath.Join(dir, recordsFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("opening run: %w", err)
	}
	run := &Run{Dir: dir, Plan: plan, lock: lock, file: f}
	end, err := f.Seek(-torn, io.SeekEnd)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		run.Close()
		return nil, fmt.Errorf("opening run %q: %w", dir, err)
	}
	run.size = end
	return run, nil
}

// Append writes one record as a whole line and syncs it. If that fails the file is cut back to what it was.
func (r *Run) Append(rec results.Record) error {
	line, err := rec.Line()
	if err != nil {
		return fmt.Errorf("appending record: %w", err)
	}
	if len(line) > MaxLine {
		return fmt.Errorf("appending record of %q: %d bytes are more than a line may have (%d)", rec.Cell, len(line), MaxLine)
	}
	if _, err := parseRecord(line); err != nil { // never write what Read refuses
		return fmt.Errorf("appending record of %q: %w", rec.Cell, err)
	}
	line = append(line, '\n')

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size+int64(len(line)) > MaxFile {
		return fmt.Errorf("appending record: %q would have more than %d bytes", recordsFile, MaxFile)
	}
	_, err = r.file.WriteAt(line, r.size)
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("appending record: %w", errors.Join(err, r.file.Truncate(r.size)))
	}
	r.size += int64(len(line))
	return nil
}

// CreateLog makes logs/NAME and returns it with the name that Record.Log has for it. NAME may hold letters, digits,
// dots, dashes and underscores; anything else becomes a dash. An existing log of that name is overwritten.
func (r *Run) CreateLog(name string) (*os.File, string, error) {
	name = strings.Map(func(c rune) rune {
		if c < 0x80 && (c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return c
		}
		return '-'
	}, name)
	if strings.Trim(name, ".") == "" {
		return nil, "", fmt.Errorf("creating log: %q is no name", name)
	}
	if err := os.MkdirAll(filepath.Join(r.Dir, logsDir), 0o777); err != nil {
		return nil, "", fmt.Errorf("creating log: %w", err)
	}
	f, err := os.Create(filepath.Join(r.Dir, logsDir, name))
	if err != nil {
		return nil, "", fmt.Errorf("creating log: %w", err)
	}
	return f, logsDir + "/" + name, nil
}

// Close gives the run up to other writers.
func (r *Run) Close() error { return errors.Join(r.file.Close(), r.lock.Close()) }

// acquire locks dir for writing. The lock dies with the process; the file stays.
func acquire(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("locking: %w", err)
	}
	return f, nil
}
